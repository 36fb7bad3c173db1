"""Segments made by hand, and a keeper of a real database that reads them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Table, func, select

from detectors.columns import Rows
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from monitor.detect.judging import Judge, WrittenReport
from monitor.detect.keeper import Keeper
from monitor.detect.reporting import MAX_WINDOWS, Outcome
from monitor.kafka import profile_messages
from monitor.kafka.messages import Segment, Topics, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import Message
from monitor.kafka.records import Partition, Record
from monitor.spec.model import Monitor
from monitor.sql import registry, tables
from monitor.sql.database import Database, Ownership
from tests.support.counted import HOUR, monitor

TOPICS = Topics("t.")
PROFILES = Partition(TOPICS.profiles, 0)
WEBHOOK = {"name": "pager", "url": "https://example.org/hook", "secret_file": "/secret"}


def some_rows(number: float, n: int = 100, shift: float = 0.0) -> Rows:
    x = np.random.default_rng(int(number) + 7).normal(shift, 1, n)
    return Rows({"x": x, "prediction": 2 * x}, n)


@dataclass
class World:
    """A keeper, and the log that it reads."""

    reference: Reference
    database: Database
    ownership: Ownership
    judge: Judge
    idle_s: float = 1e9
    max_windows: int = MAX_WINDOWS
    now: float = 1e6
    offset: int = 0
    version: int = 0
    waiting: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.apply()

    def apply(self, fitted: Reference | None = None, **spec: Any) -> None:
        self._declare(monitor(**{"label": "truth", **spec}), fitted or self.reference)

    def declare(self, name: str) -> None:
        """Another monitor, against the same reference."""
        self._declare(monitor(name), self.reference)

    def _declare(self, document: Monitor, fitted: Reference) -> None:
        with self.database.write() as connection:
            found = registry.put(connection, document, self.now)
            registry.activate(connection, found, fitted.id, fitted.schema)

    def keeper(self) -> Keeper:
        return Keeper(
            self.database,
            self.ownership,
            TOPICS,
            self.judge,
            started_at=0.0,
            idle_s=self.idle_s,
            max_windows=self.max_windows,
        )

    def say(self, message: Message) -> None:
        self.waiting.append(
            Record(
                topic=message.topic,
                partition=0,
                offset=self.offset,
                time=0.0,
                value=message.value,
                headers=message.headers,
            )
        )
        self.offset += 1

    def segment(self, profile: Profile, pane_start: float, **about: Any) -> None:
        self.version += 1
        named = {
            "monitor": "seats",
            "reference_id": profile.reference_id,
            "pane_s": HOUR,
            "topic": TOPICS.predictions,
            "partition": 0,
            "start": 0,
            "version": self.version,
            **about,
        }
        said = SegmentProfile(Segment(pane_start=pane_start, **named), profile.to_bytes())
        self.say(profile_messages.of_segment(said, TOPICS.profiles, 1))

    def hour(self, number: float, *, n: int = 100, shift: float = 0.0, **about: Any) -> Profile:
        """Rows of one pane, all in one segment."""
        profile = count(some_rows(number, n, shift), self.reference)
        self.segment(profile, number * HOUR, **about)
        return profile

    def labels(self, number: float) -> Profile:
        prediction = some_rows(number).columns["prediction"]
        profile = count_labels(prediction, prediction, self.reference)
        self.segment(profile, number * HOUR, topic=TOPICS.labels)
        return profile

    def watermark(
        self, hours: float, partition: int = 0, source: str = "", monitor: str = "seats"
    ) -> None:
        mark = Watermark(
            monitor=monitor,
            topic=TOPICS.predictions,
            partition=partition,
            event_time=hours * HOUR,
            offset=0,
            source=source,
        )
        self.say(profile_messages.of_watermark(mark, TOPICS.profiles, 1))

    def tick(self) -> Outcome:
        """The keeper takes what has been said; a new one every time, for it remembers nothing."""
        records, self.waiting = self.waiting, []
        return self.keeper().tick(records, {PROFILES: self.offset}, self.now)

    def rows(self, table: Table) -> int:
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    def bodies(self) -> list[dict[str, Any]]:
        t = tables.reports
        with self.database.read() as connection:
            return list(connection.scalars(select(t.c.body).order_by(t.c.window_start)))


def starts(reports: Iterable[WrittenReport]) -> list[float]:
    return [written.start / HOUR for written in reports]
