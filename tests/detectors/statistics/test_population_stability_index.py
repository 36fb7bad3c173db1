import numpy as np
import pytest

from detectors.statistics import population_stability_index


def by_definition(reference: list[int], current: list[int], pseudocount: float) -> float:
    p = (np.array(reference) + pseudocount) / (sum(reference) + pseudocount * len(reference))
    q = (np.array(current) + pseudocount) / (sum(current) + pseudocount * len(current))
    return float(sum((b - a) * np.log(b / a) for a, b in zip(p, q, strict=True)))


@pytest.mark.parametrize("pseudocount", [0.5, 1.0, 1e-4])
def test_the_index_is_what_its_definition_says(pseudocount: float) -> None:
    a, b = [30, 20, 0, 50], [10, 40, 5, 0]
    index = population_stability_index(a, b, pseudocount=pseudocount)
    assert index == pytest.approx(by_definition(a, b, pseudocount), rel=1e-12)


def test_a_bin_empty_on_both_sides_adds_nothing_without_a_pseudocount() -> None:
    with_empty = population_stability_index([3, 7, 0], [5, 5, 0], pseudocount=0)
    assert with_empty == population_stability_index([3, 7], [5, 5], pseudocount=0)


def test_identical_shares_have_index_zero_without_a_pseudocount() -> None:
    assert population_stability_index([3, 7], [30, 70], pseudocount=0) == pytest.approx(0)
