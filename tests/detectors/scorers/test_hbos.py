import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from detectors.bins import BELOW, MISSING
from detectors.columns import Floats
from detectors.scorers.ecod import Ecod
from detectors.scorers.hbos import N_WIDTHS, Hbos
from tests.detectors.scorers.numbers import columns_of, placed


def fit(values: Floats) -> tuple[Hbos, list[object]]:
    columns = columns_of(values[:, None])
    scorer = Hbos.fit(placed(values[:, None], columns), columns, rng=np.random.default_rng(0))
    return scorer, list(columns)


def scores(values: Floats, new: list[float]) -> Floats:
    columns = columns_of(values[:, None])
    scorer = Hbos.fit(placed(values[:, None], columns), columns, rng=np.random.default_rng(0))
    return scorer.score(placed(np.array(new)[:, None], columns))


def test_in_the_middle_of_a_normal_it_is_the_logarithm_of_the_density() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    new = [-1.5, -0.5, 0.0, 1.0]
    bar = (np.quantile(values, 0.99) - np.quantile(values, 0.01)) / N_WIDTHS
    np.testing.assert_allclose(scores(values, new), -norm.logpdf(new) - np.log(bar), atol=0.05)


def test_it_ranks_a_normal_as_its_density_does() -> None:
    rng = np.random.default_rng(0)
    values, new = rng.normal(size=50_000), rng.normal(size=2_000)
    assert spearmanr(scores(values, new.tolist()), new**2).statistic > 0.98


def test_values_in_a_gap_surprise_as_those_outside_do() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-5, 0.5, 1_000), rng.normal(5, 0.5, 1_000)])
    gap, mode, outside = scores(values, [0.0, 5.0, 50.0])
    assert outside > gap - 2 > mode


def test_a_value_of_much_mass_does_not_surprise_and_others_do_as_they_are_rare() -> None:
    values = np.append(np.zeros(900), np.random.default_rng(0).uniform(1, 2, 100))
    zero, other = scores(values, [0.0, 1.5])
    assert zero == pytest.approx(-np.log(901 / 1_001), abs=1e-3)
    assert 2 < other < 8


def test_a_constant_column_surprises_only_where_it_changes() -> None:
    values = np.full(500, 0.1)
    constant, other = scores(values, [0.1, 0.2])
    assert constant == 0.0
    assert other > 5


def test_what_was_never_seen_surprises_most() -> None:
    scorer, _ = fit(np.random.default_rng(0).normal(size=1_000))
    assert scorer.surprise.max() == scorer.surprise[BELOW] == scorer.surprise[MISSING]


def test_unlike_ecod_it_sees_the_gap() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-5, 0.5, 1_000), rng.normal(5, 0.5, 1_000)])[:, None]
    columns = columns_of(values)
    gap, mode = placed(np.array([[0.0]]), columns), placed(np.array([[5.5]]), columns)
    by_tails = Ecod.fit(placed(values, columns), columns, rng=rng)
    by_density = Hbos.fit(placed(values, columns), columns, rng=rng)
    assert by_tails.score(gap) < by_tails.score(mode)
    assert by_density.score(gap) > by_density.score(mode)
