from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from detectors.columns import Floats
from detectors.performance.confusion import (
    accuracy,
    f1,
    macro_f1,
    macro_precision,
    macro_recall,
    precision,
    recall,
)
from detectors.performance.intervals import Estimate

N = 3
OTHER = N
MACRO = (macro_precision, macro_recall, macro_f1)


def tables() -> st.SearchStrategy[Floats]:
    drawn = arrays(np.float64, (N + 1, N + 1), elements=st.integers(0, 20).map(float))
    return drawn.filter(lambda table: bool(table.any()))


def rows_of(table: Floats) -> tuple[Floats, Floats]:
    """Predicted and true classes, one a row, of a table."""
    predicted, true = np.indices(table.shape)
    n = table.astype(int).ravel()
    return np.repeat(predicted.ravel(), n), np.repeat(true.ravel(), n)


@given(tables())
def test_each_class_is_told_as_by_scikit_learn(table: Floats) -> None:
    predicted, true = rows_of(table)
    exact = precision_recall_fscore_support(true, predicted, labels=range(N), zero_division=np.nan)
    for values, metric in zip(exact[:3], (precision, recall, f1), strict=True):
        found = [metric(table, k).value for k in range(N)]
        np.testing.assert_allclose(found, values, atol=1e-12)


@given(tables())
def test_the_mean_over_classes_is_scikit_learns(table: Floats) -> None:
    predicted, true = rows_of(table)
    exact = precision_recall_fscore_support(true, predicted, labels=range(N), zero_division=np.nan)
    for values, metric in zip(exact[:3], MACRO, strict=True):
        mean = np.nan if np.isnan(values).all() else np.nanmean(values)
        np.testing.assert_allclose(metric(table).value, mean, atol=1e-12)


def test_the_interval_of_f1_is_wilsons_of_the_hits() -> None:
    table = np.array([[60, 10, 0], [20, 10, 0], [0, 0, 0]], dtype=np.float64)
    q = accuracy(60, 90)
    assert f1(table, 0).low == pytest.approx(2 * q.low / (1 + q.low))


@pytest.mark.parametrize("metric", MACRO)
def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says(
    metric: Callable[[Floats], Estimate],
) -> None:
    rng = np.random.default_rng(0)
    shares = np.array([[30, 4, 6, 1], [5, 20, 3, 1], [2, 6, 15, 1], [1, 1, 1, 3]]) / 100
    truth = metric(shares).value
    drawn = rng.multinomial(300, shares.ravel(), size=600).reshape(-1, N + 1, N + 1)
    found = [metric(table.astype(np.float64)) for table in drawn]
    assert np.mean([one.low <= truth <= one.high for one in found]) == pytest.approx(0.95, abs=0.02)


def test_a_perfect_table_is_not_certain() -> None:
    table = np.diag([5.0, 5.0, 5.0, 0.0])
    assert [metric(table).value for metric in MACRO] == [1.0] * 3
    assert all(metric(table).low < 0.8 for metric in MACRO)


def test_what_never_happens_is_not_known() -> None:
    nothing = np.zeros((N + 1, N + 1))
    reasons = [metric(nothing, 0).reason for metric in (precision, recall, f1)]
    reasons += [metric(nothing).reason for metric in MACRO] + [accuracy(0, 0).reason]
    assert all(reasons)
