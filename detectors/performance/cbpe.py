"""Confidence-based performance estimation: what labels will say, from probabilities alone.

Each probability is calibrated on the reference's labels (isotonic regression), and then every
prediction is expected to be right as often as its probability says: that gives an expected
confusion table and expected ranks. As in NannyML's CBPE, with two differences: it is computed from
counts per bin, and of several classes each is calibrated against the rest without rescaling a
row's probabilities to sum to 1. It sees inputs move to where the model is less sure. It cannot see
that the relation of inputs to truth has changed.

The intervals are for what the window's labels will say: they hold the chance in those labels and
that in the reference's, on which the calibration rests.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.columns import Counts, Floats
from detectors.performance import ranking
from detectors.performance.calibration import Calibration, calibrated
from detectors.performance.intervals import Estimate, bounded, undefined
from detectors.target import Target

FEWEST_LABELS = 100
"""A reference with fewer labelled probabilities calibrates nothing."""

TOO_FEW = f"fewer than {FEWEST_LABELS} labels in the reference"


def estimated_metrics(reference: Counts, counts: Counts, target: Target) -> Mapping[str, Estimate]:
    """Accuracy and the like by name, from what the reference and a window counted, (n_slots,).

    Empty where the target has no probabilities. Accuracy needs those of every class.
    """
    if not target.probabilities:
        return {}
    sides = _sides(reference, counts, target)
    if not sides:
        names = ("accuracy", "roc_auc", "average_precision")
        return dict.fromkeys(names, undefined(TOO_FEW))
    found = {} if not target.is_complete else {"accuracy": _accuracy(sides, target)}
    positive = [
        side
        for name, side in zip(target.probabilities, sides, strict=True)
        if name == target.positive
    ]
    for one in positive:
        found |= {"precision": one.precision(), "recall": one.recall(), "f1": one.f1()}
    if target.is_complete:
        each = [*sides, *(side.opposite() for side in sides if target.is_binary)]
        found["macro_precision"] = ranking.macro([side.precision() for side in each])
        found["macro_recall"] = ranking.macro([side.recall() for side in each])
        found["macro_f1"] = ranking.macro([side.f1() for side in each])
    found["roc_auc"] = ranking.macro([side.roc_auc() for side in sides])
    precisions = zip(sides, target.is_one_value, strict=True)
    found["average_precision"] = ranking.macro(
        [side.average_precision(tied) for side, tied in precisions]
    )
    return found


@dataclass(frozen=True, slots=True)
class _Side:
    """One class against the rest: rows of a window, (bins, 2) by score and whether the class was
    predicted, and how often rows of a bin are of the class.
    """

    rows: Floats
    calibration: Calibration

    @property
    def p(self) -> Floats:
        return self.calibration.probability

    @property
    def true(self) -> Floats:
        """(bins, 2) how many of the rows are expected to be of the class."""
        return self.rows * self.p[:, None]

    def opposite(self) -> "_Side":
        """The rest against the class."""
        rest = Calibration(1 - self.p, self.calibration.step, self.calibration.n)
        return _Side(self.rows[:, ::-1], rest)

    def precision(self) -> Estimate:
        n = float(self.rows[:, 1].sum())
        return self._ratio(n, (0, 1), (0, 0), without="the class is never predicted")

    def recall(self) -> Estimate:
        n = float(self.true.sum())
        return self._ratio(n, (0, 1), (1, 1), without="the class is not expected")

    def f1(self) -> Estimate:
        n = float(self.rows[:, 1].sum() + self.true.sum())
        return self._ratio(n, (0, 2), (1, 1), without="the class is neither predicted nor expected")

    def roc_auc(self) -> Estimate:
        positives = self.true.sum(axis=1)
        negatives = self.rows.sum(axis=1) - positives
        found = ranking.roc_auc(positives, negatives)
        if not found.is_known:
            return undefined("one class only is expected")
        n_positive, n_negative = positives.sum(), negatives.sum()
        as_positive = (ranking.placements(negatives) - found.value) / n_positive
        as_negative = (1 - ranking.placements(positives) - found.value) / n_negative
        influence = (as_positive - as_negative)[:, None]
        return bounded(found.value, self.variance(influence), n=min(n_positive, n_negative))

    def average_precision(self, tied: ranking.Mask) -> Estimate:
        positives = self.true.sum(axis=1)
        negatives = self.rows.sum(axis=1) - positives
        if positives.sum() <= 0:
            return undefined("the class is not expected")
        value = float(ranking.mean_precision(positives, negatives, tied=tied))
        # The derivative by each bin's share of the class, numerically.
        step = 1e-6 * float(positives.sum()) * np.eye(len(positives))
        moved = ranking.mean_precision(positives + step, negatives, tied=tied)
        less = ranking.mean_precision(positives, negatives + step, tied=tied)
        influence = ((moved - less) / np.diag(step))[:, None]
        return bounded(value, self.variance(influence), n=float(positives.sum()))

    def variance(self, influence: Floats) -> float:
        """Of a sum of labels, each times the influence, (bins, 2), of its row."""
        unsure = self.p * (1 - self.p)
        labels = ((self.rows * influence**2).sum(axis=1) * unsure).sum()
        steps, n = self.calibration.step, self.calibration.n
        moved = np.bincount(steps, (self.rows * influence).sum(axis=1), minlength=len(n))
        by_step = np.zeros(len(n))
        by_step[steps] = unsure
        return float(labels + (moved**2 * by_step / n).sum())

    def _ratio(
        self, n: float, above: tuple[int, int], below: tuple[int, int], *, without: str
    ) -> Estimate:
        """Σ above·true / n, where a row of the class adds `below` to n; both by prediction."""
        if n <= 0:
            return undefined(without)
        value = float((self.true * above).sum()) / n
        influence = (np.array(above) - value * np.array(below)) / n
        return bounded(value, self.variance(influence[None, :]), n=n)


def _sides(reference: Counts, counts: Counts, target: Target) -> list[_Side]:
    """One for each probability; none if the reference has too few labels."""
    outcomes = target.part(reference, "outcomes")[:, 1:].sum(axis=2).astype(np.float64)
    rows = target.part(counts, "scores")[:, 1:].astype(np.float64)
    sides = []
    for labelled, seen in zip(outcomes, rows, strict=True):
        n = labelled.sum(axis=1)
        calibration = calibrated(n, labelled[:, 1]) if n.sum() >= FEWEST_LABELS else None
        if calibration is None:
            return []
        sides.append(_Side(seen, calibration))
    return sides


def _accuracy(sides: list[_Side], target: Target) -> Estimate:
    """Of two classes both predictions of one probability, of more each class's own."""
    if target.is_binary:
        right, n = _right_of_two(sides[0]), float(sides[0].rows.sum())
        variance = sides[0].variance(np.array([[-1.0, 1.0]])) / n**2 if n else 0.0
    else:
        right = sum(float(side.true[:, 1].sum()) for side in sides)
        n = sum(float(side.rows[:, 1].sum()) for side in sides)
        variance = sum(side.variance(np.array([[0.0, 1.0]])) for side in sides) / n**2 if n else 0.0
    return bounded(right / n, variance, n=n) if n else undefined("no rows with a probability")


def _right_of_two(side: _Side) -> float:
    return float(side.true[:, 1].sum() + (side.rows - side.true)[:, 0].sum())
