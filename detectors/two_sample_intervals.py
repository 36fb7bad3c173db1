"""How surely the changes of `detectors.two_sample` are known: 95 % intervals, rows taken for
samples.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from detectors.bootstrap import Interval, interval, with_draws
from detectors.columns import Counts, Floats
from detectors.performance.intervals import difference, share
from detectors.statistics import chi_squared, kolmogorov_smirnov, total_variation, wasserstein
from detectors.two_sample import Comparison, finite, standard_deviation

N_CUTS: Final = 128
"""Of each sample, into parts of as many rows."""

LARGEST_N_LEVELS: Final = 256
"""Of more, most are so rare that the rows say little of their shares."""


def number_intervals(
    reference: Floats, current: Floats, found: Comparison, *, seed: int = 0
) -> dict[str, Interval]:
    """Of the statistics of two sorted samples without NaN, as `compare_numbers` found them.

    By the basic bootstrap of the samples' counts between their common quantiles. Those of
    distances begin at 0 unless the values' p-value is below 5 %. The same samples have the same
    intervals.
    """
    if found.values is None:
        return {}
    cuts = _cuts(reference, current)
    rng = np.random.default_rng(seed)
    before, now = (with_draws(_counts(side, cuts), rng) for side in (reference, current))
    draws = {"kolmogorov_smirnov": kolmogorov_smirnov(before, now)}
    at = None if found.effect is None else _positions(finite(reference), finite(current), cuts)
    if at is not None:
        draws["wasserstein_sd"] = wasserstein(before[:, 1:-1], now[:, 1:-1], positions=at)
    return _intervals(found, draws)


def category_intervals(counts: Counts, found: Comparison, *, seed: int = 0) -> dict[str, Interval]:
    """Of the statistics of (2, levels) counts, as `compare_categories` found them; of at most
    `LARGEST_N_LEVELS` levels that occur. Otherwise as of `number_intervals`.
    """
    seen = counts[:, counts.any(axis=0)]
    if found.values is None or seen.shape[1] > LARGEST_N_LEVELS:
        return {}
    rng = np.random.default_rng(seed)
    before, now = (with_draws(side, rng) for side in seen)
    draws = {
        "chi_squared": chi_squared(before, now),
        "total_variation": total_variation(before, now),
    }
    return _intervals(found, draws)


def missing_interval(n_present: tuple[int, int], n_rows: tuple[int, int]) -> Interval:
    """Of how much the missing share grew: Newcombe's hybrid score interval (1998). Neither side is
    without rows."""
    before, now = (
        share(rows - present, rows, without="no rows")
        for present, rows in zip(n_present, n_rows, strict=True)
    )
    grown = difference(now, before)
    return grown.low, grown.high


def _intervals(found: Comparison, draws: Mapping[str, Floats]) -> dict[str, Interval]:
    p_value = 1.0 if found.values is None else found.values.p_value
    return {
        name: interval(name, found.statistics[name], those, p_value=p_value)
        for name, those in draws.items()
        if np.isfinite(those).all()
    }


def _cuts(reference: Floats, current: Floats) -> Floats:
    """Increasing finite values, up to and with which the values between two of them are counted;
    the greatest of all is the last. None without a finite value."""
    sides = [side for side in map(finite, (reference, current)) if len(side)]
    ends = np.arange(1, N_CUTS + 1)
    return np.unique([side[-(-ends * len(side) // N_CUTS) - 1] for side in sides])


def _counts(ordered: Floats, cuts: Floats) -> Counts:
    """(cuts + 2,) of -inf, of the values up to each cut, and of inf."""
    ends = np.array([-np.inf, *cuts, np.inf])
    return np.diff(np.searchsorted(ordered, ends, side="right"), prepend=0)


def _positions(reference: Floats, current: Floats, cuts: Floats) -> Floats | None:
    """(cuts,) means of the finite values of both sides up to each cut, in reference standard
    deviations; None where the reference does not vary."""
    unit = max(abs(float(cuts[-1])), abs(float(reference[0])), abs(float(current[0]))) or 1.0
    sd = standard_deviation(reference, unit)
    if not sd:
        return None
    totals, n = np.zeros(len(cuts)), np.zeros(len(cuts))
    for side in (reference, current):
        ends = np.searchsorted(side, cuts, side="right")
        sums = np.append(0.0, np.cumsum(side / unit))
        totals += np.diff(sums[ends], prepend=0.0)
        n += np.diff(ends, prepend=0)
    means: Floats = totals / n / sd
    return means
