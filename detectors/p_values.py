"""p-values of every statistic, from counts alone, for those who ask.

They take rows as the sampling unit and both sides as samples: "could two samples of one law look
like this?", not "would an ordinary day?", on which a verdict rests.
"""

from collections.abc import Mapping

import numpy as np

from detectors import statistics as s
from detectors.bins import MISSING, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.report.effects import N_INDEX_BINS, equal_mass_groups


def p_values(column: ReferenceColumn, reference: Counts, current: Counts) -> Mapping[str, float]:
    """Of every statistic that is defined for the column, by name; (slots,) counts of both sides.

    On the bins of `detectors.report.effects.statistics`. What is undefined is absent.
    """
    a, b = column.ordered(reference), column.ordered(current)
    if isinstance(column, NumericColumn):
        groups = equal_mass_groups(a, N_INDEX_BINS)
        values = of_ranks(a, b) | of_shares(np.add.reduceat(a, groups), np.add.reduceat(b, groups))
        if column.scale > 0:
            positions = column.positions / column.scale - column.centre / column.scale
            values |= of_values(a, b, positions=positions)
    else:
        values = of_shares(a, b) | of_categories(a, b)
    z = s.two_proportion(reference, current, chosen=np.arange(column.n_slots) == MISSING)
    values["two_proportion"] = s.two_proportion_p_value(z)
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def of_ranks(a: Counts, b: Counts, /) -> dict[str, Floats]:
    """Of statistics of the order of values: (..., bins) and (..., bins) -> (...) each."""
    sizes = {"n_reference": a.sum(axis=-1), "n_current": b.sum(axis=-1)}
    mean, variance = s.cramer_von_mises_moments(a, b)
    return {
        "kolmogorov_smirnov": s.kolmogorov_smirnov_p_value(s.kolmogorov_smirnov(a, b), **sizes),
        "kuiper": s.kuiper_p_value(s.kuiper(a, b), **sizes),
        "cramer_von_mises": s.cramer_von_mises_p_value(
            s.cramer_von_mises(a, b), mean=mean, variance=variance
        ),
        "anderson_darling": s.anderson_darling_p_value(
            s.anderson_darling(a, b), variance=s.anderson_darling_variance(a, b)
        ),
    }


def of_values(a: Counts, b: Counts, /, *, positions: Floats) -> dict[str, Floats]:
    """Of statistics of where values lie: (..., bins) and (..., bins) -> (...) each."""
    at = {"positions": positions}
    square, of_means = s.wasserstein_moments(a, b, **at)
    mean, variance, third = s.energy_distance_moments(a, b, **at)
    before, now = s.moments(a, **at), s.moments(b, **at)
    dof_before, dof_now = s.variance_degrees_of_freedom(a, b, **at)
    return {
        "wasserstein": s.wasserstein_p_value(
            s.wasserstein(a, b, **at), square=square, of_means=of_means
        ),
        "energy_distance": s.energy_distance_p_value(
            s.energy_distance(a, b, **at), mean=mean, variance=variance, third=third
        ),
        "welch_mean_shift": s.welch_p_value(
            s.welch_mean_shift_of_moments(before, now), dof=s.welch_degrees_of_freedom(before, now)
        ),
        "variance_ratio": s.variance_ratio_p_value(
            s.variance_ratio_of_moments(before, now), dof_reference=dof_before, dof_current=dof_now
        ),
    }


def of_shares(a: Counts, b: Counts, /) -> dict[str, Floats]:
    """Of statistics of shares of bins: (..., bins) and (..., bins) -> (...) each."""
    deals = s.dealt(a, b)
    return {
        "chebyshev": s.chebyshev_p_value(s.chebyshev(a, b), reference=a, current=b),
        "hellinger": s.hellinger_p_value(
            s.hellinger(a, b), **_named(s.hellinger_moments(a, b, deals=deals))
        ),
        "jensen_shannon_distance": s.jensen_shannon_distance_p_value(
            s.jensen_shannon_distance(a, b),
            **_named(s.jensen_shannon_distance_moments(a, b, deals=deals)),
        ),
        "kullback_leibler": s.kullback_leibler_p_value(
            s.kullback_leibler(a, b), **_named(s.kullback_leibler_moments(a, b, deals=deals))
        ),
        "population_stability_index": s.population_stability_index_p_value(
            s.population_stability_index(a, b),
            **_named(s.population_stability_index_moments(a, b, deals=deals)),
        ),
    }


def of_categories(a: Counts, b: Counts, /) -> dict[str, Floats]:
    """Of statistics of categories alone: (..., bins) and (..., bins) -> (...) each."""
    freedom = s.degrees_of_freedom(a, b)
    return {
        "chi_squared": s.chi_squared_p_value(s.chi_squared(a, b), dof=freedom),
        "g_test": s.chi_squared_p_value(s.g_test(a, b), dof=freedom),
        "total_variation": s.total_variation_p_value(
            s.total_variation(a, b), **_named(s.total_variation_moments(a, b))
        ),
    }


def _named(moments: tuple[Floats, Floats]) -> dict[str, Floats]:
    return {"mean": moments[0], "variance": moments[1]}
