import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2

from detectors.statistics.anderson_darling import _LAW as ANDERSON_DARLING
from detectors.statistics.cramer_von_mises import _LAW as CRAMER_VON_MISES
from detectors.statistics.limit_laws import LimitLaw

LAWS = pytest.mark.parametrize("law", [CRAMER_VON_MISES, ANDERSON_DARLING], ids=["cvm", "ad"])


@LAWS
def test_mean_and_variance_are_those_of_its_tail(law: LimitLaw) -> None:
    mean, _ = quad(lambda x: float(law.upper_tail(x)), 0, 40 * law.mean, limit=500)
    square, _ = quad(lambda x: float(2 * x * law.upper_tail(x)), 0, 40 * law.mean, limit=500)
    assert mean == pytest.approx(law.mean, rel=1e-7)
    assert square - mean**2 == pytest.approx(law.variance, rel=1e-6)


@LAWS
def test_it_falls_from_one_to_nothing(law: LimitLaw) -> None:
    x = np.linspace(0, 100 * law.mean, 2_000)
    tail = law.upper_tail(x)
    assert tail[0] == pytest.approx(1, abs=1e-9)
    assert (np.diff(tail) <= 1e-12).all()


def test_a_sum_of_drawn_squares_has_its_tail() -> None:
    rng = np.random.default_rng(0)
    weights = 1 / (np.pi * np.arange(1, 200)) ** 2
    drawn = rng.normal(size=(20_000, 199)) ** 2 @ weights
    for x in (0.05, 0.1, 0.3, 0.6):
        assert CRAMER_VON_MISES.upper_tail(x) == pytest.approx(np.mean(drawn > x), abs=0.012)


@pytest.mark.parametrize("x", [2.0, 10.0, 40.0])
def test_far_out_its_largest_weight_alone_counts(x: float) -> None:
    """P(Q > x) → P(λ₁Z² > x) Π (1 − λⱼ/λ₁)^−½ over j > 1 (Zolotarev 1961), here √2."""
    leading = np.sqrt(2) * chi2.sf(np.pi**2 * x, df=1)
    assert CRAMER_VON_MISES.upper_tail(x) == pytest.approx(leading, rel=0.1 / x)


def test_without_variance_there_was_nothing_to_compare() -> None:
    assert CRAMER_VON_MISES.matched_tail(0.0, mean=0.0, variance=0.0) == 1.0
    assert np.isnan(CRAMER_VON_MISES.matched_tail(np.nan, mean=0.0, variance=0.0))
