"""When so much of a partition cannot be read that going on would empty it into the dead letters."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """Beyond which a partition stops.

    run: dead letters one after the other. ratio: of the last `among` messages.
    """

    run: int = 100
    ratio: float = 0.05
    among: int = 1_000


DEFAULT_LIMIT = DeadLetterLimit()


class Spoilage:
    """How much of one partition could not be read of late."""

    def __init__(self, limit: DeadLetterLimit) -> None:
        self._limit = limit
        self._n_seen = 0
        self._run = 0
        self._bad: deque[int] = deque()

    def good(self, n: int) -> None:
        """Takes note of messages that could be read."""
        if n:
            self._n_seen += n
            self._run = 0

    def bad(self) -> str | None:
        """Takes note of one that could not; says what limit that is beyond, None if none."""
        limit = self._limit
        self._n_seen += 1
        self._run += 1
        self._bad.append(self._n_seen)
        while self._bad[0] <= self._n_seen - limit.among:
            self._bad.popleft()
        if self._run >= limit.run:
            return f"{self._run} messages one after the other cannot be read"
        if self._n_seen >= limit.among and len(self._bad) > limit.ratio * limit.among:
            return f"{len(self._bad)} of the last {limit.among} messages cannot be read"
        return None
