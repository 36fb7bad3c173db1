"""`driftmeter prove`: an installation shows that it works, from a push to a report."""

import argparse
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from monitor.apply import answers
from monitor.apply.calling import add_api, api_client
from monitor.apply.client import ApiError, Client
from monitor.apply.reported import Report
from monitor.flags import duration
from monitor.spec.model import API_VERSION, Monitor

DESCRIPTION = """\
Declares a monitor of its own, pushes predictions for it, waits until a window of them is reported,
and deletes it. What it needs along the way is what every monitor needs: the API, a collector,
Kafka, aggregate, detect and the database.

  driftmeter prove
  driftmeter prove --api http://driftmeter:8600 --token-file tokens --ingest http://driftmeter:9001
"""

N_REFERENCE = 100
N_PUSHED = 50
EVERY_S = 0.5


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "prove",
        help="push predictions through an installation, and wait for their report",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_api(parser)
    parser.add_argument(
        "--ingest",
        metavar="URL",
        default="http://127.0.0.1:9001",
        help="a collector that takes pushes (default %(default)s)",
    )
    parser.add_argument(
        "--wait",
        metavar="DURATION",
        type=duration,
        default=120.0,
        help="how long it may take (default 2m)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    name = f"driftmeter-proof-{secrets.token_hex(4)}"
    began = time.monotonic()
    with api_client(args) as api, httpx2.Client(base_url=args.ingest, timeout=10) as ingest:
        pushing = _Pushing(ingest, name, random.Random(name))  # noqa: S311 - of no importance
        report = prove(api, name, pushing, until=began + args.wait)
    window = report["window"]
    print(
        f"{report['n_rows']} predictions of {window['start']} to {window['end']} were reported "
        f"{time.monotonic() - began:.0f} s after the first was pushed"
    )
    return 0


def prove(
    api: Client,
    name: str,
    push: Callable[[], str],
    *,
    until: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """The first report of a monitor that exists for as long as this takes.

    push: pushes some predictions, and says what was answered. Raises ApiError where no report has
    come when `clock` is at `until`, with how far they came.
    """
    api.put_monitor(_document(name))
    try:
        while True:
            answered = push()
            found = api.monitor(name)
            if report := found["last_report"]:
                return report
            if clock() >= until:
                raise ApiError(_how_far(found, answered))
            sleep(EVERY_S)
    finally:
        api.delete_monitor(name)


def _document(name: str) -> Monitor:
    spec = {"reference": {"first": N_REFERENCE}, "windows": ["2s"], "lateness": "1s"}
    return Monitor.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": "Monitor",
            "metadata": {"name": name, "labels": {"owner": "driftmeter"}},
            "spec": spec,
        }
    )


def _how_far(found: answers.Monitor, answered: str) -> str:
    if answered:
        return f"no report: the collector answered {answered}"
    if found["status"] != "active":
        why = f" ({found['reason']})" if found["reason"] else ""
        return (
            f"no report: the collector took the predictions, but its reference is {found['status']}"
            f"{why}. Do they reach Kafka, and does `serve` read them there?"
        )
    return (
        "no report: the reference is fitted, but no window was reported. Do `aggregate` and "
        "`detect` run?"
    )


@dataclass(slots=True)
class _Pushing:
    """Pushes rows as any client does. Called, it gives what was wrong, or nothing."""

    ingest: httpx2.Client
    monitor: str
    rng: random.Random
    n_pushed: int = 0

    def __call__(self) -> str:
        rows = [self._row(self.n_pushed + i) for i in range(N_PUSHED)]
        body = {"monitor": self.monitor, "rows": rows}
        try:
            answer = self.ingest.post("/v1/predictions", json=body)
        except httpx2.HTTPError as error:
            return f"nothing ({error})"
        if not answer.is_success:
            return f"{answer.status_code}: {answer.text[:200]}"
        self.n_pushed += N_PUSHED
        return ""

    def _row(self, number: int) -> dict[str, object]:
        drawn = self.rng.random()
        return {"id": f"{self.monitor}/{number}", "x": drawn, "prediction": 1 - drawn}
