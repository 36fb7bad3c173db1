import pytest

from detectors.statistics import total_variation


def test_it_is_the_share_of_rows_that_would_have_to_change() -> None:
    assert total_variation([50, 50, 0], [25, 50, 25]) == 0.25


def test_it_does_not_depend_on_the_number_of_rows() -> None:
    assert total_variation([3, 7], [300, 700]) == pytest.approx(0)
