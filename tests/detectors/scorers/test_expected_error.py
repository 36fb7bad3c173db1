import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from detectors.bins import fit_column
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.profile import mean
from detectors.reference import ERROR, EXPECTED_ERROR, Reference
from detectors.scorers import ExpectedError, PlacedRows
from tests.detectors.makers import SCHEMA, traffic

X = Field("x", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def scores(reference: Reference, rows: Rows) -> Floats:
    return reference.scores(reference.placed(rows))[EXPECTED_ERROR]


def test_it_ranks_rows_by_the_error_that_the_model_makes_on_them(reference: Reference) -> None:
    rows, _ = traffic(3_000, seed=11)
    speed, weather = rows.columns["speed"], rows.columns["weather"]
    assert isinstance(weather, Coded)
    assert not isinstance(speed, Coded)
    is_hard = (speed > 1) | (weather.codes == 2)
    assert roc_auc_score(is_hard, scores(reference, rows)) > 0.9


def test_on_rows_like_the_reference_it_expects_the_reference_error(reference: Reference) -> None:
    rows, labels = traffic(5_000, seed=12)
    seats = rows.columns["seats"]
    assert not isinstance(seats, Coded)
    assert scores(reference, rows).mean() == pytest.approx(np.abs(seats - labels).mean(), rel=0.05)


def test_where_rows_move_to_bad_places_it_expects_the_larger_error(reference: Reference) -> None:
    rows, labels = traffic(5_000, seed=13, shift=1.0)
    seats = rows.columns["seats"]
    assert not isinstance(seats, Coded)
    before = mean(reference.profile, reference, ERROR)
    assert before is not None
    true, expected = np.abs(seats - labels).mean(), scores(reference, rows).mean()
    assert true > 1.3 * before
    assert expected == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize("n", [500, 4_000])
def test_it_spreads_no_wider_over_the_rows_it_was_fitted_on_than_over_new_ones(n: int) -> None:
    rows, labels = traffic(n, seed=14)
    reference = Reference.fit(rows, SCHEMA, prediction="seats", label=labels)
    new, _ = traffic(n, seed=15)
    assert ks_2samp(scores(reference, rows), scores(reference, new)).pvalue > 0.01


def test_surprising_values_have_an_expected_error(reference: Reference) -> None:
    speed = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
    weather = Coded(np.array([0, -1, 0, 0, 0, 0], np.int32), ("hail",))
    found = scores(reference, Rows({"speed": speed, "weather": weather}, 6))
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_wrong_predictions_of_categories_are_expected_where_they_were_common() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=2_000)
    said = Coded(rng.integers(0, 2, 2_000).astype(np.int32), ("no", "yes"))
    wrong = rng.random(2_000) < np.where(x > 0, 0.4, 0.05)
    truth = Coded(np.where(wrong, 1 - said.codes, said.codes).astype(np.int32), said.levels)
    schema = [X, Field("said", ColumnType.CATEGORY)]
    reference = Reference.fit(
        Rows({"x": x, "said": said}, 2_000), schema, prediction="said", label=truth
    )
    expected = scores(reference, Rows({"x": np.array([-1.0, 1.0])}, 2))
    assert expected == pytest.approx([0.05, 0.4], abs=0.06)


def test_infinite_losses_are_left_out_of_the_fit() -> None:
    rng = np.random.default_rng(0)
    rows = Rows({"x": rng.normal(size=300)}, 300)
    losses = np.where(np.arange(300) % 2, 2.0, np.inf)
    columns = [fit_column(X, rows.columns["x"])]
    placed = PlacedRows.of(rows, columns)
    scorer = ExpectedError.fit(placed, losses, columns, rng=rng)
    assert scorer.score(placed) == pytest.approx(np.full(300, 2.0))


@pytest.mark.parametrize("largest", [5e-324, 1e308])
def test_losses_of_any_size_are_expected(largest: float) -> None:
    rng = np.random.default_rng(0)
    rows = Rows({"x": rng.normal(size=500)}, 500)
    losses = np.where(np.asarray(rows.columns["x"]) > 0, largest, 0.0)
    columns = [fit_column(X, rows.columns["x"])]
    placed = PlacedRows.of(rows, columns)
    found = ExpectedError.fit(placed, losses, columns, rng=rng).score(placed)
    assert np.isfinite(found).all()
    assert found.max() <= 2 * largest
