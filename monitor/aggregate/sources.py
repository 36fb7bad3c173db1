"""How far each source of a monitor's rows has come, so that one wrong clock is one source's."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats
from monitor.kafka.messages import Header
from monitor.kafka.records import Record

MAX_SOURCES = 1_000
"""Of one monitor in one partition; of more, who has been silent longest is forgotten."""

LONGEST_NAME = 64


class Sources:
    """The latest event time of every source, those heard of last at the end.

    latest: of all of them, also of those forgotten.
    """

    def __init__(self, *, max_sources: int = MAX_SOURCES) -> None:
        self.latest = -np.inf
        self._max_sources = max_sources
        self._times: dict[str, float] = {}

    def note(self, names: Sequence[str], which: NDArray[np.intp], times: Floats) -> None:
        """Takes note of rows: of which of the named sources each is, and its event time."""
        for number in np.unique(which).tolist():
            time = float(times[which == number].max())
            known = self._times.pop(names[number], time)
            self._times[names[number]] = max(known, time)
            self.latest = max(self.latest, time)
        while len(self._times) > self._max_sources:
            del self._times[next(iter(self._times))]

    def times(self) -> Iterable[tuple[str, float]]:
        return self._times.items()


def source_of(record: Record) -> str:
    """Who sent a message: its collector's id, or nothing for a producer that names none."""
    told = dict(record.headers).get(Header.COLLECTOR)
    if told is None:
        return ""
    name = told.decode("utf-8", errors="replace")
    if len(name) <= LONGEST_NAME and name.isprintable():
        return name
    return hashlib.sha256(told).hexdigest()[:LONGEST_NAME]
