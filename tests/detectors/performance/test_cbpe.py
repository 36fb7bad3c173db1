from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

from detectors.columns import Coded, Counts
from detectors.output import Output
from detectors.performance.cbpe import TOO_FEW, estimated_metrics
from detectors.performance.metrics import metrics
from detectors.profile.outcomes import count_outcomes, count_predictions
from detectors.target import Target
from tests.detectors.performance.makers import Classified, binary, multiclass


def estimated(reference: Classified, window: Classified) -> dict[str, float]:
    target = reference.target
    labelled = count_outcomes(reference.columns, reference.labels, target)
    found = estimated_metrics(labelled, count_predictions(window.columns, target), target)
    return {name: one.value for name, one in found.items()}


def test_estimates_in_two_classes_are_those_of_the_definition_row_by_row() -> None:
    reference, window = binary(4_000, seed=1, digits=2), binary(3_000, seed=2, digits=2)
    isotonic = IsotonicRegression(out_of_bounds="clip")
    isotonic.fit(reference.probabilities[:, 1], np.array(reference.true) == "yes")
    p = isotonic.predict(window.probabilities[:, 1])
    said = np.array(window.predicted) == "yes"
    tp, fp, fn = p[said].sum(), (1 - p[said]).sum(), p[~said].sum()
    found = estimated(reference, window)
    exact = {
        "accuracy": (tp + (1 - p[~said]).sum()) / len(p),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
    }
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=2e-3)
    # Every row is a positive by its probability, and a negative by the rest.
    rows, y = np.tile(p, 2), np.repeat([1, 0], len(p))
    weights = np.concatenate([p, 1 - p])
    auc = sk.roc_auc_score(y, rows, sample_weight=weights)
    assert found["roc_auc"] == pytest.approx(auc, abs=5e-3)


# NannyML 0.13.1, CBPE of the same reference and windows.
OF_NANNYML = {
    "accuracy": (0.7321, 0.7348, 0.7368),
    "precision": (0.7243, 0.7284, 0.7348),
    "recall": (0.7200, 0.7445, 0.7346),
    "f1": (0.7221, 0.7363, 0.7347),
    "roc_auc": (0.8056, 0.8093, 0.8115),
    "average_precision": (0.7954, 0.8050, 0.8082),
}
OF_NANNYML_IN_FOUR_CLASSES = {
    "accuracy": (0.5993, 0.6052, 0.5958),
    "macro_precision": (0.5752, 0.5797, 0.5774),
    "macro_recall": (0.5405, 0.5409, 0.5387),
    "macro_f1": (0.5516, 0.5527, 0.5504),
    "roc_auc": (0.8174, 0.8201, 0.8160),
}


@pytest.mark.parametrize(
    ("make", "published"), [(binary, OF_NANNYML), (multiclass, OF_NANNYML_IN_FOUR_CLASSES)]
)
def test_estimates_are_near_those_of_nannyml(
    make: Callable[..., Classified], published: dict[str, tuple[float, ...]]
) -> None:
    reference = make(5_000, 1)
    for i in range(3):
        found = estimated(reference, make(2_000, 10 + i))
        exact = {name: values[i] for name, values in published.items()}
        assert {name: found[name] for name in exact} == pytest.approx(exact, abs=0.006)


@cache
def errors_of_estimates(make: Callable[..., Classified]) -> tuple[dict[str, float], ...]:
    """By metric: the mean error, and how often the interval holds the realised value."""
    errors, held = dict[str, list[float]](), dict[str, list[bool]]()
    for seed in range(40):
        reference, window = make(3_000, seed=1_000 + seed), make(600, seed=seed)
        target = reference.target
        labelled = count_outcomes(reference.columns, reference.labels, target)
        found = estimated_metrics(labelled, count_predictions(window.columns, target), target)
        real = metrics(count_outcomes(window.columns, window.labels, target), target)
        for name, one in found.items():
            errors.setdefault(name, []).append(one.value - real[name].value)
            held.setdefault(name, []).append(one.low <= real[name].value <= one.high)
    return (
        {name: float(np.mean(e)) for name, e in errors.items()},
        {name: float(np.mean(h)) for name, h in held.items()},
    )


@pytest.mark.parametrize("make", [binary, multiclass])
def test_estimates_are_what_labels_say_on_average(make: Callable[..., Classified]) -> None:
    errors, held = errors_of_estimates(make)
    assert errors == pytest.approx(dict.fromkeys(errors, 0.0), abs=0.02)
    assert min(held.values()) >= 0.85, held


def test_rows_of_which_the_model_is_unsure_lower_the_estimate() -> None:
    reference, window = binary(4_000, seed=1), binary(4_000, seed=3)
    p = window.probabilities[:, 1]
    unsure = {**window.columns, "p": 0.5 + (p - 0.5) / 4}
    target = reference.target
    labelled = count_outcomes(reference.columns, reference.labels, target)
    before, after = (
        estimated_metrics(labelled, count_predictions(columns, target), target)
        for columns in (window.columns, unsure)
    )
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision"):
        assert after[name].high < before[name].low


def without_labels(target: Target) -> Counts:
    return target.vector({})


@pytest.mark.parametrize("make", [binary, multiclass])
def test_too_few_labels_calibrate_nothing(make: Callable[..., Classified]) -> None:
    said = make(99)
    counts = count_predictions(said.columns, said.target)
    labelled = count_outcomes(said.columns, said.labels, said.target)
    for reference in (without_labels(said.target), labelled):
        found = estimated_metrics(reference, counts, said.target)
        assert {one.reason for one in found.values()} == {TOO_FEW}


@pytest.mark.parametrize("make", [binary, multiclass])
def test_without_rows_every_estimate_says_why(make: Callable[..., Classified]) -> None:
    said = make(500)
    labelled = count_outcomes(said.columns, said.labels, said.target)
    found = estimated_metrics(labelled, without_labels(said.target), said.target)
    assert all(one.reason for one in found.values())


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    said = binary(500)
    never = said.columns | {"said": Coded(np.zeros(500, dtype=np.int32), ("no", "yes"))}
    labelled = count_outcomes(said.columns, said.labels, said.target)
    found = estimated_metrics(labelled, count_predictions(never, said.target), said.target)
    assert found["precision"].reason == "the class is never predicted"
    assert found["recall"].value == 0.0


def test_accuracy_needs_the_probabilities_of_every_class() -> None:
    said = multiclass(500)
    output = Output("said", probabilities={"cat": "p_cat"})
    target = Target.fit(output, said.rows, said.labels)
    labelled = count_outcomes(said.columns, said.labels, target)
    found = estimated_metrics(labelled, count_predictions(said.columns, target), target)
    assert "accuracy" not in found
    assert {"precision", "recall", "f1", "roc_auc", "average_precision"} <= found.keys()


def test_without_probabilities_nothing_is_estimated() -> None:
    target = Target.fit(Output("said"), binary(9).rows, None)
    assert estimated_metrics(without_labels(target), without_labels(target), target) == {}
