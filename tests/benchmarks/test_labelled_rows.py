"""Labelled data: shapes and labels agree, and usual rows are alike wherever they are."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from benchmarks.labelled_rows import DATA, uncorrelated
from detectors.columns import Rows


def matrix(rows: Rows) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.stack([np.asarray(column) for column in rows.columns.values()])


@pytest.mark.parametrize("name", DATA)
def test_the_outliers_are_some_of_the_mixed_rows(name: str) -> None:
    labelled = DATA[name](np.random.default_rng(1))
    assert labelled.is_outlier.shape == (labelled.mixed.n,)
    assert 0 < labelled.is_outlier.sum() < labelled.mixed.n / 2
    names = [field.name for field in labelled.schema]
    parts = (labelled.fitted, labelled.calibration, labelled.mixed)
    assert all(list(rows.columns) == names for rows in parts)


@pytest.mark.parametrize("name", DATA)
def test_usual_rows_are_of_one_population(name: str) -> None:
    labelled = DATA[name](np.random.default_rng(1))
    before = matrix(labelled.calibration)
    after = matrix(labelled.mixed)[:, ~labelled.is_outlier]
    p_values = [ks_2samp(*pair, method="asymp").pvalue for pair in zip(before, after, strict=True)]
    assert min(p_values) > 0.001 / len(p_values)


def test_uncorrelated_outliers_are_as_spread_as_usual_rows_on_one_column_alone() -> None:
    labelled = uncorrelated(np.random.default_rng(1))
    outliers = matrix(labelled.mixed)[:, labelled.is_outlier]
    assert outliers.std() == pytest.approx(matrix(labelled.fitted).std(), rel=0.1)
