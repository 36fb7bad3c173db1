"""Evidently's tests of single columns, by name, as its drift preset calls them.

They are called without the report around them, which computes the same scores and draws them.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import StatTest, get_stattest
from evidently.legacy.core import ColumnType

from benchmarks.peers.exchange import Array, Question, Strengths, answer, p_strength

SETTINGS = {
    "default": (None, None),
    "KS, chi-squared": ("ks", "chisquare"),
    "PSI": ("psi", "psi"),
}


def judge(question: Question) -> Strengths:
    """Strengths of each column, and of the preset: half of the columns must drift."""
    strengths = {name: _columns(question, *tests) for name, tests in SETTINGS.items()}
    share = (strengths["default"] >= 1).mean(axis=1, keepdims=True)
    return {**strengths, "default, half of all columns": share / 0.5}


def _columns(question: Question, of_numbers: str | None, of_codes: str | None) -> Array:
    numbers = _strengths(
        question.reference_numbers, question.numbers, ColumnType.Numerical, of_numbers
    )
    codes = _strengths(question.reference_codes, question.codes, ColumnType.Categorical, of_codes)
    return np.stack([*numbers, *codes], axis=1)


def _strengths(
    reference: Array, windows: Array, kind: ColumnType, name: str | None
) -> Iterator[Array]:
    """(windows,) of one column after the other."""
    for i in range(reference.shape[1]):
        expected = pd.Series(reference[:, i])
        seen = [pd.Series(window[:, i]) for window in windows]
        test = get_stattest(expected, seen[0], kind, name)
        scores = np.array([_score(test, expected, current, kind) for current in seen])
        is_p_value = test.name in {"ks", "chisquare"}
        limit = test.default_threshold
        yield p_strength(scores, limit) if is_p_value else scores / limit


def _score(test: StatTest, expected: pd.Series, current: pd.Series, kind: ColumnType) -> float:
    result = test(
        reference_data=expected,
        current_data=current,
        feature_type=kind,
        threshold=test.default_threshold,
    )
    return float(result.drift_score)


if __name__ == "__main__":
    answer(judge)
