import numpy as np
import pytest

from detectors.statistics.effective_size import effective_size


def test_two_samples_of_one_size_say_as_much_as_half_of_one() -> None:
    assert effective_size(100, 100) == 50


def test_beside_a_huge_reference_it_is_the_windows_own() -> None:
    assert effective_size(10**12, 1000) == pytest.approx(1000)


def test_an_empty_sample_has_none() -> None:
    np.testing.assert_array_equal(effective_size([0, 5, 0], [5, 0, 0]), [np.nan] * 3)
