from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sklearn import metrics as sk

from detectors.output import Output
from detectors.performance.metrics import METRICS, NO_PROBABILITY, metrics
from detectors.performance.ranking import ONE_CLASS, roc_auc_error_bound
from detectors.profile.outcomes import count_outcomes
from detectors.target import Target
from tests.detectors.performance.makers import CLASSES, Classified, binary, coded, multiclass


def values(said: Classified) -> dict[str, float]:
    counts = count_outcomes(said.columns, said.labels, said.target)
    return {name: one.value for name, one in metrics(counts, said.target).items()}


def calibration_error(true: Sequence[bool], probabilities: Sequence[float]) -> float:
    """By its definition, on ten bins closed on the right."""
    y, p = np.asarray(true), np.asarray(probabilities)
    bins = np.clip(np.ceil(p * 10) - 1, 0, 9)
    here = [bins == b for b in range(10) if (bins == b).any()]
    return sum(float(h.mean() * abs(y[h].mean() - p[h].mean())) for h in here)


@pytest.mark.parametrize("seed", range(3))
def test_a_classification_in_two_is_told_as_by_scikit_learn(seed: int) -> None:
    said = binary(seed=seed, rare=seed)
    true, predicted, p = said.true, said.predicted, said.probabilities[:, 1]
    is_true = np.array(true) == "yes"
    exact = {
        "accuracy": sk.accuracy_score(true, predicted),
        "precision": sk.precision_score(true, predicted, pos_label="yes"),
        "recall": sk.recall_score(true, predicted, pos_label="yes"),
        "f1": sk.f1_score(true, predicted, pos_label="yes"),
        "macro_precision": sk.precision_score(true, predicted, average="macro"),
        "macro_recall": sk.recall_score(true, predicted, average="macro"),
        "macro_f1": sk.f1_score(true, predicted, average="macro"),
        "log_loss": sk.log_loss(is_true, p),
        "brier": sk.brier_score_loss(is_true, p),
        "expected_calibration_error": calibration_error(is_true.tolist(), p.tolist()),
    }
    found = values(said)
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=2e-6)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(is_true, p), abs=5e-4)
    assert found["average_precision"] == pytest.approx(
        sk.average_precision_score(is_true, p), abs=4e-3
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_classification_in_many_is_told_as_by_scikit_learn(seed: int) -> None:
    said = multiclass(seed=seed)
    true, predicted, p = said.true, said.predicted, said.probabilities
    right = [a == b for a, b in zip(true, predicted, strict=True)]
    one_hot = np.array(true)[:, None] == np.array(CLASSES)
    exact = {
        "accuracy": sk.accuracy_score(true, predicted),
        "macro_precision": sk.precision_score(true, predicted, average="macro"),
        "macro_recall": sk.recall_score(true, predicted, average="macro"),
        "macro_f1": sk.f1_score(true, predicted, average="macro"),
        "log_loss": sk.log_loss(true, p, labels=CLASSES),
        "brier": sk.brier_score_loss(true, p, labels=CLASSES),
        "expected_calibration_error": calibration_error(right, p.max(axis=1).tolist()),
    }
    found = values(said)
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=2e-6)
    auc = sk.roc_auc_score(true, p, multi_class="ovr", labels=CLASSES)
    assert found["roc_auc"] == pytest.approx(auc, abs=5e-4)
    ap = sk.average_precision_score(one_hot, p, average="macro")
    assert found["average_precision"] == pytest.approx(ap, abs=4e-3)


def test_areas_of_bins_are_within_their_bound() -> None:
    said = binary(digits=3, seed=4)
    counts = count_outcomes(said.columns, said.labels, said.target)
    sides = said.target.part(counts, "outcomes")[0, 1:].sum(axis=1).astype(np.float64)
    exact = sk.roc_auc_score(np.array(said.true) == "yes", said.probabilities[:, 1])
    bound = roc_auc_error_bound(sides[:, 1], sides[:, 0])
    assert bound < 0.01
    assert abs(values(said)["roc_auc"] - exact) <= bound


