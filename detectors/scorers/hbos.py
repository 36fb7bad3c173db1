"""Outlier scores from the density at which each column's values lie.

Goldstein, Dengel: Histogram-based outlier score (HBOS). KI 2012, 59-63. Unlike ECOD it finds
values in gaps between others, too.
"""

from collections.abc import Sequence

import numpy as np

from detectors.bins import LARGEST_FLOAT, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.scorers.placed import PlacedRows
from detectors.scorers.surprise import Surprise

N_WIDTHS = 16
"""The histogram's bars are this part of the middle 98 % of a column's values, or as wide as a
bin where that is wider: the tails are too thin for narrower ones."""


class Hbos(Surprise):
    """Sum over columns of -log of the density at a value, one bar's width as the unit."""

    __slots__ = ()

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Hbos":
        del rng  # nothing here is random
        return Hbos.of(rows, columns, _masses)


def _masses(column: NumericColumn, in_order: Counts) -> Floats:
    """A bin's rows and those around it in a bar's width; of a wider bin, the share of its rows."""
    masses = in_order.astype(np.float64)
    counts = in_order[2:-2].astype(np.float64)
    if len(counts) == 0:
        return masses
    # Halves, so that no difference of the largest floats overflows.
    edges = np.maximum(column.edges, -LARGEST_FLOAT) / 2
    middles, widths, bar = (edges[:-1] + edges[1:]) / 2, np.diff(edges), _bar(edges, counts)
    up_to = np.append(0.0, np.cumsum(counts))
    ends = np.interp([middles - bar / 2, middles + bar / 2], edges, up_to)
    share = np.divide(bar, widths, out=np.ones_like(widths), where=widths > bar)
    masses[2:-2] = np.where(widths > bar, counts * share, ends[1] - ends[0])
    atoms = np.searchsorted(column.edges, column.atoms) - 1
    masses[2 + atoms] = np.maximum(masses[2 + atoms], counts[atoms])
    return masses


def _bar(edges: Floats, counts: Floats) -> float:
    """The width of a bar; of all values' range where nearly all values are one."""
    up_to = np.append(0.0, np.cumsum(counts))
    low, high = np.interp([0.01 * up_to[-1], 0.99 * up_to[-1]], up_to, edges)
    return float((high - low or edges[-1] - edges[0]) / N_WIDTHS)
