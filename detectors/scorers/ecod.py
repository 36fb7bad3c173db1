"""Outlier scores from the tails of each column's distribution.

Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD, unsupervised outlier detection using empirical
cumulative distribution functions. IEEE TKDE 35 (2023) 12181-12193, with the smaller tail of
each column in place of its tail by skewness.
"""

from collections.abc import Sequence

import numpy as np

from detectors.bins import NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.scorers.placed import PlacedRows
from detectors.scorers.surprise import Surprise


class Ecod(Surprise):
    """Sum over columns of -log of the mass of the tail in which a value lies."""

    __slots__ = ()

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Ecod":
        del rng  # nothing here is random
        return Ecod.of(rows, columns, _masses)


def _masses(column: NumericColumn, in_order: Counts) -> Floats:
    """The smaller of the tails to which each place belongs, the place itself included."""
    del column  # its values do not matter, their order does
    left = np.cumsum(in_order)
    smaller: Counts = np.minimum(left, left[-1] - left + in_order)
    return smaller.astype(np.float64)
