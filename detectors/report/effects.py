"""How large a change of one column is, for people."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.statistics import (
    anderson_darling,
    chebyshev,
    chi_squared,
    cramer_von_mises,
    energy_distance,
    g_test,
    hellinger,
    jensen_shannon_distance,
    kolmogorov_smirnov,
    kuiper,
    kullback_leibler,
    population_stability_index,
    total_variation,
    two_proportion,
    wasserstein,
)

Groups = NDArray[np.intp]

N_INDEX_BINS = 10
"""PSI and the distances of shares are read against rules of thumb made for about ten bins; on
hundreds of bins a few rows a bin make them large without any drift."""


def statistics(column: ReferenceColumn, reference: Counts, current: Counts) -> Mapping[str, float]:
    """Every statistic that is defined for the column, by name; (slots,) counts of both sides."""
    values = stacked_statistics(column, reference, current, groups=index_bins(column, reference))
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def index_bins(column: ReferenceColumn, reference: Counts) -> Groups:
    """Starts of the bins that indices and distances of shares are taken on; (slots,) counts."""
    counts = column.ordered(reference)
    if isinstance(column, NumericColumn):
        return equal_mass_groups(counts, N_INDEX_BINS)
    return np.arange(counts.size)


def stacked_statistics(
    column: ReferenceColumn, reference: Counts, current: Counts, *, groups: Groups
) -> dict[str, Floats]:
    """Every statistic of the column, by name, NaN where undefined: (..., slots) and (..., slots)
    counts -> (...) each. groups: as of `index_bins`.
    """
    a, b = column.ordered(reference), column.ordered(current)
    shares = np.add.reduceat(a, groups, axis=-1), np.add.reduceat(b, groups, axis=-1)
    values = _statistics_of_shares(*shares)
    if isinstance(column, NumericColumn):
        values = _numeric_statistics(column, a, b) | values
    else:
        values |= {
            "total_variation": total_variation(a, b),
            "chi_squared": chi_squared(a, b),
            "g_test": g_test(a, b),
        }
    is_missing = np.arange(column.n_slots) == MISSING
    return values | {"two_proportion": two_proportion(reference, current, chosen=is_missing)}


def _numeric_statistics(column: NumericColumn, a: Counts, b: Counts) -> dict[str, Floats]:
    values = {
        "kolmogorov_smirnov": kolmogorov_smirnov(a, b),
        "kuiper": kuiper(a, b),
        "cramer_von_mises": cramer_von_mises(a, b),
        "anderson_darling": anderson_darling(a, b),
    }
    if column.scale > 0:
        # Standardised first: the distance between huge values may overflow, in sd it cannot.
        positions = column.positions / column.scale - column.centre / column.scale
        distance = wasserstein(a, b, positions=positions)
        values["wasserstein_sd"] = distance
        with np.errstate(over="ignore"):
            values["wasserstein"] = distance * column.scale
        energy = energy_distance(a, b, positions=positions)
        values["energy_distance"] = energy * np.sqrt(column.scale)
    return values


def _statistics_of_shares(a: Counts, b: Counts) -> dict[str, Floats]:
    return {
        "population_stability_index": population_stability_index(a, b),
        "kullback_leibler": kullback_leibler(a, b),
        "jensen_shannon_distance": jensen_shannon_distance(a, b),
        "hellinger": hellinger(a, b),
        "chebyshev": chebyshev(a, b),
    }


def equal_mass_groups(counts: Counts, n_groups: int) -> Groups:
    """Starts of runs of neighbouring bins that hold about equal shares of the counts.

    A bin heavier than a share is not split, so that there may be fewer runs.
    """
    total = int(counts.sum())
    ends = np.cumsum(counts)
    targets = total * np.arange(1, n_groups) / n_groups
    return np.unique(np.append(0, np.searchsorted(ends, targets) + 1).clip(max=counts.size - 1))
