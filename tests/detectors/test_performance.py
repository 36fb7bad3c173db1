import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.performance import expected, realised
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, traffic


def errors_of(labelled: tuple[Rows, Floats]) -> tuple[Floats, Floats]:
    rows, labels = labelled
    seats = rows.columns["seats"]
    assert not isinstance(seats, Coded)
    return labels, seats


def test_realised_errors_are_those_of_scikit_learn(
    labelled: tuple[Rows, Floats], reference: Reference
) -> None:
    late, rows = traffic(400, seed=21), traffic(500, seed=22)[0]
    labels, seats = errors_of(late)
    profile = count(rows, reference) + count_labels(seats, labels, reference)
    found = realised(profile, reference)
    assert found is not None
    assert (found.metric, found.n, found.coverage) == ("mae", 400, 0.8)
    assert found.value == pytest.approx(mean_absolute_error(labels, seats), abs=1e-4)
    assert found.reference == pytest.approx(mean_absolute_error(*errors_of(labelled)), abs=1e-4)
    assert found.others == pytest.approx(
        {"rmse": root_mean_squared_error(labels, seats), "bias": (seats - labels).mean()}, abs=1e-4
    )


def test_coverage_is_of_the_predictions_that_are_named(reference: Reference) -> None:
    profile = count_labels(np.ones(5), np.zeros(5), reference)
    found = [realised(profile, reference, n_predictions=n) for n in (20, 0)]
    assert [part and part.coverage for part in found] == [0.25, None]


def test_accuracy_is_the_share_of_correct_categories() -> None:
    rng = np.random.default_rng(0)
    said = Coded(rng.integers(0, 2, 200).astype(np.int32), ("no", "yes"))
    truth = Coded(np.where(np.arange(200) % 4, said.codes, 1 - said.codes), said.levels)
    rows, schema = Rows({"said": said}, 200), [Field("said", ColumnType.CATEGORY)]
    reference = Reference.fit(rows, schema, prediction="said", label=truth)
    measured, estimated = (
        realised(reference.profile, reference),
        expected(reference.profile, reference),
    )
    assert measured is not None
    assert estimated is not None
    assert (measured.metric, measured.value, dict(measured.others)) == ("accuracy", 0.75, {})
    assert estimated.metric == "accuracy"
    assert estimated.value == pytest.approx(0.75, abs=0.01)


def test_without_labels_nothing_is_realised(rows: Rows, reference: Reference) -> None:
    assert realised(count(rows, reference), reference) is None


def test_the_expected_error_of_the_reference_is_its_own(reference: Reference) -> None:
    found = expected(reference.profile, reference)
    assert found is not None
    assert found.value == found.reference
    before = realised(reference.profile, reference)
    assert before is not None
    assert found.value == pytest.approx(before.value, rel=0.02)


def test_without_rows_nothing_is_expected(reference: Reference) -> None:
    assert expected(Profile.empty(reference), reference) is None


def test_without_labels_in_the_reference_nothing_is_expected() -> None:
    rows, _ = traffic(200, seed=23)
    reference = Reference.fit(rows, SCHEMA, prediction="seats")
    assert expected(reference.profile, reference) is None
    found = realised(count_labels(np.ones(4), np.zeros(4), reference), reference)
    assert found is not None
    assert found.value == pytest.approx(1.0, abs=1e-4)
    assert found.reference is None
