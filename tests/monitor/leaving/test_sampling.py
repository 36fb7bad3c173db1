"""Which rows leave: the shares are right, and sums by weight are those of all rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.kafka.messages import partition_for
from monitor.leaving.sampling import Pace, chosen, numbers_of

IDS = [f"request-{i}" for i in range(20_000)]


def test_the_numbers_of_ids_are_uniform() -> None:
    assert stats.kstest(numbers_of(IDS) / 2.0**64, "uniform").pvalue > 0.001


@pytest.mark.parametrize("one_in", [2, 3, 10, 1000])
def test_of_so_many_ids_about_one_is_chosen(one_in: int) -> None:
    n = int(chosen(IDS, one_in).sum())
    assert stats.binomtest(n, len(IDS), 1 / one_in).pvalue > 0.001


def test_ids_are_chosen_independently_of_their_partition() -> None:
    partitions = np.array([partition_for(one, 8) for one in IDS])
    table = np.histogram2d(chosen(IDS, 3), partitions, bins=(2, 8))[0]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_all_leave_where_nothing_else_is_said() -> None:
    assert chosen(IDS, 1).all()


@given(
    ids=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    one_in=st.integers(1, 50),
    more=st.integers(1, 50),
)
def test_a_smaller_share_is_part_of_a_larger_one(ids: list[str], one_in: int, more: int) -> None:
    assert not (chosen(ids, one_in * more) & ~chosen(ids, one_in)).any()


def test_below_the_limit_every_row_leaves() -> None:
    pace = Pace(100)
    assert [pace.halvings(10, now=t / 10) for t in range(30)] == [0] * 30


def test_a_steady_excess_is_halved_as_often_as_it_takes() -> None:
    pace = Pace(100)
    kept = [(now, 60 * 0.5 ** pace.halvings(60, now=now)) for now in np.arange(0, 10, 0.1)]
    seconds = [sum(n for now, n in kept if int(now) == second) for second in range(10)]
    assert seconds[1:] == [75.0] * 9


def test_a_burst_is_seen_within_its_first_second() -> None:
    pace = Pace(100)
    kept = sum(100 * 0.5 ** pace.halvings(100, now=0.0) for _ in range(64))
    assert kept <= 100 * (1 + np.log2(64) / 2) + 100


def test_a_pause_ends_the_halving() -> None:
    pace = Pace(100)
    assert pace.halvings(1000, now=0.0) == 4
    assert pace.halvings(50, now=1.0) == 4
    assert pace.halvings(50, now=3.0) == 0


def test_a_clock_that_goes_back_begins_anew() -> None:
    pace = Pace(100)
    pace.halvings(1000, now=10.0)
    assert pace.halvings(50, now=5.0) == 0


def test_by_weight_the_mean_of_a_day_with_a_rush_hour_is_that_of_all_rows() -> None:
    """Values are higher in the rush: rows that count once each would make the mean too low."""
    rng = np.random.default_rng(1)
    differences, plain, truth = [], [], []
    for day in range(200):
        pace, sums = Pace(50), np.zeros(4)
        for second in range(60):
            is_rush = 20 <= second < 30
            n = int(rng.poisson(800 if is_rush else 40))
            values = rng.normal(5.0 if is_rush else 0.0, 1.0, n)
            weight = 2 ** pace.halvings(n, now=second)
            leaves = chosen([f"{day}-{second}-{i}" for i in range(n)], weight)
            sums += weight * leaves.sum(), weight * values[leaves].sum(), n, values.sum()
            plain.append((leaves.sum(), values[leaves].sum()))
        differences.append(sums[:2] - sums[2:])
        truth.append(sums[2:])
    assert np.min(stats.ttest_1samp(np.array(differences), 0.0).pvalue) > 0.001
    n_plain, total_plain = np.sum(plain, axis=0)
    n_true, total_true = np.sum(truth, axis=0)
    assert total_plain / n_plain < 0.75 * total_true / n_true
