"""How far predictions are from their labels."""

from enum import StrEnum

import numpy as np

from detectors.columns import Coded, Column, Floats


class Task(StrEnum):
    REGRESSION = "regression"
    CLASSIFICATION = "classification"


def loss(predictions: Column, labels: Column) -> Floats:
    """(rows,) absolute error of numbers, 0 or 1 (wrong) of categories; NaN where unknown."""
    if isinstance(predictions, Coded) and isinstance(labels, Coded):
        return _wrong(predictions, labels)
    if isinstance(predictions, Coded) or isinstance(labels, Coded):
        raise TypeError("predictions and labels must both be numbers or both be categories")
    return np.abs(_errors(predictions, labels))


def _errors(predictions: Floats, labels: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # infinite minus infinite is unknown
        return np.subtract(predictions, labels, dtype=np.float64)


def _wrong(predictions: Coded, labels: Coded) -> Floats:
    code_of = {level: code for code, level in enumerate(predictions.levels)}
    # A level that was never predicted gets a code of its own, which no prediction equals.
    codes = [code_of.get(level, len(code_of)) for level in labels.levels]
    expected = np.array([*codes, -1])[labels.codes]
    known = (predictions.codes >= 0) & (labels.codes >= 0)
    return np.where(known, predictions.codes != expected, np.nan)
