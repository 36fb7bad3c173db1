"""From rows that leave redacted and in part to the report of a window, through all roles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from monitor.apply.client import Client
from monitor.leaving.redaction import hashed
from monitor.leaving.sampling import chosen
from monitor.spec.model import Monitor
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor
from tests.support.http_push import push
from tests.support.waiting import wait_for

HOUR = 3600.0
NOON = 1_700_000_000.0 // HOUR * HOUR
KEY = b"0123456789abcdef0123456789abcdef"
RIDERS = ("Ada", "Bob", "Cyd")
N = 4_000


def values(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    speed = rng.normal(size=n)
    return {
        "speed": speed,
        "age": rng.integers(18, 90, n),
        "rider": rng.choice(RIDERS, n, p=(0.6, 0.3, 0.1)),
        "prediction": 2 * speed,
    }


def training(path: Path) -> str:
    n = 30 * 200
    times = pa.array((NOON - HOUR * 30 + np.arange(n) * 18.0) * 1e6).cast(pa.int64())
    table = {**values(n, 0), "at": times.cast(pa.timestamp("us", "UTC"))}
    table["truth"] = table["prediction"] + np.random.default_rng(1).normal(size=n)
    parquet.write_table(pa.table(table), path)
    return str(path)


@dataclass
class Running:
    """Everything, with one monitor."""

    client: Client
    ingest: int
    api_url: str

    def push(self, kind: str, rows: list[dict[str, Any]]) -> None:
        body = orjson.dumps({"monitor": "seats", "rows": rows})
        wait_for(lambda: push(self.ingest, kind, body) == 202)

    def hour(self, number: int, n: int = N) -> list[str]:
        """Pushes an hour of rows; returns their ids."""
        found = values(n, 10 + number)
        times = NOON + number * HOUR + np.arange(n) * (HOUR / n)
        ids = [f"{number}-{i}" for i in range(n)]
        rows = [
            {"id": ids[i], "time": float(times[i]), "colour": "red"}
            | {name: column[i].item() for name, column in found.items()}
            for i in range(n)
        ]
        self.push("predictions", rows)
        return ids

    def report(self, number: int) -> Mapping[str, Any]:
        found = {r["window"]["start"]: r for r in self.client.reports("seats")}
        return found.get(sorted(found)[number], {}) if len(found) > number else {}


@pytest.fixture
def running(tmp_path: Path, supervisor: Supervisor) -> Iterator[Running]:
    (tmp_path / "key").write_bytes(KEY)
    settings = Settings(data=tmp_path / "data", hash_key_file=tmp_path / "key", flush_s=0.2)
    addresses = start(supervisor, settings)
    document = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": "seats"},
        "spec": {
            "reference": {"url": training(tmp_path / "training.parquet"), "time": "at"},
            "label": "truth",
            "lateness": "0s",
            "capture": {
                "redact": {"rider": "hash", "age": {"bucket": 10}},
                "sample": "1 in 4",
            },
        },
    }
    with Client(addresses.api_url) as client:
        declared = client.put_monitor(Monitor.model_validate(document))
        settled = client.settle("seats", declared["revision"], timeout_s=30.0)
        assert settled["status"] == "active", settled
        yield Running(client, addresses.ingest.port, addresses.api_url)


def test_a_window_of_hashed_and_sampled_rows_is_reported_as_what_it_is(running: Running) -> None:
    ids = running.hour(0)
    running.push("labels", [{"id": one, "label": 1.5} for one in ids])
    running.hour(2)
    n = int(chosen(ids, 4).sum())
    wait_for(lambda: (running.report(0).get("realised") or {}).get("n") == n, timeout_s=90.0)
    report = running.report(0)
    assert (report["n_rows"], report["n_seen"]) == (n, 4 * n)
    assert abs(report["n_seen"] - N) < 5 * np.sqrt(4 * N)
    columns = {column["name"]: column for column in report["columns"]}
    shares = columns["rider"]["current"]["shares"]
    assert {*shares} == {hashed(rider, KEY) for rider in RIDERS}
    assert columns["rider"]["unseen"] == 0
    assert shares[hashed("Ada", KEY)] == pytest.approx(0.6, abs=0.08)
    assert {edge % 10 for edge in columns["age"]["current"]["quantiles"].values()} == {0}
    assert report["verdict"] == "quiet"
    assert report["realised"]["coverage"] == 1.0
    told = {issue["fault"]: issue for issue in report["quality"]["issues"]}
    assert told["new columns"]["share"] == 1.0
    page = httpx2.get(f"{running.api_url}/monitors/seats").text
    assert "a sample of" in page
    assert "rows: 100 % new columns, 0 % in the reference" in page
