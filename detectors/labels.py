"""What labels say about predictions, as integers that add exactly."""

from dataclasses import astuple, dataclass
from enum import StrEnum

import numpy as np

from detectors.columns import Coded, Column, Floats

RESOLUTION = 2.0**16
"""Errors are summed in 1 / RESOLUTION of a unit, squared errors in its square."""

LARGEST_ERROR = 2.0**15
"""In units; larger errors count as this one."""


class Task(StrEnum):
    REGRESSION = "regression"
    CLASSIFICATION = "classification"


@dataclass(frozen=True, slots=True)
class LabelSums:
    """Sums over predictions whose label is known.

    n_correct: of a classification. signed, absolute, squared: of a regression's errors,
    prediction - label, in fixed point; a Python integer cannot overflow.
    """

    n_labelled: int = 0
    n_correct: int = 0
    signed: int = 0
    absolute: int = 0
    squared: int = 0

    def __add__(self, other: "LabelSums") -> "LabelSums":
        return LabelSums(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def loss(predictions: Column, labels: Column) -> Floats:
    """(rows,) absolute error of numbers, 0 or 1 (wrong) of categories; NaN where unknown."""
    if isinstance(predictions, Coded) and isinstance(labels, Coded):
        return _wrong(predictions, labels)
    if isinstance(predictions, Coded) or isinstance(labels, Coded):
        raise TypeError("predictions and labels must both be numbers or both be categories")
    return np.abs(_errors(predictions, labels))


def label_sums(predictions: Column, labels: Column, *, unit: float) -> LabelSums:
    """The sums over rows that have both; `unit` is the size of error that counts as 1."""
    losses = loss(predictions, labels)
    known = ~np.isnan(losses)
    n = int(np.count_nonzero(known))
    if isinstance(predictions, Coded) or isinstance(labels, Coded):
        return LabelSums(n_labelled=n, n_correct=n - int(losses[known].sum()))
    with np.errstate(over="ignore"):  # clipped below
        errors = _errors(predictions, labels)[known] / unit
    fixed = np.rint(np.clip(errors, -LARGEST_ERROR, LARGEST_ERROR) * RESOLUTION).astype(np.int64)
    squares = fixed * fixed
    # Halves of 32 bits, so that no sum of squares overflows before it is a Python integer.
    high, low = int((squares >> 32).sum()), int((squares & 0xFFFFFFFF).sum())
    return LabelSums(n, 0, int(fixed.sum()), int(np.abs(fixed).sum()), (high << 32) + low)


def _errors(predictions: Floats, labels: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # infinite minus infinite is unknown
        return predictions - labels


def _wrong(predictions: Coded, labels: Coded) -> Floats:
    code_of = {level: code for code, level in enumerate(predictions.levels)}
    # A level that was never predicted gets a code of its own, which no prediction equals.
    codes = [code_of.get(level, len(code_of)) for level in labels.levels]
    expected = np.array([*codes, -1])[labels.codes]
    known = (predictions.codes >= 0) & (labels.codes >= 0)
    return np.where(known, predictions.codes != expected, np.nan)
