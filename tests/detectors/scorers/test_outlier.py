import numpy as np
import pytest
from scipy.stats import kstest

from detectors.bins import BELOW, MISSING, UNSEEN, CategoryColumn, NumericColumn, fit_column, place
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.reference import OUTLIER, Reference
from detectors.scorers import Outlier

X = Field("x", ColumnType.FLOAT)
Y = Field("y", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def fit(rows: Rows) -> tuple[Outlier, list[NumericColumn | CategoryColumn]]:
    fields = {"x": X, "y": Y, "c": C}
    columns = [fit_column(fields[name], column) for name, column in rows.columns.items()]
    return Outlier.fit(place(rows, columns), columns, rng=np.random.default_rng(0)), columns


def normal(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows({"x": rng.normal(size=n), "y": rng.normal(size=n)}, n)


def scores_by_definition(fitted_on: Floats, values: Floats) -> Floats:
    """-log of the smaller tail of a sample, the row itself added to it."""
    left = (fitted_on[None, :] <= values[:, None]).sum(axis=1)
    right = (fitted_on[None, :] >= values[:, None]).sum(axis=1)
    scores: Floats = -np.log((np.minimum(left, right) + 1) / (len(fitted_on) + 1))
    return scores


def test_its_terms_are_the_tails_of_the_rows_it_was_fitted_on() -> None:
    values = np.repeat(np.arange(20.0), 10)  # every value has a bin of its own: no rounding
    scorer, columns = fit(Rows({"x": values}, 200))
    fitted_on = values[np.random.default_rng(0).permutation(200)[100:]]
    new = Rows({"x": np.array([-1.0, 0.0, 3.0, 10.0, 19.0, 20.0])}, 6)
    expected = scores_by_definition(fitted_on, new.columns["x"])  # type: ignore[arg-type]  # numbers
    np.testing.assert_allclose(scorer.score(place(new, columns)), expected, atol=1e-6)


def test_contributions_add_up_to_the_score_and_name_the_column() -> None:
    scorer, columns = fit(normal(1_000))
    places = place(Rows({"x": np.array([0.0, 9.0]), "y": np.array([-9.0, 0.0])}, 2), columns)
    terms = scorer.contributions(places)
    assert terms.sum(axis=1).tolist() == scorer.score(places).tolist()
    assert terms.argmax(axis=1).tolist() == [1, 0]


def test_what_was_never_seen_surprises_most() -> None:
    rng = np.random.default_rng(0)
    levels = Coded(rng.choice(3, 500, p=(0.7, 0.2, 0.1)).astype(np.int32), ("a", "b", "c"))
    scorer, columns = fit(Rows({"x": rng.normal(size=500), "c": levels}, 500))
    surprise_x, surprise_c = np.split(scorer.surprise, [columns[0].n_slots])
    assert surprise_x.max() == surprise_x[BELOW] == surprise_x[MISSING]
    assert surprise_c.argmax() in (MISSING, UNSEEN)
    assert (np.diff(surprise_c[3:]) > 0).all()


@pytest.mark.parametrize("n", [200, 2_000, 20_000])
def test_p_values_of_new_rows_are_uniform(n: int) -> None:
    levels, n_repeats, n_calibration = np.array([0.02, 0.1, 0.5]), 10, n // 2
    rates = np.zeros(3)
    for seed in range(n_repeats):
        reference = Reference.fit(normal(n, seed), [X, Y], seed=seed)
        p_values = reference.scores(reference.place(normal(2_000, seed + 1_000)))[OUTLIER]
        rates += (p_values[:, None] <= levels).mean(axis=0) / n_repeats
    sd = np.sqrt(levels * (1 - levels) / n_calibration / n_repeats)
    assert (np.abs(rates - levels) <= 3 * sd + 1 / n_calibration).all()


def test_p_values_of_a_large_reference_pass_a_test_of_uniformity() -> None:
    reference = Reference.fit(normal(40_000), [X, Y])
    p_values = reference.scores(reference.place(normal(1_000, seed=1)))[OUTLIER]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_rows_unlike_the_reference_have_small_p_values() -> None:
    reference = Reference.fit(normal(5_000), [X, Y])
    far = Rows({"x": np.array([6.0, -7.0]), "y": np.array([-5.0, 8.0])}, 2)
    assert reference.scores(reference.place(far))[OUTLIER].max() < 0.001


def test_two_rows_are_enough_to_fit() -> None:
    reference = Reference.fit(normal(2), [X, Y])
    assert reference.scores(reference.place(normal(5)))[OUTLIER].min() >= 0.5
