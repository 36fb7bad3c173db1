from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from detectors.artifact import ArtifactError
from detectors.columns import Coded, ColumnType, Counts, Field, Floats, Role, Rows
from detectors.output import Output
from detectors.performance import expected, fairness, realised
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, traffic
from tests.detectors.performance.makers import Classified, binary

FIELDS = (
    Field("said", ColumnType.CATEGORY, Role.PREDICTION),
    Field("p", ColumnType.FLOAT, Role.PREDICTION),
    Field("sex", ColumnType.CATEGORY),
)


@pytest.fixture(scope="module")
def classifier() -> Reference:
    said = binary(3_000)
    return Reference.fit(
        said.rows,
        FIELDS,
        times=np.arange(3_000.0),
        window_lengths_s=(600.0,),
        prediction=Output("said", probabilities={"yes": "p"}, groups=("sex",)),
        label=said.labels,
    )


def profile_of(said: Classified, reference: Reference) -> Profile:
    labels = count_labels(
        said.rows.columns["said"], said.labels, reference, beside=said.rows.columns
    )
    return count(said.rows, reference) + labels


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
    found = realised(count(rows, reference) + count_labels(seats, labels, reference), reference)
    assert found is not None
    assert (found.metric, found.n, found.coverage) == ("mae", 400, 0.8)
    assert found.value == pytest.approx(mean_absolute_error(labels, seats), abs=1e-4)
    assert found.reference == pytest.approx(mean_absolute_error(*errors_of(labelled)), abs=1e-4)
    exact = {
        "rmse": root_mean_squared_error(labels, seats),
        "bias": (seats - labels).mean(),
        "r_squared": r2_score(labels, seats),
    }
    assert found.others == pytest.approx(exact, abs=1e-4)
    assert found.value is not None
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert found.intervals.keys() == exact.keys()


def test_coverage_is_of_the_predictions_that_are_named(reference: Reference) -> None:
    profile = count_labels(np.ones(5), np.zeros(5), reference)
    found = [realised(profile, reference, n_predictions=n) for n in (20, 0)]
    assert [part and part.coverage for part in found] == [0.25, None]


def test_a_classifier_is_told_with_and_without_labels(classifier: Reference) -> None:
    profile = profile_of(binary(2_000, seed=5), classifier)
    found, estimate = realised(profile, classifier), expected(profile, classifier)
    assert found is not None
    assert estimate is not None
    assert found.metric == estimate.metric == "accuracy"
    assert found.value == pytest.approx(estimate.value, abs=0.03)
    for name, value in estimate.others.items():
        low, high = estimate.intervals[name]
        assert low <= found.others[name] <= high, (name, value)
    assert {"brier", "log_loss", "expected_calibration_error"} == (
        found.others.keys() - estimate.others.keys()
    )


def test_what_is_undefined_is_left_out_with_its_reason(classifier: Reference) -> None:
    said = binary(50)
    never = Coded(np.zeros(50, dtype=np.int32), ("no",))
    alone = count_labels(never, never, classifier, beside={"p": said.rows.columns["p"]})
    found = realised(alone, classifier)
    assert found is not None
    assert found.value == 1.0
    assert found.undefined["precision"] == "the class is never predicted"
    assert not found.undefined.keys() & found.others.keys()
    assert not found.undefined.keys() & found.intervals.keys()


def test_groups_are_told_beside_the_rest(classifier: Reference) -> None:
    women, men = fairness(profile_of(binary(2_000, seed=6), classifier), classifier)
    assert {women.group, men.group} == {"f", "m"}
    assert women.column == men.column == "sex"
    assert women.n + men.n == 2_000
    assert women.values["disparate_impact"] == pytest.approx(1 / men.values["disparate_impact"])
    assert women.values.keys() == women.reference.keys() == women.intervals.keys()
    assert not women.undefined


def test_what_is_told_is_plain_data(classifier: Reference, reference: Reference) -> None:
    profile = profile_of(binary(2_000, seed=6), classifier)
    told = [realised(profile, classifier), expected(profile, classifier)]
    told += [realised(reference.profile, reference), expected(reference.profile, reference)]
    for one in (*told, *fairness(profile, classifier)):
        assert one is not None
        assert foreign_types(asdict(one)) == set()


