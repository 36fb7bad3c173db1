from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm, t

from detectors.columns import Floats
from detectors.decision.heavy_tails import FEWEST_WINDOWS, Tails, fit_tails


def test_students_tails_are_found_and_tamed() -> None:
    rng = np.random.default_rng(1)
    tails = fit_tails(rng.standard_t(4, (30, 80)), np.zeros(80, dtype=np.intp))
    assert 2.5 <= tails.df[0] <= 5
    # What a law has beyond the reference's own windows is what it was fitted for.
    p = norm.sf(tails.tamed(rng.standard_t(4, (5_000, 80))))
    assert 0.1 <= np.mean(p <= 1e-4) / 1e-4 <= 2


@pytest.mark.parametrize("seed", range(10))
def test_normal_scores_are_left_alone_whatever_their_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for scale in (0.7, 1.0, 1.2):
        tails = fit_tails(scale * rng.normal(size=(30, 80)), np.zeros(80, dtype=np.intp))
        assert np.isinf(tails.df).all()


def test_few_columns_show_heavy_tails_too() -> None:
    def n_believed(draw: Callable[[np.random.Generator], Floats]) -> int:
        found = [fit_tails(draw(np.random.default_rng(i)), np.zeros(8, int)) for i in range(60)]
        return sum(bool(np.isfinite(tails.df).all()) for tails in found)

    assert n_believed(lambda rng: rng.standard_t(3, (30, 8))) >= 54
    assert n_believed(lambda rng: rng.normal(size=(30, 8))) <= 3


def test_a_population_that_says_nothing_has_what_is_normal() -> None:
    tails = fit_tails(np.full((30, 4), np.nan), np.arange(4) % 2)
    np.testing.assert_array_equal(tails.df, np.inf)


def test_columns_that_share_every_window_count_once() -> None:
    rng = np.random.default_rng(2)
    alike = np.repeat(rng.standard_t(4, (30, 1)), 80, axis=1)
    assert np.isinf(fit_tails(alike, np.zeros(80, dtype=np.intp)).df).all()


def test_few_windows_have_no_tails() -> None:
    heavy = np.random.default_rng(3).standard_t(2, (FEWEST_WINDOWS - 1, 80))
    assert np.isinf(fit_tails(heavy, np.zeros(80, dtype=np.intp)).df).all()


def test_where_one_population_is_surely_heavy_tailed_others_are_easily_believed_to_be() -> None:
    rng = np.random.default_rng(10)
    scores = np.concatenate([rng.standard_t(3, (30, 80)), rng.standard_t(4, (30, 4))], axis=1)
    population = np.repeat([0, 1], [80, 4])
    alone = fit_tails(scores[:, 80:], population[80:])
    assert np.isinf(alone.df).all()
    assert np.isfinite(fit_tails(scores, population).df).all()


def test_no_score_is_made_larger() -> None:
    tails = Tails(np.array([3.0, 50.0, np.inf]), np.array([0.5, 2.0, 1.0]))
    scores = np.linspace(-40, 40, 81)[:, np.newaxis] * np.ones(3)
    tamed = tails.tamed(scores)
    assert (np.abs(tamed) <= np.abs(scores)).all()
    assert (tamed * scores >= 0).all()


def test_tamed_scores_have_the_tails_of_students_law() -> None:
    tamed = Tails(np.array([5.0]), np.array([0.8])).tamed(np.array([[4.0], [-8.0]]))
    expected = norm.isf(t.sf(np.array([5.0, 10.0]), 5)) * [1, -1]
    np.testing.assert_allclose(tamed[:, 0], expected, atol=0.08)
