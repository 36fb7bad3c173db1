"""A metric with its interval, in closed form: what a window of so many rows can tell.

All intervals are two-sided at 95 %. They take the rows of a window for a sample; they say nothing
about how much one day differs from another.
"""

import math
from dataclasses import dataclass

Z = 1.959963984540054
"""The normal quantile of 97.5 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric and its 95 % interval; NaN where it is undefined, and then `reason` says why.

    A value may be known without an interval: then both limits are NaN.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    reason: str | None = None

    @property
    def is_known(self) -> bool:
        return math.isfinite(self.value)

    @property
    def interval(self) -> tuple[float, float] | None:
        """None where it is not known."""
        limits = (self.low, self.high)
        return limits if all(map(math.isfinite, limits)) else None

    def times(self, unit: float) -> "Estimate":
        """The same in other units."""
        return Estimate(self.value * unit, self.low * unit, self.high * unit, self.reason)


def undefined(reason: str) -> Estimate:
    return Estimate(math.nan, reason=reason)


def share(k: float, n: float, *, without: str) -> Estimate:
    """k of n: Wilson's score interval (1927). `without` is the reason where n is 0."""
    if n <= 0:
        return undefined(without)
    value = float(k) / float(n)
    return Estimate(value, *wilson(value, float(n)))


def bounded(value: float, variance: float, *, n: float) -> Estimate:
    """A value between 0 and 1 whose variance is known: Wilson's interval for the number of rows
    that would give a share this variance, so that it never leaves 0 to 1 (Franco, Little, Louis
    and Slud 2019 find it the best of their kind). A variance of 0 is no certainty: then n rows.
    """
    spread = value * (1 - value)
    rows = spread / variance if variance > 0 and spread > 0 else n
    return Estimate(value, *wilson(value, float(rows)))


def mean(total: float, squares: float, n: float, *, without: str) -> Estimate:
    """The mean of n numbers, from their sum and that of their squares: the normal interval."""
    if n <= 0:
        return undefined(without)
    value = total / n
    return around(value, max(squares / n - value**2, 0.0) / n if n > 1 else math.nan)


def around(value: float, variance: float) -> Estimate:
    """The normal interval of a value with this variance; none where that is NaN."""
    margin = Z * math.sqrt(variance) if variance >= 0 else math.nan
    return Estimate(value, value - margin, value + margin)


def difference(left: Estimate, right: Estimate) -> Estimate:
    """left - right of two independent shares: Newcombe's hybrid score interval (1998)."""
    unknown = [side for side in (left, right) if not side.is_known]
    if unknown:
        return unknown[0]
    value = left.value - right.value
    down = math.hypot(left.value - left.low, right.high - right.value)
    up = math.hypot(left.high - left.value, right.value - right.low)
    return Estimate(value, value - down, value + up)


def ratio(k: float, n: float, others: float, n_others: float, *, without: str) -> Estimate:
    """(k / n) / (others / n_others) of two independent shares: the adjusted logarithmic interval
    (Walter 1975). `without` is the reason where it cannot be told."""
    if n <= 0 or n_others <= 0 or others <= 0:
        return undefined(without)
    k, n, others, n_others = float(k), float(n), float(others), float(n_others)
    left, right = (k + 0.5) / (n + 0.5), (others + 0.5) / (n_others + 0.5)
    variance = 1 / (k + 0.5) - 1 / (n + 0.5) + 1 / (others + 0.5) - 1 / (n_others + 0.5)
    factor = math.exp(Z * math.sqrt(max(variance, 0.0)))
    centre = left / right
    value = (k / n) / (others / n_others)
    # With few rows the centre and the value differ: an interval holds its value.
    return Estimate(value, min(centre / factor, value), max(centre * factor, value))


def wilson(value: float, n: float) -> tuple[float, float]:
    """Limits of a share of n rows, n > 0 not necessarily whole."""
    z2 = Z**2 / n
    centre = (value + z2 / 2) / (1 + z2)
    margin = Z * math.sqrt(value * (1 - value) / n + z2 / (4 * n)) / (1 + z2)
    # Rounding may pass the value where it is 0 or 1.
    return max(min(centre - margin, value), 0.0), min(max(centre + margin, value), 1.0)
