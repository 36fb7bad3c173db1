"""Makers of monitors that are to be retrained."""

from dataclasses import replace
from typing import Any

from alerts.notification import Origin
from alerts.retraining.policy import Answer
from alerts.state import Alert, Policy, step
from detectors.report import Verdict
from monitor.retraining import asking
from monitor.spec.model import Monitor
from monitor.spec.retraining import RetrainSubscription
from monitor.sql.database import Database
from tests.alerts.reports import observation

NOW = 1_600_000_000.0


def monitor(retrain: dict[str, Any] | None = None, **labels: str) -> Monitor:
    """A monitor that asks for retrains; None: its document does not speak of any."""
    section = {} if retrain is None else {"retrain": retrain}
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": "free-seats", "labels": labels},
            "spec": {"reference": "rides.parquet", "windows": ["1d"], "lateness": "1m", **section},
        }
    )


def subscription(name: str = "nightly", **spec: Any) -> RetrainSubscription:
    return RetrainSubscription.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "RetrainSubscription",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


class Days:
    """A monitor's windows, a day each, as detect takes them in."""

    def __init__(self, database: Database, watched: Monitor) -> None:
        self.database = database
        self.monitor = watched
        self.alert: Alert | None = None
        self.day = 0
        self.model_version: str | None = None
        self.revision = 1

    def drift(self) -> list[Answer]:
        return self._pass(Verdict.DRIFT)

    def quiet(self) -> list[Answer]:
        return self._pass(Verdict.QUIET)

    def _pass(self, verdict: Verdict) -> list[Answer]:
        seen = replace(observation(self.day, verdict), monitor=self.monitor.name)
        self.alert = step(self.alert, seen, Policy()).alert
        self.day += 1
        if self.alert is None:
            return []
        origin = Origin(base_url="https://driftmeter.example")
        with self.database.write() as connection:
            return asking.consider(
                connection,
                self.alert,
                self.monitor,
                origin,
                now=NOW,
                revision=self.revision,
                model_version=self.model_version,
            )
