"""The basic bootstrap of statistics of counts (Davison and Hinkley 1997, section 5.2).

A statistic that chance makes too large is as much too large again in rows that are drawn from the
rows; so its interval lies below it. Where there may be no change at all the bootstrap is not to be
relied on: the interval of a distance that chance may explain reaches from 0 to what it comes to in
rows that are drawn from the rows.
"""

import sys
from typing import Final

import numpy as np

from detectors.columns import Counts, Floats

N_DRAWS: Final = 200
LEVEL: Final = 0.95
_TAIL: Final = (1 - LEVEL) / 2

Interval = tuple[float, float]

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


def with_draws(counts: Counts, rng: np.random.Generator) -> Counts:
    """(bins,) -> (1 + draws, bins) the counts, and as many rows drawn from them each time."""
    n = int(counts.sum())
    drawn = rng.multinomial(n, counts / max(n, 1), size=N_DRAWS)
    return np.concatenate([counts[np.newaxis], drawn])


def interval(name: str, value: float, draws: Floats, *, p_value: float) -> Interval:
    """The 95 % interval of the statistic of that name, which holds what was told, `value`.

    draws: (1 + draws,) of the counts of `with_draws`. p_value: of no change.
    """
    low, high = _basic(value, draws, square=name in _SQUARES)
    if name not in _SIGNED:
        low = max(low, 0.0)
    if name not in _EITHER_WAY and p_value > 1 - LEVEL:
        low, high = 0.0, max(high, float(np.quantile(draws[1:], 1 - _TAIL)))
    high = min(high, _HIGHEST.get(name, sys.float_info.max))
    return min(low, value), max(high, value)


def _basic(value: float, draws: Floats, *, square: bool) -> Interval:
    """Squares' roots vary alike whatever their size."""
    if square:
        low, high = _basic(max(value, 0.0) ** 0.5, np.sqrt(np.maximum(draws, 0.0)), square=False)
        return max(low, 0.0) ** 2, max(high, 0.0) ** 2
    low, high = np.quantile(draws[1:], (_TAIL, 1 - _TAIL)).tolist()
    told = float(draws[0])
    return value + (told - high), value + (told - low)
