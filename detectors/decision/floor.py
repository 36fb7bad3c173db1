"""Changes too small to page anybody, however significant ten million rows make them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFloor:
    """Changes below all of these are ignored.

    wasserstein_sd, kolmogorov_smirnov: of numeric columns. total_variation: of categories.
    defects: change of the share of values that are missing, infinite or of an unseen category.
    rank_correlation: of pairs of columns.
    """

    wasserstein_sd: float = 0.05
    kolmogorov_smirnov: float = 0.02
    total_variation: float = 0.01
    defects: float = 0.005
    rank_correlation: float = 0.05


class FittedFloor:
    """An effect floor for one reference, that measures all of its columns in one pass.

    The slots lie one column after another: first the missing values, then the others in their
    order. So one running sum serves all columns, for both sides' shares add up to 1 in each.
    """

    def __init__(self, floor: EffectFloor, reference: Reference) -> None:
        columns, offsets = reference.columns, reference.offsets
        self._floor = floor
        self._starts = np.array(offsets[:-1], dtype=np.intp)
        self._sizes = np.array([b - a for a, b in pairwise(offsets)], dtype=np.intp)
        self._is_numeric = np.array([isinstance(c, NumericColumn) for c in columns], dtype=np.bool_)
        self._order = np.concatenate(
            [start + _slot_order(c) for start, c in zip(self._starts, columns, strict=True)]
        )
        self._steps = np.concatenate([_steps(column) for column in columns])
        self._reference_shares = self._shares(reference.profile.counts)
        self._reference_defects = self._defects(reference.profile.counts)

    @property
    def pair(self) -> float:
        """The smallest change of a rank correlation that matters."""
        return self._floor.rank_correlation

    def ignores(self, counts: Counts) -> NDArray[np.bool_]:
        """(columns of the reference,) whether the change of each is too small to matter.

        counts: (slots of all columns,). A side without values has not changed.
        """
        limit = self._floor
        change = np.nan_to_num(self._shares(counts) - self._reference_shares, nan=0.0)
        cumulative = np.abs(np.cumsum(change))
        kolmogorov_smirnov = np.maximum.reduceat(cumulative, self._starts)
        wasserstein_sd = np.add.reduceat(cumulative * self._steps, self._starts)
        total_variation = np.add.reduceat(np.abs(change), self._starts) / 2
        small = np.where(
            self._is_numeric,
            (wasserstein_sd < limit.wasserstein_sd)
            & (kolmogorov_smirnov < limit.kolmogorov_smirnov),
            total_variation < limit.total_variation,
        )
        sound = np.abs(self._defects(counts) - self._reference_defects) < limit.defects
        ignored: NDArray[np.bool_] = small & sound
        return ignored

    def _shares(self, counts: Counts) -> Floats:
        """(slots,) of the present values of each column, in the order of values; NaN without."""
        ordered = counts[self._order]
        ordered[self._starts] = 0
        totals = np.repeat(np.add.reduceat(ordered, self._starts), self._sizes)
        nothing = np.full(totals.shape, np.nan)
        shares: Floats = np.divide(ordered, totals, out=nothing, where=totals > 0)
        return shares

    def _defects(self, counts: Counts) -> Floats:
        """(columns,) share of values that are missing, infinite or unseen."""
        first = self._starts  # missing; then -inf and +inf of a number, unseen of a category
        defects = counts[first] + counts[first + 1] + self._is_numeric * counts[first + 2]
        shares: Floats = defects / np.maximum(np.add.reduceat(counts, first), 1)
        return shares


def _slot_order(column: ReferenceColumn) -> NDArray[np.intp]:
    if isinstance(column, NumericColumn):
        return np.append(MISSING, column.value_order)
    return np.arange(column.n_slots)


def _steps(column: ReferenceColumn) -> Floats:
    """From each value to the next in standard deviations, 0 after the last and without a scale."""
    if not isinstance(column, NumericColumn) or column.scale == 0:
        return np.zeros(column.n_slots)
    # Standardised first: the distance between huge values may overflow, in sd it cannot.
    positions = column.positions / column.scale - column.centre / column.scale
    return np.concatenate([[0.0], np.diff(positions), [0.0]])
