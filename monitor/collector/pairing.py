"""Requests and answers that are logged apart, brought together again.

KServe and Seldon Core log the two sides of a prediction as two events, in either order, and no
answer to a request that failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.collector.cloudevents import Event
from monitor.collector.tokens import ALL, Monitors


class Side(StrEnum):
    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two sides of a prediction; an orphan has only one. may_push: the monitors that whoever
    has logged them may push to."""

    request: Event | None = None
    response: Event | None = None
    may_push: Monitors = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingLimits:
    """Of the events that wait: their number, their bytes, and for how long each does."""

    events: int = 10_000
    size_bytes: int = 32 * 1024 * 1024
    wait_s: float = 60.0


OVERHEAD_BYTES = 2 * 1024
"""What an event costs beside its data: its attributes, and its place here."""

_IDENTITY = ("namespace", "inferenceservicename", "component", "modelid")

Key = tuple[Monitors, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: Event
    side: Side
    since: float
    may_push: Monitors

    @property
    def size_bytes(self) -> int:
        return len(self.event.data) + OVERHEAD_BYTES

    def orphan(self) -> Pair:
        return Pair(**{self.side.value: self.event}, may_push=self.may_push)


def side(event: Event) -> Side | None:
    """Which side of a prediction an event is; None for an event of another kind."""
    return next((one for one in Side if event.type.endswith(f".inference.{one}")), None)


def _key(event: Event, may_push: Monitors) -> Key:
    """KServe gives both sides one id; Seldon Core names the request in an attribute of its own.

    Nobody completes what somebody else has logged.
    """
    attributes = event.attributes
    request_id = attributes.get("requestid", event.id)
    return may_push, (request_id, *(attributes.get(name, "") for name in _IDENTITY))


class Pairing:
    """Keeps each side until the other comes, the limits are reached, or its time is over.

    now: seconds of a clock that never goes back.
    """

    def __init__(self, limits: PairingLimits) -> None:
        self._limits = limits
        self._waiting: dict[Key, _Waiting] = {}  # the oldest first
        self._n_bytes = 0

    def add(
        self, event: Event, event_side: Side, *, now: float, may_push: Monitors = ALL
    ) -> Sequence[Pair]:
        """The prediction that the event completes; or the orphans for which there is no room.

        An event that comes again while the first still waits changes nothing.
        """
        key = _key(event, may_push)
        other = self._waiting.get(key)
        if other is None:
            self._waiting[key] = waiting = _Waiting(event, event_side, now, may_push)
            self._n_bytes += waiting.size_bytes
            return list(self._overflow())
        if other.side is event_side:
            return []
        self._forget(key)
        sides = {event_side.value: event, other.side.value: other.event}
        return [Pair(**sides, may_push=may_push)]

    def expired(self, *, now: float) -> Sequence[Pair]:
        """The orphans whose other side has not come in time."""
        orphans = []
        while self._waiting and self._oldest().since + self._limits.wait_s <= now:
            orphans.append(self._pop())
        return orphans

    def close(self) -> Sequence[Pair]:
        """All that still waits, as orphans."""
        return [self._pop() for _ in range(len(self._waiting))]

    def _overflow(self) -> Iterator[Pair]:
        limits = self._limits
        while len(self._waiting) > limits.events or self._n_bytes > limits.size_bytes:
            yield self._pop()

    def _oldest(self) -> _Waiting:
        return next(iter(self._waiting.values()))

    def _pop(self) -> Pair:
        """The oldest, as an orphan."""
        return self._forget(next(iter(self._waiting))).orphan()

    def _forget(self, key: Key) -> _Waiting:
        gone = self._waiting.pop(key)
        self._n_bytes -= gone.size_bytes
        return gone
