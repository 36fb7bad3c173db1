"""How surely the size of a change is known: intervals of every statistic, for people."""

from collections.abc import Mapping

import numpy as np

from detectors.bins import NumericColumn, ReferenceColumn
from detectors.bootstrap import Interval, interval, with_draws
from detectors.columns import Counts, Floats
from detectors.p_values import p_values
from detectors.report.effects import index_bins, stacked_statistics
from detectors.statistics import variance_ratio, welch_mean_shift


def intervals(
    column: ReferenceColumn,
    reference: Counts,
    current: Counts,
    values: Mapping[str, float],
    *,
    seed: int = 0,
) -> Mapping[str, Interval]:
    """95 % intervals of the column's statistics, by name, both sides' rows taken for samples.

    (slots,) counts of both sides; values: the statistics that were told of them. By the basic
    bootstrap, see `detectors.bootstrap`; the interval of a distance begins at 0 unless its p-value
    is at most 5 %. Intervals are kept within the statistic's range, and hold what was told. The
    same counts have the same intervals. A statistic that some draw leaves undefined has none.
    """
    rng = np.random.default_rng(seed)
    draws = _statistics(column, reference, with_draws(reference, rng), with_draws(current, rng))
    p = p_values(column, reference, current)
    p = {**p, "wasserstein_sd": p.get("wasserstein", 1.0)}
    return {
        name: interval(name, value, draws[name], p_value=p.get(name, 1.0))
        for name, value in values.items()
        if name in draws and np.isfinite(draws[name]).all()
    }


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
