"""A real Prometheus (Debian's package) that scrapes what a test tells it to."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.up.supervisor import Supervisor, free_port

Found = dict[str, Any]
"""A series: its labels under `metric`, and its `value`, or over a time its `values`."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str

    def ask(self, expr: str, at: float | None = None) -> list[Found]:
        """The series that an instant query finds; an error of its parser is one of the test."""
        moment = {} if at is None else {"time": at}
        return _series(self._get("query", {"query": expr, **moment}))

    def ask_over(self, expr: str, start: float, end: float, step_s: float) -> list[Found]:
        asked = {"query": expr, "start": start, "end": end, "step": f"{step_s:.3f}"}
        return _series(self._get("query_range", asked))

    def exemplars(self, expr: str, start: float, end: float) -> list[Found]:
        """Those of all series, where it was started to keep them."""
        return [
            exemplar
            for one in self._get("query_exemplars", {"query": expr, "start": start, "end": end})
            for exemplar in one["exemplars"]
        ]

    def _get(self, path: str, parameters: Mapping[str, object]) -> Any:
        asked = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)["data"]


def _series(answered: Any) -> list[Found]:
    found: list[Found] = answered["result"]
    return found


def start(
    supervisor: Supervisor,
    program: Path,
    folder: Path,
    targets: Mapping[str, str],
    *,
    interval: str = "200ms",
    labels: Mapping[str, str] | None = None,
    flags: tuple[str, ...] = (),
) -> Prometheus:
    """targets: the address of each job. labels: of all of them."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [{"targets": [address], "labels": dict(labels or {})}],
            }
            for job, address in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    command = [
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    url = f"http://127.0.0.1:{port}"
    supervisor.start(f"prometheus-{port}", command, ready=f"{url}/-/ready")
    return Prometheus(url)
