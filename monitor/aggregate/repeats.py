"""Ids that come again, as far as one stretch of the log can tell."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_IDS = 100_000
"""Remembered in one stretch; an id that comes after so many is not known when it comes again."""


class Repeats:
    """The ids of a stretch in the order of the log; what it says depends on nothing else."""

    def __init__(self, *, max_ids: int = MAX_IDS) -> None:
        self._max_ids = max_ids
        self._seen: set[str] = set()

    def among(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """(ids,) whether each has come before, in an earlier call or earlier in this one."""
        room = self._max_ids - len(self._seen)
        if self._seen.isdisjoint(ids) and (not room or len(set(ids)) == len(ids) <= room):
            if room:
                self._seen.update(ids)
            return np.zeros(len(ids), dtype=np.bool_)
        return np.array([self._is_known(one) for one in ids], dtype=np.bool_)

    def _is_known(self, one: str) -> bool:
        if one in self._seen:
            return True
        if len(self._seen) < self._max_ids:
            self._seen.add(one)
        return False
