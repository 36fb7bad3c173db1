"""A log of records, such as Kafka's, that notifications may be written to."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class UnwritableError(Exception):
    """A record was not acknowledged; it may be in the log nevertheless."""


class Log(Protocol):
    """What keeps records. Several threads may write at once."""

    def write(self, record: Record, /, *, timeout_s: float) -> None:
        """Returns when the record is safe. Raises UnwritableError."""
