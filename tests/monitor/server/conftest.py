"""A database in which a monitor has been watched for some days, and drifts on the last ones."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from sqlalchemy import insert

from monitor.server.app import create_app
from monitor.server.moments import moment
from monitor.spec.model import Monitor
from monitor.sql import figures, registry, tables
from monitor.sql.database import Database

DAY = 86_400.0
FIRST_DAY = 1_583_712_000.0  # 2020-03-09
NOW = FIRST_DAY + 30 * DAY
THRESHOLD = 180.0


def monitor(name: str = "free-seats", **spec: object) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name, "labels": {"owner": "transit"}},
            "spec": {"reference": "rides.parquet", "windows": ["1d"], **spec},
        }
    )


def column(name: str = "boarded", *, drifts: bool = False, **changes: object) -> dict[str, Any]:
    quantiles = {"0.05": 1.0, "0.25": 8.0, "0.5": 12.0, "0.75": 19.0, "0.95": 31.0}
    after = {quantile: value / 4 for quantile, value in quantiles.items()}
    bars = [f"{4 * i} – {4 * i + 4}" for i in range(10)]
    shares = [0.05, 0.2, 0.3, 0.2, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01]
    return {
        "name": name,
        "type": "float",
        "role": "feature",
        "reference": _summary(quantiles),
        "current": _summary(after if drifts else quantiles),
        "unseen": 0.0,
        "statistics": {"kolmogorov_smirnov": 0.6 if drifts else 0.02},
        "intervals": {"wasserstein_sd": [1.9, 2.3]} if drifts else {},
        "effect": 2.1 if drifts else 0.02,
        "effect_unit": "sd",
        "p_value": 1e-12 if drifts else 0.4,
        "evidence_share": 0.8 if drifts else 0.1,
        "named": drifts,
        "distribution": {
            "bars": bars,
            "reference": shares,
            "current": sorted(shares, reverse=True) if drifts else shares,
            "edges": [4.0 * i for i in range(11)],
        },
        **changes,
    }


def _summary(quantiles: dict[str, float]) -> dict[str, Any]:
    return {"n": 480, "missing": 0.04, "mean": 13.0, "quantiles": quantiles, "shares": None}


def report(day: int, *, name: str = "free-seats", **changes: object) -> dict[str, Any]:
    start, drifts = FIRST_DAY + day * DAY, day >= 5
    return {
        "id": f"{name}-{day}",
        "monitor": name,
        "window": {"start": moment(start), "end": moment(start + DAY), "seconds": DAY},
        "revision": 1,
        "reference_id": "sha256:" + "0" * 64,
        "monitor_revision": 1,
        "n_rows": 500,
        "verdict": "drift" if drifts else "quiet",
        "reason": "strong window" if drifts else "within reference",
        "p_value": 1e-12 if drifts else 0.5,
        "evidence": 4e5 if drifts else 0.4,
        "threshold": THRESHOLD,
        "provisional": False,
        "columns": [column(drifts=drifts), column("temperature")],
        "outliers": {
            "n_scored": 500,
            "n_flagged": 130 if drifts else 1,
            "false_discovery_rate": 0.1,
        },
        "expected": performance(6.0 if drifts else 3.1),
        "realised": performance(9.0 if drifts else 3.0, coverage=0.98) if day < 6 else None,
        **changes,
    }


def performance(value: float, coverage: float | None = None) -> dict[str, Any]:
    return {
        "metric": "mae",
        "value": value,
        "reference": 3.0,
        "n": 490,
        "others": {"rmse": value * 1.3},
        "coverage": coverage,
    }


def store_report(database: Database, body: dict[str, Any], start: float) -> None:
    row = {
        "id": body["id"],
        "monitor": body["monitor"],
        "window_s": body["window"]["seconds"],
        "window_start": start,
        "window_end": start + body["window"]["seconds"],
        "revision": body["revision"],
        "reference_id": body["reference_id"],
        "monitor_revision": body["monitor_revision"],
        "decision": {},
        "body": body,
        "created_at": start + DAY,
    }
    with database.write() as connection:
        connection.execute(insert(tables.reports), row)
        figures.write(connection, row)


@pytest.fixture
def watched(database: Database) -> Database:
    """One monitor, active, with seven days of reports: the last two drift."""
    with database.write() as connection:
        put = registry.put(connection, monitor(), NOW)
        registry.activate(connection, put, "sha256:" + "0" * 64, ())
    for day in range(7):
        store_report(database, report(day), FIRST_DAY + day * DAY)
    return database


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    app = create_app(database, CollectorRegistry(), lambda: NOW)
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def told(watched: Database) -> None:
    """An alert of the drift fires, and a webhook was told of it at the second attempt."""
    firing = FIRST_DAY + 6 * DAY
    movement = {"name": "boarded", "role": "feature", "what": "mean", "effect_unit": "sd"}
    facts = {"reason": "strong window", "evidence": 4e5, "threshold": THRESHOLD}
    moved = movement | {"reference": 13.0, "current": 3.2, "effect": 2.1}
    alert = {
        "id": "alert-1",
        "monitor": "free-seats",
        "cause": "drift",
        "window_s": DAY,
        "state": "firing",
        "started_at": firing,
        "updated_at": firing,
        "firing_at": firing,
        "body": facts | {"columns": [moved]},
    }
    delivery = {
        "id": "delivery_1",
        "monitor": "free-seats",
        "kind": "alert",
        "endpoint": "pager",
        "place": "endpoint_1",
        "target": {"url": "https://pager.example/hook"},
        "alert": "alert-1",
        "at": firing,
        "payload": {"id": "n1", "type": "driftmeter.alert.firing", "time": moment(firing)},
        "state": "delivered",
        "created_at": NOW - 60,
        "next_attempt_at": NOW - 60,
        "n_attempts": 2,
        "n_failed": 1,
    }
    first = {"delivery": "delivery_1", "n": 1, "at": NOW - 60, "duration_s": 0.2, "status": 503}
    attempts = [
        first | {"outcome": "retry", "detail": "HTTP 503"},
        first
        | {"n": 2, "at": NOW - 50, "status": 204, "outcome": "delivered", "detail": "HTTP 204"},
    ]
    with watched.write() as connection:
        connection.execute(insert(tables.alerts), alert)
        connection.execute(insert(tables.outbox), delivery)
        connection.execute(insert(tables.attempts), attempts)
