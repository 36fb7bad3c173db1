"""How large a change of one column is, for people, and what is too small to page anybody."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.bins import (
    MISSING,
    NEG_INF,
    POS_INF,
    UNSEEN,
    CategoryColumn,
    NumericColumn,
    ReferenceColumn,
)
from detectors.columns import Counts, Floats
from detectors.statistics import (
    chi_squared,
    jensen_shannon_distance,
    kolmogorov_smirnov,
    population_stability_index,
    total_variation,
    wasserstein,
)

N_INDEX_BINS = 10
"""PSI and Jensen-Shannon are read against rules of thumb made for about ten bins; on hundreds
of bins a few rows a bin make them large without any drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFloor:
    """Changes below all of these are ignored, however significant ten million rows make them.

    wasserstein_sd, kolmogorov_smirnov: of numeric columns. total_variation: of categories.
    defects: change of the share of values that are missing, infinite or of an unseen category.
    """

    wasserstein_sd: float = 0.05
    kolmogorov_smirnov: float = 0.02
    total_variation: float = 0.01
    defects: float = 0.005

    def ignores(self, column: ReferenceColumn, reference: Counts, current: Counts) -> bool:
        """Whether the column's change is too small to matter; (slots,) counts of both sides."""
        if abs(_defect_share(column, current) - _defect_share(column, reference)) >= self.defects:
            return False
        effects = statistics(column, reference, current)
        if isinstance(column, CategoryColumn):
            return effects.get("total_variation", 0.0) < self.total_variation
        return (
            effects.get("wasserstein_sd", 0.0) < self.wasserstein_sd
            and effects.get("kolmogorov_smirnov", 0.0) < self.kolmogorov_smirnov
        )


def statistics(column: ReferenceColumn, reference: Counts, current: Counts) -> Mapping[str, float]:
    """Every statistic that is defined for the column, by name; (slots,) counts of both sides."""
    a, b = column.ordered(reference), column.ordered(current)
    if isinstance(column, NumericColumn):
        values = _numeric_statistics(column, a, b)
    else:
        values = {
            "total_variation": total_variation(a, b),
            "chi_squared": chi_squared(a, b),
            "population_stability_index": population_stability_index(a, b),
            "jensen_shannon_distance": jensen_shannon_distance(a, b),
        }
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def _numeric_statistics(column: NumericColumn, a: Counts, b: Counts) -> dict[str, Floats]:
    groups = _equal_mass_groups(a, N_INDEX_BINS)
    coarse = np.add.reduceat(a, groups), np.add.reduceat(b, groups)
    values = {
        "kolmogorov_smirnov": kolmogorov_smirnov(a, b),
        "population_stability_index": population_stability_index(*coarse),
        "jensen_shannon_distance": jensen_shannon_distance(*coarse),
    }
    if column.scale > 0:
        # Standardised first: the distance between huge values may overflow, in sd it cannot.
        positions = column.positions / column.scale - column.centre / column.scale
        distance = wasserstein(a, b, positions=positions)
        values["wasserstein_sd"] = distance
        with np.errstate(over="ignore"):
            values["wasserstein"] = distance * column.scale
    return values


def _equal_mass_groups(counts: Counts, n_groups: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Starts of runs of neighbouring bins that hold about equal shares of the counts.

    A bin heavier than a share is not split, so that there may be fewer runs.
    """
    total = int(counts.sum())
    ends = np.cumsum(counts)
    targets = total * np.arange(1, n_groups) / n_groups
    return np.unique(np.append(0, np.searchsorted(ends, targets) + 1).clip(max=counts.size - 1))


def _defect_share(column: ReferenceColumn, counts: Counts) -> float:
    numeric = isinstance(column, NumericColumn)
    defects = counts[[MISSING, NEG_INF, POS_INF] if numeric else [MISSING, UNSEEN]].sum()
    return float(defects) / max(int(counts.sum()), 1)
