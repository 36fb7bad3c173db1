"""How surely the size of a change is known: intervals of every statistic, for people."""

import sys
from collections.abc import Mapping
from typing import Final

import numpy as np

from detectors.bins import NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.p_values import p_values
from detectors.report.effects import index_bins, stacked_statistics
from detectors.statistics import variance_ratio, welch_mean_shift

N_DRAWS: Final = 200
LEVEL: Final = 0.95

_SIGNED: Final = {"two_proportion", "welch_mean_shift"}
_EITHER_WAY: Final = {*_SIGNED, "variance_ratio"}
_SQUARES: Final = {
    "anderson_darling",
    "chi_squared",
    "cramer_von_mises",
    "g_test",
    "kullback_leibler",
    "population_stability_index",
}
_HIGHEST: Final = dict.fromkeys(
    (
        "chebyshev",
        "hellinger",
        "jensen_shannon_distance",
        "kolmogorov_smirnov",
        "kuiper",
        "total_variation",
    ),
    1.0,
)


def intervals(
    column: ReferenceColumn,
    reference: Counts,
    current: Counts,
    values: Mapping[str, float],
    *,
    seed: int = 0,
) -> Mapping[str, tuple[float, float]]:
    """95 % intervals of the column's statistics, by name, both sides' rows taken for samples.

    (slots,) counts of both sides; values: the statistics that were told of them. By the basic
    bootstrap (Davison and Hinkley 1997, section 5.2): a statistic that chance makes too large is
    as much too large again in rows that are drawn from the rows, and its interval lies below it.
    Where there may be no change at all the bootstrap is not to be relied on; so the interval of a
    distance begins at 0 unless its p-value is below 5 %. Intervals are kept within the statistic's
    range, and hold what was told. The same counts have the same intervals. A statistic that some
    draw leaves undefined has none.
    """
    rng = np.random.default_rng(seed)
    # The counts themselves come first.
    draws = _statistics(column, reference, _with_draws(reference, rng), _with_draws(current, rng))
    p = p_values(column, reference, current)
    p = {**p, "wasserstein_sd": p.get("wasserstein", 1.0)}
    return {
        name: _interval(name, value, draws[name], is_certain=p.get(name, 1.0) <= 1 - LEVEL)
        for name, value in values.items()
        if name in draws and np.isfinite(draws[name]).all()
    }


def _with_draws(counts: Counts, rng: np.random.Generator) -> Counts:
    """(slots,) -> (1 + draws, slots) the counts, and as many rows drawn from them each time."""
    n = int(counts.sum())
    drawn = rng.multinomial(n, counts / max(n, 1), size=N_DRAWS)
    return np.concatenate([counts[np.newaxis], drawn])


def _statistics(
    column: ReferenceColumn, known: Counts, before: Counts, now: Counts
) -> Mapping[str, Floats]:
    """(draws,) of each; those that reports take from sums are here taken from bins."""
    values = stacked_statistics(column, before, now, groups=index_bins(column, known))
    if isinstance(column, NumericColumn) and column.scale > 0:
        positions = column.positions / column.scale - column.centre / column.scale
        sides = column.ordered(before), column.ordered(now)
        values["welch_mean_shift"] = welch_mean_shift(*sides, positions=positions)
        values["variance_ratio"] = variance_ratio(*sides, positions=positions)
    return values


def _interval(name: str, value: float, draws: Floats, *, is_certain: bool) -> tuple[float, float]:
    low, high = _basic(value, draws, square=name in _SQUARES)
    if name not in _SIGNED:
        low = max(low, 0.0)
    if name not in _EITHER_WAY and not is_certain:
        low = 0.0
    high = min(high, _HIGHEST.get(name, sys.float_info.max))
    return min(low, value), max(high, value)


def _basic(value: float, draws: Floats, *, square: bool) -> tuple[float, float]:
    """draws: the statistic of the counts, and of rows drawn from them. Squares' roots vary alike
    whatever their size."""
    if square:
        low, high = _basic(max(value, 0.0) ** 0.5, np.sqrt(np.maximum(draws, 0.0)), square=False)
        return max(low, 0.0) ** 2, max(high, 0.0) ** 2
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws[1:], (tail, 1 - tail)).tolist()
    told = float(draws[0])
    return value + (told - high), value + (told - low)
