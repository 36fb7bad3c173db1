import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics import moments
from tests.detectors.statistics.rounding import VALUES, Rounded, rounded_samples

counts = st.lists(st.integers(0, 20), min_size=len(VALUES), max_size=len(VALUES))


@given(counts.filter(lambda c: sum(c) > 1))
def test_mean_and_variance_are_numpys_of_the_values(n: list[int]) -> None:
    values, found = np.repeat(VALUES, n), moments(n, positions=VALUES)
    assert found.n == len(values)
    assert found.mean == pytest.approx(values.mean(), abs=1e-9)
    assert found.variance == pytest.approx(values.var(ddof=1), abs=1e-9)


@given(rounded_samples())
def test_bins_move_mean_and_deviation_by_at_most_how_far_values_were_carried(
    samples: Rounded,
) -> None:
    exact = moments(samples.exact, positions=VALUES)
    binned = moments(samples.binned, positions=samples.positions)
    carried = (samples.shares * samples.carried).sum(axis=-1)
    assert (np.abs(exact.mean - binned.mean) <= carried + 1e-9).all()
    squares = np.sqrt((samples.shares * samples.carried**2).sum(axis=-1))
    deviations = [np.sqrt(side.variance * (side.n - 1) / side.n) for side in (exact, binned)]
    many = exact.n > 1
    assert (np.abs(deviations[0] - deviations[1]) <= squares + 1e-9)[many].all()


def test_one_row_has_a_mean_and_no_variance_and_none_has_neither() -> None:
    found = moments([[0, 1], [0, 0]], positions=[2.0, 5.0])
    np.testing.assert_array_equal(found.mean, [5.0, np.nan])
    assert np.isnan(found.variance).all()
