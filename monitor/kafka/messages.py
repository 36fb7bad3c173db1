"""What travels over Kafka: topics, keys, headers and bodies, in both directions.

predictions, labels   Arrow IPC streams of rows (`monitor.batches`), headers `Header`
profiles              one `Segment` with the bytes of its profile, or one `Watermark`
monitors              `Registration`: every revision of every monitor, keyed by name
outliers              rows that are least like the reference, where a monitor asks for them
dead-letters          what could not be read: the original bytes, and why
consumed              how far other topics were carried over (`monitor.consume.places`)
reports, alerts       JSON, for whoever wants to subscribe
retrain               requests for retrains, CloudEvents in JSON, keyed by monitor
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

import orjson

from detectors.columns import ColumnType, Field, Role
from monitor.spec.model import Monitor

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"

KafkaHeaders = Sequence[tuple[str, bytes]]

DEADLY = "reading it has ended the process twice"
"""The reason of a dead letter that is not read again unless somebody names it."""


class Header(StrEnum):
    """Kafka header names."""

    MONITOR = "monitor"
    CONTENT_TYPE = "content-type"
    COLLECTOR = "collector"
    """Who sent a batch: a random id of the collector's process."""
    SEQUENCE = "sequence"
    """A number that only grows, within one collector id."""
    MODEL_VERSION = "model-version"
    """Which version of the model made the predictions of a message."""
    SERVED = "served"
    """How the model served the requests that the message is of (`monitor.kafka.served`)."""
    TRACEPARENT = "traceparent"
    SEGMENT = "segment"
    WATERMARK = "watermark"
    REASON = "reason"
    SOURCE = "source"
    """Of a dead letter: where it came from, "topic/partition/offset" or "collector"."""


def header(headers: Iterable[tuple[str, bytes]], name: Header) -> str | None:
    """The last value of a header, None if absent or not UTF-8."""
    value = None
    for key, raw in headers:
        if key == name:
            value = raw.decode("utf-8", errors="replace")
    return value


def model_version_headers(version: str) -> KafkaHeaders:
    """What says of a message by which version of the model its predictions are."""
    return [(Header.MODEL_VERSION.value, version.encode())] if version else []


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names under one prefix."""

    prefix: str = "driftmeter."

    @property
    def predictions(self) -> str:
        return f"{self.prefix}predictions"

    @property
    def labels(self) -> str:
        return f"{self.prefix}labels"

    @property
    def profiles(self) -> str:
        return f"{self.prefix}profiles"

    @property
    def monitors(self) -> str:
        return f"{self.prefix}monitors"

    @property
    def reports(self) -> str:
        return f"{self.prefix}reports"

    @property
    def alerts(self) -> str:
        return f"{self.prefix}alerts"

    @property
    def retrain(self) -> str:
        return f"{self.prefix}retrain"

    @property
    def outliers(self) -> str:
        return f"{self.prefix}outliers"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}dead-letters"

    @property
    def consumed(self) -> str:
        return f"{self.prefix}consumed"

    def all(self) -> tuple[str, ...]:
        return (
            self.predictions,
            self.labels,
            self.profiles,
            self.monitors,
            self.reports,
            self.alerts,
            self.retrain,
            self.outliers,
            self.dead_letters,
            self.consumed,
        )


def partition_for(key: str, partitions: int) -> int:
    """The partition of a prediction id or a monitor's name: the same in every producer."""
    return zlib.crc32(key.encode()) % partitions


FROM_THE_FUTURE = -1
"""The subset of rows that say that they are from the future. They are in no profile: the version
says how many there are, and the pane is that of the time of their messages."""

SERVED = -2
"""The subset of requests, counted beside their rows; the version says how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Names the profile of one monitor's rows of one pane in one stretch of one partition.

    A later message with the same key replaces the earlier one, if its version is larger;
    so writing a segment again after a crash changes nothing.

    pane_start, pane_s: the pane, in seconds since 1970 and seconds.
    topic, partition, start: the stretch begins at this offset of the input log, a place that
        depends on the log alone.
    version: how many rows, or labels, the profile has counted: the one that is complete has the
        largest, in whichever order labels met their predictions.
    through: of the stretch, the next offset to be read when this was said.
    model_version: of the model that made the predictions; empty where nobody says.
    log: which one the partition was then: a topic may be made anew under its old name.
    subset: 0 of all rows; n of those in the reference's nth segment; `FROM_THE_FUTURE` or `SERVED`.
    """

    monitor: str
    reference_id: str
    pane_start: float
    pane_s: float
    topic: str
    partition: int
    start: int
    version: int
    through: int = 0
    model_version: str = ""
    log: str = ""
    subset: int = 0

    @property
    def key(self) -> bytes:
        return orjson.dumps(
            [
                self.monitor,
                self.reference_id,
                self.pane_start,
                self.pane_s,
                self.topic,
                self.partition,
                self.start,
                self.model_version,
                self.log,
                self.subset,
            ]
        )

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        return cls(**orjson.loads(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a partition has been counted for a monitor, of the rows of one source.

    event_time: the latest event time seen, seconds since 1970.
    offset: the next offset to be read when this was said.
    source: the id of the collector that sent the rows; empty for producers that name none.
    """

    monitor: str
    topic: str
    partition: int
    event_time: float
    offset: int
    source: str = ""

    @property
    def key(self) -> bytes:
        return orjson.dumps([self.monitor, self.topic, self.partition, self.source])

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        return cls(**orjson.loads(raw))


RegistrationState = Literal["resolving", "active", "failed", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One revision of a monitor, as collectors and detectors follow it.

    state: "resolving" until its reference is fitted; "failed" with a reason if it cannot be.
    reference_id, schema: of the fitted reference; None and empty before. The schema's order is
        the order in which nameless rows are read.
    """

    monitor: Monitor
    revision: int
    state: RegistrationState
    reason: str | None = None
    reference_id: str | None = None
    schema: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        return self.monitor.name

    @property
    def key(self) -> bytes:
        return self.name.encode()

    def to_bytes(self) -> bytes:
        return orjson.dumps(
            {
                "monitor": self.monitor.to_json(),
                "revision": self.revision,
                "state": self.state,
                "reason": self.reason,
                "reference_id": self.reference_id,
                "schema": [[f.name, f.type, f.role, f.dimensions] for f in self.schema],
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises ValueError for anything that is not a registration."""
        body = orjson.loads(raw)
        try:
            return cls(
                monitor=Monitor.model_validate(body["monitor"]),
                revision=int(body["revision"]),
                state=body["state"],
                reason=body["reason"],
                reference_id=body["reference_id"],
                schema=tuple(
                    Field(n, ColumnType(t), Role(r), *d) for n, t, r, *d in body["schema"]
                ),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a registration: {error!r}") from error
