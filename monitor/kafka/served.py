"""How a model served, as a message of the topic predictions tells it beside its rows: the header
`served`, JSON, a list of `[time, {"slot": requests}]`, one for each pane of its requests."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from detectors.served import N_SLOTS

MAX_REQUESTS = 1 << 32
"""In one slot of one pane of one message."""

MAX_PANES = 1_000
"""Of one message."""


class Served(NamedTuple):
    """The requests of one pane. time: the latest of them, event time. slots: how many of them by
    slot, as `detectors.served` has them."""

    time: float
    slots: Mapping[int, int]

    @property
    def n(self) -> int:
        return sum(self.slots.values())


def to_header(told: Iterable[Served]) -> bytes:
    return orjson.dumps([tuple(one) for one in told], option=orjson.OPT_NON_STR_KEYS)


def from_header(raw: bytes) -> list[Served]:
    """Raises ValueError for what is no such header."""
    try:
        told = [_served(time, slots) for time, slots in orjson.loads(raw)]
    except (TypeError, AttributeError) as error:
        raise ValueError(f"header 'served': {error}") from error
    if len(told) > MAX_PANES:
        raise ValueError(f"header 'served': more than {MAX_PANES} panes")
    return told


def _served(time: object, slots: Mapping[str, object]) -> Served:
    if not isinstance(time, int | float) or not math.isfinite(time):
        raise ValueError("header 'served': a time is no number")
    counts: dict[int, int] = {}
    for slot, n in slots.items():
        if not 0 <= int(slot) < N_SLOTS or not isinstance(n, int) or not 0 < n <= MAX_REQUESTS:
            raise ValueError("header 'served': a count that cannot be")
        counts[int(slot)] = n
    return Served(float(time), counts)
