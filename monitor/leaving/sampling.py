"""Which rows leave, decided by their prediction's id: every collector decides alike.

An id has a number that looks random, and its row leaves where that is below a limit. A label has
the id of its prediction, and so the same number. Where rows become more than a monitor wants in a
second, the limit is halved as often as it takes, and the rows that leave stand for so many more:
each counts 1 / probability, which makes their sums those of all rows, on average (Horvitz and
Thompson: A generalization of sampling without replacement from a finite universe. Journal of the
American Statistical Association 47, 1952). The probability is settled by the rows before, never
by the row's own number, and that is all it takes.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

MAX_HALVINGS = 20
"""The rows of a second that are more than a million times too many are more than wanted."""

_RANGE = 1 << 64


def numbers_of(ids: Sequence[str]) -> NDArray[np.uint64]:
    """(ids,) uniform on 0 … 2^64 - 1: a hash that no two uses of the ids have in common."""
    digests = [
        blake2b(one.encode(), digest_size=8, person=b"driftmeter.rows").digest() for one in ids
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8")


def chosen(ids: Sequence[str], one_in: int) -> NDArray[np.bool_]:
    """(ids,) whether each is one of those that leave, of so many on average one.

    Of two shares the smaller one's ids are among the larger one's.
    """
    if one_in == 1:
        return np.ones(len(ids), dtype=np.bool_)
    return numbers_of(ids) <= np.uint64((_RANGE - 1) // one_in)


class Pace:
    """How often the share of one monitor's rows is to be halved, for about `rows_per_second`.

    It looks at the rows of the second before and of this one so far, so the first second of a
    rise may let pass more: half the limit again for every time that the rows have doubled.
    """

    def __init__(self, rows_per_second: float) -> None:
        self._rows_per_second = rows_per_second
        self._second = -1
        self._n_before = 0
        self._n = 0

    def halvings(self, n_rows: int, *, now: float) -> int:
        """For so many more rows. now: seconds, of any clock; one that goes back begins anew."""
        second = int(now)
        if second != self._second:
            self._n_before = self._n if second == self._second + 1 else 0
            self._second, self._n = second, 0
        self._n += n_rows
        excess = max(self._n_before, self._n) / self._rows_per_second
        return 0 if excess <= 1 else min(int(np.ceil(np.log2(excess))), MAX_HALVINGS)