def foreign_types(value: object) -> set[type]:
    """Types in nested data that JSON does not know."""
    if isinstance(value, dict):
        return set().union(*(foreign_types(part) for part in value.values()))
    if isinstance(value, tuple):
        return set().union(*(foreign_types(part) for part in value))
    return {type(value)} - {float, int, str, bool, type(None)}


def test_without_groups_nothing_is_compared(reference: Reference) -> None:
    assert fairness(reference.profile, reference) == ()


def test_accuracy_without_probabilities_is_by_the_expected_error() -> None:
    rng = np.random.default_rng(0)
    said = Coded(rng.integers(0, 2, 200).astype(np.int32), ("no", "yes"))
    truth = Coded(np.where(np.arange(200) % 4, said.codes, 1 - said.codes), said.levels)
    rows, schema = Rows({"said": said}, 200), [Field("said", ColumnType.CATEGORY)]
    reference = Reference.fit(rows, schema, prediction="said", label=truth)
    measured = realised(reference.profile, reference)
    estimated = expected(reference.profile, reference)
    assert measured is not None
    assert estimated is not None
    assert (measured.metric, measured.value) == ("accuracy", 0.75)
    assert estimated.metric == "accuracy"
    assert estimated.value == pytest.approx(0.75, abs=0.03)
    assert estimated.others == {}


def test_without_labels_nothing_is_realised(rows: Rows, reference: Reference) -> None:
    assert realised(count(rows, reference), reference) is None


def test_the_expected_error_of_the_reference_is_its_own(reference: Reference) -> None:
    found, before = (told(reference.profile, reference) for told in (expected, realised))
    assert found is not None
    assert before is not None
    assert found.value == found.reference
    assert found.value == pytest.approx(before.value, rel=0.02)


@pytest.mark.parametrize("told", [expected, realised])
def test_without_rows_nothing_is_told(
    told: Callable[[Profile, Reference], object], reference: Reference, classifier: Reference
) -> None:
    assert told(Profile.empty(reference), reference) is None
    assert told(Profile.empty(classifier), classifier) is None


def test_without_labels_in_the_reference_nothing_is_expected() -> None:
    rows, _ = traffic(200, seed=23)
    reference = Reference.fit(rows, SCHEMA, prediction="seats")
    assert expected(reference.profile, reference) is None
    found = realised(count_labels(np.ones(4), np.zeros(4), reference), reference)
    assert found is not None
    assert found.value == pytest.approx(1.0, abs=1e-4)
    assert found.reference is None


def test_without_a_prediction_nothing_is_told() -> None:
    rows, _ = traffic(200, seed=23)
    reference = Reference.fit(rows, SCHEMA)
    assert realised(reference.profile, reference) is None
    assert expected(reference.profile, reference) is None
    with pytest.raises(ValueError, match="no prediction"):
        count_labels(np.ones(4), np.zeros(4), reference)


def test_outcomes_travel_with_profiles(classifier: Reference) -> None:
    profile = profile_of(binary(100, seed=6), classifier)
    assert profile.n_labelled == 100
    assert Profile.from_bytes(profile.to_bytes(), classifier) == profile
    again = Reference.from_bytes(classifier.to_bytes())
    assert (again.id, again.profile) == (classifier.id, classifier.profile)
    assert again.target is not None
    assert again.target.shapes == classifier.target.shapes  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize(
    "damage",
    [
        lambda outcomes: outcomes - 10_000,
        lambda outcomes: outcomes + (np.arange(len(outcomes)) == 1) * 10_000,
        lambda outcomes: outcomes + (np.arange(len(outcomes)) == 3),
        lambda outcomes: outcomes[1:],
    ],
    ids=["below zero", "more correct than labelled", "another table", "too short"],
)
def test_impossible_outcomes_are_refused(
    damage: Callable[[Counts], Counts], classifier: Reference
) -> None:
    profile = profile_of(binary(100, seed=6), classifier)
    with pytest.raises(ArtifactError):
        Profile.from_bytes(
            replace(profile, outcomes=damage(profile.outcomes)).to_bytes(), classifier
        )
