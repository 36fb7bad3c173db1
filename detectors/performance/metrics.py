"""Every metric of a model, from what was counted of its predictions and labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import numpy as np

from detectors.bins.probability_bins import TENTHS
from detectors.columns import Counts, Floats
from detectors.labels import Task
from detectors.performance import confusion as of_table
from detectors.performance import ranking, regression
from detectors.performance.calibration import N_TENTHS, expected_calibration_error
from detectors.performance.intervals import Estimate, mean, undefined
from detectors.profile.outcomes import LOSS_RESOLUTION, moments_of
from detectors.target import Target


class Bad(StrEnum):
    """Which way a metric goes when a model gets worse."""

    LOWER = "lower"
    HIGHER = "higher"
    AWAY_FROM_ZERO = "away from zero"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is like, and whether it has the unit of what is predicted."""

    bad: Bad
    lowest: float
    highest: float
    has_unit: bool = False


_SHARE = Metric(Bad.LOWER, 0.0, 1.0)
METRICS: Mapping[str, Metric] = {
    "accuracy": _SHARE,
    "precision": _SHARE,
    "recall": _SHARE,
    "f1": _SHARE,
    "macro_precision": _SHARE,
    "macro_recall": _SHARE,
    "macro_f1": _SHARE,
    "roc_auc": _SHARE,
    "average_precision": _SHARE,
    "log_loss": Metric(Bad.HIGHER, 0.0, inf),
    "brier": Metric(Bad.HIGHER, 0.0, inf),  # above 2 only where probabilities sum to more than 1
    "expected_calibration_error": Metric(Bad.HIGHER, 0.0, 1.0),
    "mae": Metric(Bad.HIGHER, 0.0, inf, has_unit=True),
    "rmse": Metric(Bad.HIGHER, 0.0, inf, has_unit=True),
    "bias": Metric(Bad.AWAY_FROM_ZERO, -inf, inf, has_unit=True),
    "r_squared": Metric(Bad.LOWER, -inf, 1.0),
}
"""Names as reports have them. A metric that is undefined is NaN with a reason, never 0."""

NO_PROBABILITY = "a probability is not between 0 and 1"


def main_metric(task: Task) -> str:
    """The one that is told first."""
    return "mae" if task is Task.REGRESSION else "accuracy"


def metrics(counts: Counts, target: Target) -> Mapping[str, Estimate]:
    """Those that are fit for the target, by name, from counted outcomes (n_slots,)."""
    if target.task is Task.REGRESSION:
        return _of_numbers(counts, target)
    n, n_correct = (int(k) for k in target.part(counts, "labelled"))
    table = target.part(counts, "confusion").astype(np.float64)
    return {
        "accuracy": of_table.accuracy(n_correct, n),
        **of_confusion(table, target),
        **(_of_probabilities(counts, target) if target.probabilities else {}),
    }


def of_confusion(table: Floats, target: Target) -> dict[str, Estimate]:
    """Precision, recall and F1 of the positive class, if there is one, and of all classes."""
    found = {
        "macro_precision": of_table.macro_precision(table),
        "macro_recall": of_table.macro_recall(table),
        "macro_f1": of_table.macro_f1(table),
    }
    if target.positive_code is None:
        return found
    k = target.positive_code
    return {
        "precision": of_table.precision(table, k),
        "recall": of_table.recall(table, k),
        "f1": of_table.f1(table, k),
        **found,
    }


def _of_numbers(counts: Counts, target: Target) -> dict[str, Estimate]:
    n, moments = moments_of(counts, target)
    found = {
        "mae": regression.mean_absolute_error(moments, n),
        "rmse": regression.root_mean_squared_error(moments, n),
        "bias": regression.bias(moments, n),
        "r_squared": regression.r_squared(moments, n),
    }
    units = {name: target.unit if METRICS[name].has_unit else 1.0 for name in found}
    return {name: one.times(units[name]) for name, one in found.items()}


def _of_probabilities(counts: Counts, target: Target) -> dict[str, Estimate]:
    # Missing probabilities, in the first bin, rank nowhere.
    by_bin = target.part(counts, "outcomes")[:, 1:].sum(axis=2).astype(np.float64)
    sides = [(one[:, 1], one[:, 0]) for one in by_bin]
    precisions = [
        ranking.average_precision(*side, tied=tied)
        for side, tied in zip(sides, target.is_one_value, strict=True)
    ]
    n, n_wrong, brier, brier_squares, logs, log_squares = (
        float(k) for k in target.part(counts, "losses")
    )
    found = {
        "roc_auc": ranking.macro([ranking.roc_auc(*side) for side in sides]),
        "average_precision": ranking.macro(precisions),
        "log_loss": _mean_loss(logs, log_squares, n),
        "brier": _mean_loss(brier, brier_squares, n),
        "expected_calibration_error": _calibration_error(counts, target),
    }
    if not (target.is_binary or target.is_complete):
        return {name: found[name] for name in ("roc_auc", "average_precision")}
    if n_wrong:
        unsound = ("log_loss", "brier", "expected_calibration_error")
        return found | dict.fromkeys(unsound, undefined(NO_PROBABILITY))
    return found


def _mean_loss(total: float, squares: float, n: float) -> Estimate:
    scale = LOSS_RESOLUTION
    return mean(total / scale, squares / scale, n, without="no labels with a probability")


def _calibration_error(counts: Counts, target: Target) -> Estimate:
    """Of one probability; of several, of that of the class predicted (Guo et al. 2017)."""
    outcomes = target.part(counts, "outcomes")[:, 1:].astype(np.float64)
    confidences = target.part(counts, "confidences") / LOSS_RESOLUTION
    if target.is_binary:
        rows, sums = outcomes.sum(axis=2), confidences.sum(axis=2)
    else:
        rows, sums = outcomes[:, :, 1], confidences[:, :, 1]
    n, hits = np.zeros(N_TENTHS), np.zeros(N_TENTHS)
    for edges, one in zip(target.edges, rows, strict=True):
        tenths = np.searchsorted(TENTHS, np.append(edges, np.inf))
        n += np.bincount(tenths, weights=one.sum(axis=-1), minlength=N_TENTHS)
        hits += np.bincount(tenths, weights=one[:, 1], minlength=N_TENTHS)
    return expected_calibration_error(n, hits, sums.sum(axis=0))
