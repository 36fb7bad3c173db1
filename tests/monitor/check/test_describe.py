"""Summaries and bars of one column."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.columns import Coded, Floats
from detectors.report import Distribution, Summary
from monitor.check.describe import (
    category_distribution,
    category_summary,
    level_counts,
    number_distribution,
    what_moved,
)

SAMPLES = arrays(np.float64, st.integers(1, 60), elements=st.integers(-50, 90).map(float))


@given(SAMPLES, SAMPLES, st.booleans())
def test_a_bar_holds_the_share_of_values_between_its_edges(
    reference: Floats, current: Floats, is_whole: bool
) -> None:
    drawn = number_distribution(np.sort(reference), np.sort(current), is_whole=is_whole)
    open_ended = [-np.inf, *drawn.edges[1:-1], np.inf]
    for values, shares in ((reference, drawn.reference), (current, drawn.current)):
        expected = [
            np.mean((low <= values) & (values < high))
            for low, high in itertools.pairwise(open_ended)
        ]
        assert shares == pytest.approx(expected)


def test_whole_numbers_have_a_bar_each_while_they_are_few() -> None:
    values = np.arange(10.0)
    drawn = number_distribution(values, values, is_whole=True)
    assert drawn.bars == ("≤ 0", "1", "2", "3", "4", "5", "6", "7", "8", "≥ 9")
    assert drawn.reference == pytest.approx([0.1] * 10)


def test_bars_of_many_whole_numbers_hold_equally_many() -> None:
    drawn = number_distribution(np.arange(90.0), np.arange(90.0), is_whole=True)
    assert drawn.reference == pytest.approx([1 / 30] * 30)
    assert drawn.bars[:2] == ("≤ 2", "3 – 5")


def test_a_current_side_far_away_leaves_the_reference_in_sight() -> None:
    reference = np.sort(np.random.default_rng(1).normal(size=1000))
    drawn = number_distribution(reference, reference + 1e6, is_whole=False)
    assert np.count_nonzero(drawn.reference) >= 10
    assert drawn.current[-1] == 1


def test_one_value_is_one_bar() -> None:
    drawn = number_distribution(np.full(9, 2.5), np.full(3, 2.5), is_whole=False)
    assert (drawn.bars, drawn.reference, drawn.current) == (("2.5",), (1.0,), (1.0,))


def test_no_values_are_no_bars() -> None:
    empty = np.array([])
    assert number_distribution(empty, empty, is_whole=False).bars == ()


def test_levels_of_both_sides_are_counted_together() -> None:
    reference = Coded(np.array([0, 1, 1, -1], dtype=np.int32), ("a", "b"))
    current = Coded(np.array([0, 0, -1], dtype=np.int32), ("c",))
    levels, counts = level_counts(reference, current)
    assert dict(zip(levels, counts.T.tolist(), strict=True)) == {
        "a": [1, 0],
        "b": [2, 0],
        "c": [0, 2],
    }


def test_rare_levels_share_the_last_bar() -> None:
    counts = np.array([[100, 50, *range(10)], [10, 90, *range(10)]])
    drawn = category_distribution([f"level {i}" for i in range(12)], counts)
    assert drawn.bars[:2] == ("level 0", "level 1")
    assert drawn.bars[-1] == "4 others"
    assert sum(drawn.reference) == pytest.approx(1)


def test_a_summary_of_categories_has_the_commonest_first() -> None:
    summary = category_summary(["a", "b", "c"], np.array([1, 3, 0]), 8)
    assert summary.shares == {"b": 0.75, "a": 0.25}
    assert summary.missing == 0.5


def _numbers(**quantiles: float) -> Summary:
    keys = {"p5": "0.05", "p50": "0.5", "p95": "0.95"}
    return Summary(n=1, missing=0, quantiles={keys[k]: v for k, v in quantiles.items()})


NOTHING = Distribution(bars=(), reference=(), current=())


def test_numbers_that_all_moved_are_told_by_their_median() -> None:
    before, after = _numbers(p5=0, p50=5, p95=10), _numbers(p5=1, p50=7, p95=13)
    assert what_moved(before, after, NOTHING) == "median 5 → 7"


def test_numbers_whose_tail_moved_are_told_by_it() -> None:
    before, after = _numbers(p5=0, p50=5, p95=10), _numbers(p5=0, p50=5.1, p95=13)
    assert what_moved(before, after, NOTHING) == "p95 10 → 13"


def test_categories_are_told_by_the_level_that_moved_most() -> None:
    drawn = Distribution(bars=("a", "b", "c"), reference=(0.5, 0.3, 0.2), current=(0.5, 0.05, 0.45))
    side = Summary(n=1, missing=0, shares={"a": 0.5})
    assert what_moved(side, side, drawn) == "c 20.0 % → 45.0 %"
