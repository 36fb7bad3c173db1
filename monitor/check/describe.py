"""One column of two files in words and bars: its summaries, its distributions, what moved."""

from collections.abc import Mapping, Sequence

import numpy as np

from detectors.columns import Coded, Counts, Floats
from detectors.report import Distribution, Summary
from detectors.two_sample import finite
from monitor.pictures import number, percent, shortened

N_BARS = 30
N_LEVELS = 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_WHOLE_LIMIT = 2.0**52
"""Beyond it doubles cannot tell half a unit."""


def number_summary(present: Floats, n_rows: int) -> Summary:
    """Of sorted values without NaN; quantiles are observed values, the mean is of finite ones."""
    return Summary(
        n=n_rows,
        missing=1 - len(present) / n_rows,
        mean=_mean(finite(present)),
        quantiles={str(q): _quantile(present, q) for q in QUANTILES} if len(present) else None,
    )


def category_summary(levels: Sequence[str], counts: Counts, n_rows: int) -> Summary:
    """Of (levels,) counts."""
    n_present = int(counts.sum())
    common = np.argsort(-counts, kind="stable")[:N_LEVELS]
    shares = {levels[i]: float(counts[i] / n_present) for i in common if counts[i]}
    return Summary(n=n_rows, missing=1 - n_present / n_rows, shares=shares or None)


def level_counts(reference: Coded, current: Coded) -> tuple[tuple[str, ...], Counts]:
    """The levels of two columns together, and (2, levels) counts of them."""
    levels = tuple(dict.fromkeys([*reference.levels, *current.levels]))
    positions = {level: i for i, level in enumerate(levels)}
    counts = np.zeros((2, len(levels)), dtype=np.int64)
    for side, column in zip(counts, (reference, current), strict=True):
        own = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
        side[[positions[level] for level in column.levels]] = own
    return levels, counts


def number_distribution(reference: Floats, current: Floats, *, is_whole: bool) -> Distribution:
    """Two sorted samples in at most 30 bars of one width; the outermost are open.

    The bars span the middle 99 % of both sides, but go beyond the reference's by its own width at
    most, so that a current side far away leaves it in sight.
    """
    if not len(reference) and not len(current):
        return Distribution(bars=(), reference=(), current=())
    low, high = _limits(finite(reference), finite(current))
    is_whole = is_whole and max(abs(low), abs(high)) < _WHOLE_LIMIT
    edges = _whole_edges(low, high) if is_whole else _edges(low, high)
    return Distribution(
        bars=_names(edges[:-1] + 0.5 * is_whole, edges[1:] - 0.5 * is_whole),
        reference=_shares(reference, edges[1:-1]),
        current=_shares(current, edges[1:-1]),
        edges=tuple(edges.tolist()),
    )


def category_distribution(levels: Sequence[str], counts: Counts) -> Distribution:
    """(2, levels) counts as bars: the levels that are common on either side, then all others."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    common = np.argsort(-shares.max(axis=0), kind="stable")[:N_LEVELS]
    common = common[np.argsort(-shares[0, common], kind="stable")]
    bars = [levels[i] for i in common]
    others = np.delete(shares, common, axis=1)
    if others.shape[1]:
        bars.append(f"{others.shape[1]} others")
    sides = np.column_stack([shares[:, common], others.sum(axis=1)])[:, : len(bars)]
    reference, current = sides.tolist()
    return Distribution(bars=tuple(bars), reference=tuple(reference), current=tuple(current))


def what_moved(reference: Summary, current: Summary, drawn: Distribution) -> str:
    """From what to what, in a few words: the percentile or level that moved most."""
    if reference.quantiles and current.quantiles:
        return _moved_quantile(reference.quantiles, current.quantiles)
    if reference.shares and current.shares:
        return _moved_level(drawn)
    return missing_moved(reference, current)


def missing_moved(reference: Summary, current: Summary) -> str:
    return f"missing {percent(reference.missing)} → {percent(current.missing)}"


def _moved_quantile(reference: Mapping[str, float], current: Mapping[str, float]) -> str:
    """The median, unless another percentile moved more than twice as far."""
    moves = {q: abs(current[q] - reference[q]) for q in reference if current[q] != reference[q]}
    furthest = max(moves, key=lambda q: moves[q], default="0.5")
    q = furthest if moves.get(furthest, 0.0) > 2 * moves.get("0.5", 0.0) else "0.5"
    name = "median" if q == "0.5" else f"p{100 * float(q):.0f}"
    return f"{name} {number(reference[q])} → {number(current[q])}"


def _moved_level(drawn: Distribution) -> str:
    """Of two levels that moved as far, the one that grew; all others together are no level."""
    bars = list(zip(drawn.bars, drawn.reference, drawn.current, strict=True))[:N_LEVELS]
    name, before, after = max(bars, key=lambda bar: (round(abs(bar[2] - bar[1]), 9), bar[2]))
    return f"{shortened(name, 11)} {percent(before)} → {percent(after)}"


def _quantile(ordered: Floats, q: float) -> float:
    return float(ordered[max(0, int(np.ceil(q * len(ordered))) - 1)])


def _mean(ordered: Floats) -> float | None:
    if not len(ordered):
        return None
    # Scaled, so that the sum of the largest doubles does not overflow.
    unit = max(abs(float(ordered[0])), abs(float(ordered[-1]))) or 1.0
    return float(np.mean(ordered / unit)) * unit


def _limits(reference: Floats, current: Floats) -> tuple[float, float]:
    sides = [
        (_quantile(side, 0.005), _quantile(side, 0.995))
        for side in (reference, current)
        if len(side)
    ]
    low = min((low for low, _ in sides), default=0.0)
    high = max((high for _, high in sides), default=0.0)
    width = sides[0][1] - sides[0][0] if len(reference) else 0.0
    if not width:
        return low, high
    return max(low, sides[0][0] - width), min(high, sides[0][1] + width)


def _edges(low: float, high: float) -> Floats:
    # Not low + i × width: the width between the largest doubles is infinite.
    weights = np.linspace(0, 1, N_BARS + 1)
    edges = np.unique(low * (1 - weights) + high * weights)
    return edges if len(edges) > 1 else np.array([low, np.nextafter(low, np.inf)])


def _whole_edges(low: float, high: float) -> Floats:
    """Every bar holds equally many whole numbers."""
    step = np.ceil((high - low + 1) / N_BARS)
    n_bars = np.ceil((high - low + 1) / step)
    return np.asarray(low - 0.5 + step * np.arange(n_bars + 1), dtype=np.float64)


def _names(lows: Floats, highs: Floats) -> tuple[str, ...]:
    """What the bars stand for, from the lowest and highest value of each."""
    sides = [(number(low), number(high)) for low, high in zip(lows, highs, strict=True)]
    if len(sides) == 1:
        return (sides[0][0],)
    names = [low if low == high else f"{low} – {high}" for low, high in sides]
    return (f"≤ {sides[0][1]}", *names[1:-1], f"≥ {sides[-1][0]}")


def _shares(ordered: Floats, inner: Floats) -> tuple[float, ...]:
    """The shares of sorted values left of, between and right of the inner edges."""
    if not len(ordered):
        return (0.0,) * (len(inner) + 1)
    below = np.searchsorted(ordered, inner, side="left")
    return tuple((np.diff(below, prepend=0, append=len(ordered)) / len(ordered)).tolist())
