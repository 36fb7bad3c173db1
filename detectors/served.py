"""What a model made of requests, as counts that add: how many failed, and how soon the others were
answered.

Latencies are counted between fixed edges that grow by a constant factor, so a quantile that is read
off the counts is wrong by a constant part of itself at most, however many requests there were
(Masson, Rim and Lee: DDSketch. Proceedings of the VLDB Endowment 12, 2019).
"""

from bisect import bisect_right
from typing import Final

import numpy as np

from detectors.columns import Counts

OK: Final = 200

PER_OCTAVE = 8
LOWEST_S = 1e-4
EDGES_S = tuple(LOWEST_S * 2 ** (i / PER_OCTAVE) for i in range(23 * PER_OCTAVE + 1))
"""From a tenth of a millisecond to 14 minutes; never to be changed, for counts are kept."""

_GROWTH = 2 ** (1 / PER_OCTAVE)
RELATIVE_ERROR = (_GROWTH - 1) / (_GROWTH + 1)
"""Of a latency between the first edge and the last: 4.3 %."""

REFUSED, FAILED, FIRST_LATENCY = 0, 1, 2
"""Slots: of requests answered with a 4xx, of those answered with anything else but 200 or not at
all, and of the fastest answers."""

N_SLOTS = FIRST_LATENCY + len(EDGES_S) + 1


def slot_of(status: int, latency_s: float) -> int:
    """Where an exchange is counted."""
    if status == OK:
        return FIRST_LATENCY + bisect_right(EDGES_S, latency_s)
    return REFUSED if 400 <= status < 500 else FAILED


def quantile_s(latencies: Counts, p: float) -> float:
    """The latency of the answer at the place ⌈p · n⌉ of n ≥ 1, the fastest first.

    latencies: (len(EDGES_S) + 1,) counts. p: below 0 is the fastest, above 1 the slowest. Beyond
    the edges it is the edge.
    """
    n = int(latencies.sum())
    place = min(max(int(np.ceil(p * n)), 1), n)
    slot = int(np.searchsorted(np.cumsum(latencies), place))
    if slot == 0:
        return EDGES_S[0]
    if slot == len(EDGES_S):
        return EDGES_S[-1]
    low, high = EDGES_S[slot - 1], EDGES_S[slot]
    return 2 * low * high / (low + high)
