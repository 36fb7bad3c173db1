"""The columns that are said to move are those that do."""

from itertools import islice

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from benchmarks.localisation import MOVED
from benchmarks.streams import joined
from benchmarks.wide_streams import Shift, WideWorld
from detectors.columns import Coded, Column, Rows


@pytest.fixture(scope="module")
def stable() -> Rows:
    return joined(list(islice(WideWorld().days(np.random.default_rng(1)), 10)))


@pytest.mark.parametrize("shift", MOVED)
def test_a_shift_moves_its_columns_and_no_others(shift: Shift, stable: Rows) -> None:
    days = WideWorld().days(np.random.default_rng(2), shift=shift)
    changed = joined(list(islice(days, 10)))
    found = {
        name
        for name, column in stable.columns.items()
        if _p_value(column, changed.columns[name]) < 1e-6
    }
    assert found == MOVED[shift]


def _p_value(before: Column, after: Column) -> float:
    if isinstance(before, Coded) and isinstance(after, Coded):
        table = [np.bincount(each.codes, minlength=5) for each in (before, after)]
        return float(chi2_contingency(table).pvalue)
    if np.any(before == 0) != np.any(after == 0):
        return 0.0
    return float(ks_2samp(np.asarray(before), np.asarray(after)).pvalue)
