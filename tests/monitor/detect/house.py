"""Monitors whose windows say what a test wants, and what people are told of it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from alerts.words import Ruling, Telling
from detectors.decision import Decision
from detectors.report import WindowReport
from monitor.detect import alarms, telling
from monitor.detect.alarms import Decided
from monitor.detect.judging import WrittenReport
from monitor.detect.state import Series
from monitor.kafka.messages import Registration
from monitor.sql import registry, silences, tables
from monitor.sql.database import Database, upsert
from tests.support.counted import HOUR, monitor

REFERENCE = "sha256:" + "0" * 64
WEBHOOK = {"name": "pager", "url": "https://example.org/hook", "secret_file": "/secret"}


class _DiedError(Exception):
    """Stands for kill -9: what is not committed has not been."""


@dataclass
class House:
    """Windows are an hour long; `now` is our clock."""

    database: Database
    now: float = 1e9
    registrations: dict[str, Registration] = field(default_factory=dict)

    def apply(
        self, name: str = "seats", labels: dict[str, str] | None = None, **alerting: Any
    ) -> None:
        document = monitor(name, alerts={"webhooks": [WEBHOOK], **alerting}).to_json()
        document["metadata"] = {"name": name, "labels": labels or {}}
        with self.database.write() as connection:
            found = registry.put(connection, monitor(name).model_validate(document), self.now)
            active = registry.activate(connection, found, REFERENCE, ())
        self.registrations[name] = active

    def delete(self, name: str = "seats") -> None:
        with self.database.write() as connection:
            registry.delete(connection, name, self.now)
        del self.registrations[name]

    def silence(self, *matchers: str, for_s: float) -> None:
        row = {
            "id": f"silence_{self.now}",
            "matchers": list(matchers),
            "weekly": None,
            "starts_at": self.now,
            "ends_at": self.now + for_s,
            "comment": "",
            "created_by": "",
            "created_at": self.now,
        }
        with self.database.write() as connection:
            silences.put(connection, row)

    def hour(
        self,
        number: int,
        report: WindowReport,
        name: str = "seats",
        *,
        revised: bool = False,
        dies: bool = False,
    ) -> list[Decided]:
        """dies: the process, before the transaction is committed."""
        written = _written(number, report, name)
        about, base_url = self.registrations[name], "https://driftmeter.example"
        with self._transaction(dies) as connection:
            decided = alarms.observe(
                connection, written, about, now=self.now, base_url=base_url, revised=revised
            )
        return decided  # noqa: RET504 - after the transaction, which may be undone

    def keep(self, number: int, report: WindowReport) -> None:
        """The report itself, for windows that look back at it."""
        written = _written(number, report, "seats")
        with self.database.write() as connection:
            upsert(connection, tables.reports, [written.row(self.now)])

    def tell(self, *, dies: bool = False) -> list[Decided]:
        with self._transaction(dies) as connection:
            withdrawn = alarms.withdraw(connection, self.registrations, now=self.now)
            told = telling.tell(connection, self.registrations, now=self.now, base_url=None)
        return [*withdrawn, *told]

    @contextmanager
    def _transaction(self, dies: bool) -> Iterator[Connection]:
        with suppress(_DiedError), self.database.write() as connection:
            yield connection
            if dies:
                raise _DiedError

    def tellings(self) -> list[Telling]:
        return [one.reason for one in self.tell() if isinstance(one.reason, Telling)]

    def told(self) -> list[tuple[str, str, str]]:
        """Endpoint, cause and state of everything in the outbox, in the order of its making."""
        t = tables.outbox
        with self.database.read() as connection:
            rows = connection.execute(select(t).where(t.c.kind == "alert").order_by(t.c.at)).all()
        alerts = [(row.endpoint, row.payload["data"]["alert"]) for row in rows]
        return [(endpoint, alert["cause"], alert["state"]) for endpoint, alert in alerts]

    def digests(self) -> list[list[dict[str, Any]]]:
        """What is listed in each."""
        t = tables.outbox
        with self.database.read() as connection:
            payloads = connection.scalars(select(t.c.payload).where(t.c.endpoint == "digest"))
            return [payload["data"]["digest"] for payload in payloads]


def _written(number: int, report: WindowReport, name: str) -> WrittenReport:
    decision = Decision(
        verdict=report.verdict,
        reason=report.reason,
        p_value=report.p_value,
        evidence=report.evidence,
        threshold=report.threshold,
        provisional=False,
        columns={},
    )
    return WrittenReport(
        series=Series(name, REFERENCE, HOUR),
        start=number * HOUR,
        revision=1,
        monitor_revision=1,
        decision=decision,
        report=report,
    )


def rulings(decided: list[Decided]) -> dict[str, Ruling]:
    return {one.cause.value: one.reason for one in decided if isinstance(one.reason, Ruling)}
