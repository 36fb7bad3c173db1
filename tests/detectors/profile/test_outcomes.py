import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Coded, Column, Counts, Floats, values_at
from detectors.labels import Task
from detectors.performance.metrics import metrics
from detectors.profile.outcomes import LARGEST, count_outcomes, count_predictions, moments_of
from detectors.target import MOMENTS, Target
from tests.detectors.makers import numbers
from tests.detectors.performance.makers import Classified, binary, coded, multiclass

SAID = {"binary": binary(400), "multiclass": multiclass(400)}


def counted(said: Classified, where: slice) -> Counts:
    columns = {name: values_at(column, where) for name, column in said.columns.items()}
    labels = values_at(said.labels, where)
    predictions = count_predictions(columns, said.target)
    return predictions + count_outcomes(columns, labels, said.target)


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
@given(cut=st.integers(0, 400))
def test_counts_of_parts_add_to_those_of_the_whole(said: Classified, cut: int) -> None:
    whole = counted(said, slice(None))
    assert np.array_equal(counted(said, slice(cut)) + counted(said, slice(cut, None)), whole)


@given(numbers(), numbers())
def test_sums_of_parts_add_to_those_of_the_whole(x: Floats, y: Floats) -> None:
    n = min(len(x), len(y))
    target = Target(prediction="x", task=Task.REGRESSION, unit=3.0, centre=0.5)
    parts = [count_outcomes({"x": x[i:n:2]}, y[i:n:2], target) for i in range(2)]
    assert np.array_equal(sum(parts), count_outcomes({"x": x[:n]}, y[:n], target))


def test_every_prediction_and_every_label_is_counted_in_its_cell() -> None:
    target = Target(
        prediction="said",
        task=Task.CLASSIFICATION,
        classes=("no", "yes"),
        positive="yes",
        probabilities={"yes": "p"},
        edges=np.array([[0.5]]),
        groups={"sex": ("f",)},
    )
    columns: dict[str, Column] = {
        "said": coded(["yes", "no", "yes"], ("yes", "no")),
        "p": np.array([0.9, 0.5, np.nan]),
        "sex": Coded(np.array([0, 1, -1], np.int32), ("f", "m")),
    }
    counts = count_predictions(columns, target)
    # By bin (missing, up to 0.5, above) and whether "yes" was predicted.
    assert target.part(counts, "scores").tolist() == [[[0, 1], [1, 0], [0, 1]]]
    assert target.part(counts, "groups").tolist() == [[0, 1], [1, 0]]
    counts = count_outcomes(columns, coded(["no", "no", "yes"], ("no", "yes")), target)
    assert target.part(counts, "labelled").tolist() == [3, 2]
    assert target.part(counts, "confusion").tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert target.part(counts, "outcomes")[0, :, :, 1].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert target.part(counts, "group_outcomes")[0].tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_a_row_without_its_label_or_prediction_is_left_out(said: Classified) -> None:
    gaps = np.arange(400) % 3 == 0
    labels = Coded(np.where(gaps, -1, said.labels.codes).astype(np.int32), said.labels.levels)
    columns = {name: values_at(column, ~gaps) for name, column in said.columns.items()}
    known = values_at(said.labels, ~gaps)
    assert np.array_equal(
        count_outcomes(said.columns, labels, said.target),
        count_outcomes(columns, known, said.target),
    )


def test_columns_that_are_absent_are_missing_throughout() -> None:
    said = binary(50)
    target, alone = said.target, {"said": said.columns["said"]}
    scores = target.part(count_predictions(alone, target), "scores")
    assert (scores[0, 0].sum(), scores.sum()) == (50, 50)
    assert not target.part(count_predictions(alone, target), "groups").any()
    assert not count_predictions({}, target).any()
    outcomes = count_outcomes(alone, said.labels, target)
    assert target.part(outcomes, "labelled")[0] == 50
    assert metrics(outcomes, target)["roc_auc"].reason


def test_moments_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    target = Target(prediction="x", task=Task.REGRESSION, unit=2.0, centre=1.0)
    x, y = rng.normal(size=500), rng.normal(size=500)
    n, moments = moments_of(count_outcomes({"x": x}, y, target), target)
    e, z = (x - y) / 2, (y - 1) / 2
    exact = (e, abs(e), e**2, z, z**2, e**4, z**3, z**4, e**2 * z, e**2 * z**2, 0 * e)
    assert n == 500
    assert moments == pytest.approx(
        dict(zip(MOMENTS, (one.mean() for one in exact), strict=True)), abs=1e-5
    )


def test_errors_that_nobody_can_tell_are_not_counted() -> None:
    predictions, labels = np.array([np.inf, np.nan, 1.0, np.inf]), np.array([np.inf, 1, np.nan, 1])
    target = Target(prediction="x", task=Task.REGRESSION)
    n, moments = moments_of(count_outcomes({"x": predictions}, labels, target), target)
    assert (n, moments["absolute"]) == (1, LARGEST)


def test_sums_of_many_huge_errors_do_not_overflow() -> None:
    target = Target(prediction="x", task=Task.REGRESSION, unit=1e-300)
    _, moments = moments_of(
        count_outcomes({"x": np.full(100_000, 1e308)}, np.zeros(100_000), target), target
    )
    assert (moments["squared"], moments["far"]) == (LARGEST**2, 1.0)


def test_numbers_and_categories_have_nothing_in_common() -> None:
    said = binary(3)
    with pytest.raises(TypeError, match="both be numbers or both be categories"):
        count_outcomes(said.columns, np.zeros(3), said.target)


def test_single_precision_counts_as_the_same_numbers_in_double() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=200).astype(np.float32) for _ in range(2))
    target = Target(prediction="x", task=Task.REGRESSION, unit=0.3)
    double = {"x": x.astype(np.float64)}
    assert np.array_equal(
        count_outcomes({"x": x}, y, target),  # type: ignore[dict-item, arg-type]  # single
        count_outcomes(double, y.astype(np.float64), target),
    )