def test_few_distinct_probabilities_rank_exactly() -> None:
    said = binary(digits=1, seed=5)
    is_true, p = np.array(said.true) == "yes", said.probabilities[:, 1]
    found = values(said)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(is_true, p), abs=1e-12)
    assert found["average_precision"] == pytest.approx(
        sk.average_precision_score(is_true, p), abs=1e-12
    )


@pytest.mark.parametrize("make", [binary, multiclass])
def test_intervals_hold_what_many_rows_say(make: Callable[..., Classified]) -> None:
    large, held = make(60_000, seed=7), dict[str, list[bool]]()
    truth = values(large)
    for seed in range(100, 220):
        said = make(300, seed=seed)
        counts = count_outcomes(said.columns, said.labels, large.target)
        for name, one in metrics(counts, large.target).items():
            held.setdefault(name, []).append(one.low <= truth[name] <= one.high)
    # A calibration error is too large where rows are few: its interval is about the sample's.
    shares = {name: np.mean(h) for name, h in held.items() if "calibration" not in name}
    assert min(shares.values()) >= 0.88, shares


def of(predicted: list[str], true: list[str], p: list[float]) -> dict[str, float | str | None]:
    """Values by metric, or why there is none."""
    levels = ("no", "yes")
    target, said = binary(200).target, coded(predicted, levels)
    counts = count_outcomes({"said": said, "p": np.array(p)}, coded(true, levels), target)
    found = metrics(counts, target)
    return {name: one.value if one.is_known else one.reason for name, one in found.items()}


def test_without_labels_every_metric_says_why() -> None:
    assert all(isinstance(value, str) for value in of([], [], []).values())


def test_with_one_class_only_nothing_is_ranked() -> None:
    found = of(["no", "no"], ["no", "no"], [0.1, 0.2])
    assert (found["accuracy"], found["macro_recall"]) == (1.0, 1.0)
    assert found["roc_auc"] == ONE_CLASS
    assert found["precision"] == "the class is never predicted"
    assert found["recall"] == found["average_precision"] == "no label of the class"


def test_scores_that_are_no_probabilities_only_rank() -> None:
    found = of(["no", "yes"], ["no", "yes"], [-3.0, 4.0])
    assert (found["roc_auc"], found["average_precision"]) == (1.0, 1.0)
    assert found["log_loss"] == found["brier"] == NO_PROBABILITY
    assert found["expected_calibration_error"] == NO_PROBABILITY


def test_a_missing_probability_leaves_its_row_out_of_what_needs_one() -> None:
    whole = of(["no", "yes", "yes"], ["no", "yes", "no"], [0.2, 0.9, 0.6])
    found = of(["no", "yes", "yes", "no"], ["no", "yes", "no", "yes"], [0.2, 0.9, 0.6, np.nan])
    assert found["accuracy"] == 0.5
    names = ("roc_auc", "average_precision", "brier", "log_loss", "expected_calibration_error")
    assert [found[name] for name in names] == [whole[name] for name in names]


def test_one_of_many_probabilities_ranks_its_class_and_no_more() -> None:
    said = multiclass(400)
    output = Output("said", probabilities={"cat": "p_cat", "dog": "p_dog"})
    target = Target.fit(output, said.rows, said.labels)
    found = metrics(count_outcomes(said.columns, said.labels, target), target)
    assert {"roc_auc", "average_precision"} <= found.keys()
    assert not {"log_loss", "brier", "expected_calibration_error"} & found.keys()


def test_classes_beyond_the_known_ones_are_wrong_and_no_more() -> None:
    predicted, true = coded(["a", "b", "z"], ("a", "b", "z")), coded(["a", "y", "y"], ("a", "y"))
    target = Target(prediction="said", task=binary(200).target.task, classes=("a", "b"))
    found = metrics(count_outcomes({"said": predicted}, true, target), target)
    assert found["accuracy"].value == pytest.approx(1 / 3)
    assert found["macro_precision"].value == 0.5


@pytest.mark.parametrize("make", [binary, multiclass])
def test_values_lie_in_their_range(make: Callable[..., Classified]) -> None:
    said = make(500)
    found = metrics(count_outcomes(said.columns, said.labels, said.target), said.target)
    for name, one in found.items():
        assert METRICS[name].lowest <= one.low <= one.value <= one.high <= METRICS[name].highest
