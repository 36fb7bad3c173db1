"""Metrics of a regression, from the moments of its errors and labels."""

import math
from collections.abc import Mapping

from detectors.performance.intervals import Estimate, around, mean, undefined

NO_LABELS = "no labels"


def mean_absolute_error(moments: Mapping[str, float], n: float) -> Estimate:
    """The mean of |prediction - label|."""
    return mean(n * moments["absolute"], n * moments["squared"], n, without=NO_LABELS)


def bias(moments: Mapping[str, float], n: float) -> Estimate:
    """The mean of prediction - label."""
    return mean(n * moments["signed"], n * moments["squared"], n, without=NO_LABELS)


def root_mean_squared_error(moments: Mapping[str, float], n: float) -> Estimate:
    """The root of the mean squared error; its interval is the root of that one's."""
    if n <= 0:
        return undefined(NO_LABELS)
    squared = around(moments["squared"], _variance_of_squares(moments, n))
    low, high = (math.sqrt(max(limit, 0.0)) for limit in (squared.low, squared.high))
    return Estimate(math.sqrt(squared.value), low, high)


def r_squared(moments: Mapping[str, float], n: float) -> Estimate:
    """1 - the mean squared error over the variance of the labels; 0 is no better than their mean.

    The interval is by the delta method on the two means.
    """
    if n < 2:
        return undefined("fewer than two labels")
    centre, error = moments["label"], moments["squared"]
    spread = moments["label_squared"] - centre**2
    if spread <= 0:
        return undefined("the labels do not vary")
    fourth = (
        moments["label_fourth"]
        - 4 * centre * moments["label_third"]
        + 6 * centre**2 * moments["label_squared"]
        - 3 * centre**4
    )
    both = (
        moments["squared_label_squared"] - 2 * centre * moments["squared_label"] + centre**2 * error
    )
    weight = error / spread
    variance = (moments["fourth"] - 2 * weight * both + weight**2 * fourth) / spread**2
    return around(1 - weight, variance / n if moments["far"] == 0 else math.nan)


def _variance_of_squares(moments: Mapping[str, float], n: float) -> float:
    """Of their mean; unknown of one row, or where errors are too far out for fourth powers."""
    if n < 2 or moments["far"] > 0:
        return math.nan
    return max(moments["fourth"] - moments["squared"] ** 2, 0.0) / n
