import numpy as np
import pytest
from scipy.stats import norm, rankdata, spearmanr

from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.decision.components import fit_components
from detectors.decision.correlation import Correlations, RankScores, moments_of
from detectors.profile import Profile, count
from detectors.reference import Reference

DAY_S = 86_400.0
FIELDS = tuple(Field(name, ColumnType.FLOAT) for name in "abc")


def rows_of(values: Floats) -> Rows:
    return Rows(dict(zip("abc", values.T, strict=True)), len(values))


def days(rng: np.random.Generator, n_days: int, *, rho: float = 0.5, effect: float = 0.0) -> Floats:
    """(days, 1,000 rows, 3): a and b correlated by rho, c alone; days move a and b alike."""
    own = rng.normal(size=(n_days, 1_000, 3))
    own[..., 1] = rho * own[..., 0] + np.sqrt(1 - rho**2) * own[..., 1]
    moved: Floats = own + effect * rng.normal(size=(n_days, 1, 1)) * [1, 1, 0]
    return moved


def reference_of(values: Floats) -> Reference:
    times = np.repeat(np.arange(len(values)) * DAY_S, 1_000)
    return Reference.fit(
        rows_of(values.reshape(-1, 3)), FIELDS, times=times, window_lengths_s=[DAY_S]
    )


def correlations_of(reference: Reference) -> Correlations:
    ranks = RankScores.of(reference)
    skewness = np.zeros(ranks.columns.size)
    return Correlations.fit(ranks, moments_of(ranks, reference.windows[DAY_S]), skewness)


def one(correlations: Correlations, profile: Profile) -> tuple[Floats, Floats]:
    """Scores and current correlations of a window."""
    moments = correlations.ranks.moments(profile.counts, profile.pairs, np.array(float(profile.n)))
    window = correlations.measure(moments)
    return correlations.scores(window), correlations.current(window)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_of(days(np.random.default_rng(1), 30))


def test_a_windows_correlations_are_spearmans(reference: Reference) -> None:
    values = days(np.random.default_rng(2), 1, rho=0.7)[0]
    _, current = one(correlations_of(reference), count(rows_of(values), reference))
    expected = np.asarray(spearmanr(values).statistic)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(current, expected, atol=0.01)


def test_moments_are_those_of_the_rows_own_scores(reference: Reference) -> None:
    values = days(np.random.default_rng(3), 1)[0]
    profile = count(rows_of(values), reference)
    ranks = RankScores.of(reference)
    moments = ranks.moments(profile.counts, profile.pairs, np.array(1_000.0))
    of_rows = ranks.scores[reference.place(rows_of(values))]
    covariance = np.cov(of_rows, bias=True)
    np.testing.assert_allclose(moments.variances, np.diag(covariance), atol=1e-9)
    np.testing.assert_allclose(moments.covariances, covariance[np.triu_indices(3, 1)], atol=1e-9)


def test_scores_of_quiet_windows_are_standard_normal(reference: Reference) -> None:
    correlations = correlations_of(reference)
    quiet = days(np.random.default_rng(4), 300)
    scores = np.array([one(correlations, count(rows_of(day), reference))[0] for day in quiet])
    assert 0.75 <= np.std(scores) <= 1.1
    assert np.mean(np.abs(scores) > norm.isf(0.005)) <= 0.025


def test_a_lost_correlation_is_a_fall_and_its_pair_is_the_one(reference: Reference) -> None:
    lost = days(np.random.default_rng(5), 1, rho=0.2)[0]
    scores, current = one(correlations_of(reference), count(rows_of(lost), reference))
    assert scores[0] < -5
    assert np.abs(scores[1:]).max() < 4
    assert current[0] == pytest.approx(0.2, abs=0.08)


def test_days_that_move_columns_alike_do_not_correlate_them() -> None:
    rng = np.random.default_rng(6)
    moving = reference_of(days(rng, 30, rho=0.0, effect=0.5))
    correlations = correlations_of(moving)
    assert np.abs(correlations.r).max() < 0.05
    scores = [
        one(correlations, count(rows_of(day), moving))[0]
        for day in days(rng, 60, rho=0.0, effect=0.5)
    ]
    assert np.abs(scores).max() < 4.5


def test_a_pair_of_rare_values_says_nothing_in_few_rows() -> None:
    rng = np.random.default_rng(7)

    def rare(n_days: int) -> Floats:
        return (rng.random((n_days, 1_000, 3)) < 0.01).astype(np.float64)

    reference = reference_of(rare(30))
    components = fit_components(reference)
    ranks = RankScores.of(reference)
    skewness = components.skewness[components.kind == 1][:3]
    correlations = Correlations.fit(ranks, moments_of(ranks, reference.windows[DAY_S]), skewness)
    scores, _ = one(correlations, count(rows_of(rare(1)[0]), reference))
    assert np.isnan(scores).all()


def test_a_constant_column_has_no_correlation(reference: Reference) -> None:
    values = days(np.random.default_rng(8), 1)[0]
    values[:, 0] = 0.5
    scores, current = one(correlations_of(reference), count(rows_of(values), reference))
    assert np.isnan(scores).tolist() == [True, True, False]
    np.testing.assert_array_equal(current[:2], correlations_of(reference).r[:2])


def test_ranks_of_the_reference_are_what_is_scored(reference: Reference) -> None:
    values = days(np.random.default_rng(1), 30).reshape(-1, 3)
    scores = RankScores.of(reference).scores[reference.place(rows_of(values))]
    expected = (rankdata(values[:, 0]) / len(values) - 0.5) * np.sqrt(12)
    np.testing.assert_allclose(scores[0], expected, atol=0.04)
