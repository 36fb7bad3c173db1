"""Two distributions side by side, in few enough bars to be drawn."""

from itertools import pairwise

import numpy as np

from detectors.bins import OTHER, UNSEEN, CategoryColumn, NumericColumn, ReferenceColumn
from detectors.columns import ColumnType, Counts, Floats
from detectors.report import Distribution
from detectors.statistics import shares

N_BARS = 30
N_LEVELS = 15


def distribution(column: ReferenceColumn, reference: Counts, current: Counts) -> Distribution:
    """The picture of a column; (slots,) counts of both sides.

    Numbers: bars of equal width over the middle 99 % of the reference, the outermost open to
    what lies beyond. Categories: the commonest levels of either side, then the others together.
    Infinite and missing values are not drawn.
    """
    if isinstance(column, NumericColumn):
        return _of_numbers(column, reference, current)
    return _of_categories(column, reference, current)


def quantiles(column: NumericColumn, counts: Counts, probabilities: Floats) -> Floats:
    """Quantiles of the finite values, exact to a bin's width; NaN without any.

    counts: (slots,). Values beyond the reference's range count as its minimum or maximum.
    """
    below, bins, above = _finite(column, counts)
    total = below + bins.sum() + above
    if total == 0 or bins.size == 0:
        return np.full(probabilities.shape, np.nan)
    ranks = probabilities * total - below
    ends = np.cumsum(bins)
    at = np.minimum(np.searchsorted(ends, ranks), bins.size - 1)
    into = (ranks - ends[at]) / np.maximum(bins[at], 1.0) + 1
    within = column.minimum, column.maximum  # below the lowest float a bin begins at -inf
    lower, upper = (np.clip(limits[at], *within) for limits in column.extents)
    into = np.clip(into, 0.0, 1.0)
    found: Floats = lower * (1 - into) + upper * into
    return np.clip(found, *within)


def _of_numbers(column: NumericColumn, reference: Counts, current: Counts) -> Distribution:
    edges = _bar_edges(column, reference)
    if edges.size == 0:
        return Distribution(bars=(), reference=(), current=())
    return Distribution(
        bars=_bar_names(edges),
        reference=_bar_shares(column, reference, edges),
        current=_bar_shares(column, current, edges),
        edges=tuple(edges.tolist()),
    )


def _bar_edges(column: NumericColumn, reference: Counts) -> Floats:
    low, high = quantiles(column, reference, np.array([0.005, 0.995])).tolist()
    if np.isnan(low):
        return np.empty(0)
    if low == high:  # a bar for the one value, and one for what lies on either side
        largest, step = float(np.finfo(np.float64).max), max(abs(low) / 16, 1e-9)
        with np.errstate(over="ignore"):
            edges: Floats = low + step * np.array([-1.5, -0.5, 0.5, 1.5])
        return np.clip(edges, -largest, largest)
    if column.field.type is ColumnType.INTEGER and high - low < N_BARS:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    t = np.linspace(0.0, 1.0, N_BARS + 1)
    between: Floats = low * (1 - t) + high * t  # `high - low` could overflow
    return between


def _bar_names(edges: Floats) -> tuple[str, ...]:
    inner = [f"{a:.4g} – {b:.4g}" for a, b in pairwise(edges[1:-1].tolist())]
    return (f"≤ {edges[1]:.4g}", *inner, f"> {edges[-2]:.4g}")


def _bar_shares(column: NumericColumn, counts: Counts, edges: Floats) -> tuple[float, ...]:
    """A bin that straddles the limit of two bars is split in proportion to its width."""
    below, bins, above = _finite(column, counts)
    cumulative = np.append(0.0, np.cumsum(bins))
    limits = below + np.interp(edges[1:-1], column.edges, cumulative)
    bars = np.diff(limits, prepend=0.0, append=below + cumulative[-1] + above)
    return _shares(np.maximum(bars, 0.0))


def _finite(column: NumericColumn, counts: Counts) -> tuple[float, Floats, float]:
    """How many values lie below the reference's range, in each of its bins, and above it."""
    finite = column.ordered(counts)[1:-1].astype(np.float64)
    return float(finite[0]), finite[1:-1], float(finite[-1])


def _of_categories(column: CategoryColumn, reference: Counts, current: Counts) -> Distribution:
    names = ["unseen", "other", *column.levels]
    a, b = column.ordered(reference), column.ordered(current)
    first = OTHER - UNSEEN + 1
    prominence = _prominence(a) + _prominence(b)
    shown = np.sort(np.argsort(-prominence[first:], kind="stable")[:N_LEVELS]) + first
    rest = np.setdiff1d(np.arange(first - 1, a.size), shown)
    bars = [names[i] for i in shown]
    sides = [[*side[shown], side[rest].sum(), side[0]] for side in (a, b)]
    bars += ["other", "unseen"]
    drawn = [i for i in range(len(bars)) if i < shown.size or sides[0][i] + sides[1][i] > 0]
    return Distribution(
        bars=tuple(bars[i] for i in drawn),
        reference=_shares(np.array(sides[0], dtype=np.float64)[drawn]),
        current=_shares(np.array(sides[1], dtype=np.float64)[drawn]),
    )


def _prominence(counts: Counts) -> Floats:
    return np.nan_to_num(shares(counts), nan=0.0)


def _shares(counts: Floats) -> tuple[float, ...]:
    return tuple(np.nan_to_num(shares(counts), nan=0.0).tolist())
