import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error

from detectors.columns import Coded, Floats
from detectors.labels import LARGEST_ERROR, RESOLUTION, LabelSums, label_sums, loss
from tests.detectors.makers import numbers


def codes(*names: str | None, levels: tuple[str, ...]) -> Coded:
    return Coded(np.array([levels.index(n) if n else -1 for n in names], np.int32), levels)


def test_sums_of_errors_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    predictions, labels = rng.normal(size=1_000), rng.normal(size=1_000)
    sums = label_sums(predictions, labels, unit=2.0)
    mae, mse = sums.absolute * 2 / RESOLUTION / 1_000, sums.squared * 4 / RESOLUTION**2 / 1_000
    assert mae == pytest.approx(mean_absolute_error(labels, predictions), abs=1e-5)
    assert mse == pytest.approx(mean_squared_error(labels, predictions), abs=1e-4)
    assert sums.signed * 2 / RESOLUTION / 1_000 == pytest.approx(
        (predictions - labels).mean(), abs=1e-5
    )


def test_correct_categories_are_those_of_scikit_learn() -> None:
    said = codes("a", "b", "c", "a", None, "b", levels=("a", "b", "c"))
    true = codes("a", "c", "c", "x", "a", None, levels=("x", "c", "b", "a"))
    sums = label_sums(said, true, unit=1.0)
    known = accuracy_score(["a", "b", "c", "a"], ["a", "c", "c", "x"], normalize=False)
    assert (sums.n_labelled, sums.n_correct) == (4, known)


def test_levels_that_nobody_predicted_are_wrong() -> None:
    said, true = codes("a", levels=("a",)), codes("z", levels=("y", "z"))
    assert loss(said, true).tolist() == [1.0]


def test_labels_without_levels_are_all_missing() -> None:
    said, true = codes("a", levels=("a",)), Coded(np.array([-1], np.int32), ())
    assert np.isnan(loss(said, true)).all()


@given(numbers(), numbers())
def test_sums_over_parts_are_the_sums_over_the_whole(x: Floats, y: Floats) -> None:
    n = min(len(x), len(y))
    predictions, labels = x[:n], y[:n]
    parts = [label_sums(predictions[i::2], labels[i::2], unit=3.0) for i in range(2)]
    assert parts[0] + parts[1] == label_sums(predictions, labels, unit=3.0)


def test_errors_that_nobody_can_tell_are_not_counted() -> None:
    predictions = np.array([np.inf, np.nan, 1.0, np.inf])
    labels = np.array([np.inf, 1.0, np.nan, 1.0])
    sums = label_sums(predictions, labels, unit=1.0)
    assert (sums.n_labelled, sums.absolute) == (1, LARGEST_ERROR * RESOLUTION)


def test_sums_of_many_huge_errors_do_not_overflow() -> None:
    sums = label_sums(np.full(100_000, 1e308), np.zeros(100_000), unit=1e-300)
    assert sums.squared == 100_000 * int(LARGEST_ERROR * RESOLUTION) ** 2


def test_nothing_is_the_identity_of_addition() -> None:
    sums = LabelSums(5, 4, -3, 2, 1)
    assert sums + LabelSums() == sums


def test_numbers_and_categories_have_no_error_in_common() -> None:
    with pytest.raises(TypeError, match="both be numbers or both be categories"):
        loss(np.zeros(1), codes("a", levels=("a",)))
