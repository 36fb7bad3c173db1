import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from detectors.decision.moderation import moderate, n_independent_components, trigamma_inverse

DF = 29.0


@given(st.floats(1e-5, 1e6))
def test_trigamma_inverse_is_the_inverse_of_trigamma(y: float) -> None:
    assert float(polygamma(1, trigamma_inverse(y))) == pytest.approx(y, rel=1e-4)


def test_ratios_that_agree_with_row_noise_are_taken_to_be_row_noise() -> None:
    ratios = np.random.default_rng(1).chisquare(DF, 200) / DF
    moderated = moderate(ratios, df=DF, n_independent=200)
    usual = moderated.ratio == 1
    assert usual.mean() > 0.97
    assert np.all(np.isinf(moderated.df[usual]))


def test_ratios_that_agree_with_one_another_become_their_common_value() -> None:
    ratios = 3.5 * np.random.default_rng(2).chisquare(DF, 500) / DF
    moderated = moderate(ratios, df=DF, n_independent=500)
    assert np.median(moderated.ratio) == pytest.approx(3.5, rel=0.03)
    assert moderated.ratio.std() < ratios.std() / 3


def test_ratios_that_truly_differ_are_drawn_together_by_what_is_chance() -> None:
    rng = np.random.default_rng(3)
    d0, truth = 8.0, 4 * 8.0 / rng.chisquare(8.0, 4000)
    ratios = truth * rng.chisquare(DF, 4000) / DF
    posterior = (d0 * 4 + DF * ratios) / (d0 + DF)  # Smyth 2004, with the prior known
    moderated = moderate(ratios, df=DF, n_independent=4000)
    usual = moderated.df > DF
    np.testing.assert_allclose(moderated.ratio[usual], posterior[usual].clip(1), rtol=0.1)
    assert np.median(moderated.df) == pytest.approx(d0 + DF, rel=0.15)


def test_a_component_far_more_variable_than_its_kind_keeps_its_own_variance() -> None:
    ratios = np.append(np.random.default_rng(4).chisquare(DF, 40) / DF, 25.0)
    moderated = moderate(ratios, df=DF, n_independent=41)
    assert moderated.ratio[-1] == 25.0
    assert moderated.df[-1] == DF
    assert np.median(moderated.ratio) == 1.0


def test_a_component_that_says_nothing_of_its_variance_takes_the_priors() -> None:
    ratios = np.append(2 * np.random.default_rng(5).chisquare(DF, 300) / DF, np.nan)
    assert moderate(ratios, df=DF, n_independent=300).ratio[-1] == pytest.approx(2, rel=0.05)


def test_where_none_says_anything_there_is_row_noise_alone() -> None:
    moderated = moderate(np.full(3, np.nan), df=DF, n_independent=1)
    np.testing.assert_array_equal(moderated.ratio, 1)
    assert np.isinf(moderated.df).all()


def test_one_or_two_components_stand_for_themselves() -> None:
    moderated = moderate(np.array([0.4, 6.0]), df=DF, n_independent=2)
    np.testing.assert_array_equal(moderated.ratio, [1.0, 6.0])
    np.testing.assert_array_equal(moderated.df, DF)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=20), st.sampled_from([1.0, 2.0, 29.0]))
def test_no_ratio_falls_below_row_noise(ratios: list[float], df: float) -> None:
    moderated = moderate(np.array(ratios), df=df, n_independent=float(len(ratios)))
    assert np.all(moderated.ratio >= 1)
    assert np.all(moderated.df > 0)
    assert np.isfinite(moderated.ratio).all()


def test_copies_of_one_component_count_as_one() -> None:
    rng = np.random.default_rng(6)
    copies = np.repeat(rng.normal(size=(30, 1)), 50, axis=1)
    assert n_independent_components(copies) == pytest.approx(1, abs=0.1)
    assert n_independent_components(rng.normal(size=(30, 50))) == pytest.approx(50, rel=0.1)
    assert n_independent_components(np.zeros((30, 4))) == 1
