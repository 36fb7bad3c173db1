"""The slow oracle of laws without drift: pooled rows dealt out at random, again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from detectors.columns import Counts, Floats

N_DEALS = 10_000


@dataclass(frozen=True)
class Case:
    """Two samples of one law over bins. skew: how much rarer each bin is than the one before."""

    name: str
    n_bins: int
    n_reference: int
    n_current: int
    skew: float = 1.0


@cache
def deals(case: Case) -> tuple[Counts, Counts]:
    """(deals, bins) each: one pool of rows, dealt out to two samples again and again."""
    rng = np.random.default_rng(7)
    shares = case.skew ** -np.arange(case.n_bins)
    pooled = rng.multinomial(case.n_reference + case.n_current, shares / shares.sum())
    current = rng.multivariate_hypergeometric(pooled, case.n_current, N_DEALS, "marginals")
    return pooled - current, current


CASES = [
    Case("two bins", 2, 1000, 200),
    Case("ten bins", 10, 2000, 1000),
    Case("few rows", 10, 100, 100),
    Case("rare bins", 10, 10_000, 100, skew=1.6),
    Case("four rows a bin", 256, 10_000, 1000),
    Case("many rows", 256, 100_000, 100_000),
]
each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def assert_moments(found: Sequence[Floats], statistic: Floats) -> None:
    """Mean and variance are those of the deals: within 1 % and 3 %, and what deals leave open."""
    mean, variance = statistic.mean(), statistic.var()
    fourth = ((statistic - mean) ** 4).mean()
    errors = np.sqrt(variance / N_DEALS), np.sqrt((fourth - variance**2) / N_DEALS)
    assert abs(found[0][0] - mean) < 0.01 * mean + 3 * errors[0]
    assert abs(found[1][0] - variance) < 0.03 * variance + 3 * errors[1]


def assert_calibrated(p_values: Floats, *, above: float = 0.6, below: float = 1.6) -> None:
    """How often a p-value is at most 5 % and 1 %, over what it should be."""
    for level in (0.05, 0.01):
        assert above < np.mean(p_values <= level) / level < below
