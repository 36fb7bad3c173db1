"""Numeric columns side by side, so that a statistic takes all of them in one call."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Counts, Floats
from detectors.report.effects import N_INDEX_BINS, equal_mass_groups

if TYPE_CHECKING:
    from detectors.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericStack:
    """The numeric columns of a reference, those with fewer bins filled up with empty ones.

    columns: (k,) positions among the reference's columns.
    slots: (k, bins) of a profile's counts, in the order of values; where a bin is there only to
        fill up, one beyond the last.
    ends: (k, 10) where the bins of `index_bins` end among those of `ranks`.
    positions: (k, bins) in reference standard deviations from the reference's mean; NaN in a
        column that does not vary.
    """

    columns: NDArray[np.intp]
    slots: NDArray[np.intp]
    ends: NDArray[np.intp]
    positions: Floats

    @staticmethod
    def of(reference: "Reference") -> "NumericStack":
        columns = np.array(reference.numeric, dtype=np.intp)
        width = max((len(reference.columns[i].value_order) for i in columns), default=0)
        slots = np.full((len(columns), width), reference.n_slots, dtype=np.intp)
        positions = np.full((len(columns), width), np.nan)
        ends = np.zeros((len(columns), N_INDEX_BINS), dtype=np.intp)
        for row, (i, column) in enumerate(zip(columns, reference.numeric_columns, strict=True)):
            n_bins = len(column.value_order)
            slots[row, :n_bins] = reference.offsets[i] + column.value_order
            counts = column.ordered(reference.part(reference.profile.counts, int(i)))
            groups = equal_mass_groups(counts, N_INDEX_BINS)
            ends[row] = n_bins
            ends[row, : len(groups) - 1] = groups[1:]
            if column.scale > 0:
                positions[row] = column.positions[-1] / column.scale - column.centre / column.scale
                positions[row, :n_bins] = (
                    column.positions / column.scale - column.centre / column.scale
                )
        return NumericStack(columns=columns, slots=slots, ends=ends, positions=positions)

    def ranks(self, counts: Counts) -> Counts:
        """(slots,) of a profile -> (k, bins) in the order of values."""
        return np.append(counts, 0)[self.slots]

    def index_bins(self, ranks: Counts) -> Counts:
        """(k, bins) -> (k, 10) bins of about equal reference mass, the last ones empty in a
        column whose values are too few for ten."""
        below = np.concatenate([np.zeros_like(ranks[:, :1]), np.cumsum(ranks, axis=1)], axis=1)
        return np.diff(np.take_along_axis(below, self.ends, axis=1), axis=1, prepend=0)
