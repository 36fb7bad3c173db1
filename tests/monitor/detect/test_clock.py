import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detect.clock import Mark, ended, event_time, filled, window_of


def time_of(*marks: tuple[float, ...], now: float = 100.0) -> float | None:
    """Of marks by event time, when they were seen, and partition, all in one unless they say so."""
    found = [Mark(time, seen_at, *map(int, more)) for time, seen_at, *more in marks]
    return event_time(found, now=now, idle_s=30, straggler_s=60)


def test_nothing_seen_is_no_time() -> None:
    assert time_of() is None


def test_the_slowest_moving_source_decides() -> None:
    assert time_of((50, 99), (40, 80), (60, 100)) == 40


def test_the_slowest_moving_partition_decides_however_far_behind_it_is() -> None:
    assert time_of((1050, 999, 0), (40, 980, 1), (60, 1000, 1), now=1000) == 40


def test_a_source_that_is_far_behind_the_others_of_its_partition_holds_nobody_up() -> None:
    assert time_of((500, 999), (439, 999), (440, 999), now=1000) == 440


def test_a_clock_that_is_ahead_of_ours_closes_nothing() -> None:
    assert time_of((3700, 99)) == 100
    assert time_of((3700, 99), (90, 99)) == 90
    assert time_of((3700, 10), (90, 10)) == 100


def test_a_silent_source_holds_nobody_up() -> None:
    assert time_of((50, 99), (40, 70)) == 50


def test_while_all_are_silent_time_passes_as_it_does_for_us() -> None:
    assert time_of((50, 60), (40, 65)) == 50 + 40


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 99)), min_size=1, max_size=5),
    st.floats(0, 1e3),
)
def test_silence_never_turns_time_back(marks: list[tuple[float, float]], wait: float) -> None:
    all_silent_at = max(seen_at for _, seen_at in marks) + 30
    first = time_of(*marks, now=all_silent_at)
    later = time_of(*marks, now=all_silent_at + wait)
    assert first is not None
    assert later is not None
    assert later >= first


@pytest.mark.parametrize(("time", "start"), [(0, 0), (59.9, 0), (60, 60), (-1, -60)])
def test_windows_begin_at_multiples_of_their_length(time: float, start: float) -> None:
    assert window_of(time, 60) == start


def test_a_window_has_ended_when_time_has_passed_its_end() -> None:
    panes = [0, 60, 120, 180]
    assert ended(panes, 120, since=None, until=239.9) == [0]
    assert ended(panes, 120, since=None, until=240) == [0, 120]


def test_windows_before_the_last_decided_one_and_empty_ones_are_left_out() -> None:
    assert ended([0, 60, 600], 60, since=60, until=1e9) == [60, 600]


def test_windows_of_a_phase_begin_so_long_after_multiples_of_their_length() -> None:
    assert [window_of(time, 60, 20) for time in (0, 19.9, 20, 79, 80)] == [-40, -40, 20, 20, 80]
    assert ended([0, 20, 80], 60, since=None, until=140, phase_s=20) == [-40, 20, 80]


@given(
    st.dictionaries(st.integers(0, 40).map(float), st.integers(1, 9), max_size=30),
    st.integers(1, 20),
    st.integers(0, 45),
)
def test_windows_by_rows_follow_each_other_and_hold_just_enough(
    n_rows: dict[float, int], enough: int, until: int
) -> None:
    found = filled(n_rows, enough, 2, since=None, until=until)

    def held(start: float, end: float) -> int:
        return sum(n for at, n in n_rows.items() if start <= at < end)

    begin = min(n_rows, default=0.0) // 2 * 2
    for start, end in found:
        assert start == begin
        assert start % 2 == end % 2 == 0
        assert held(start, end) >= enough > held(start, end - 2)
        begin = end
    assert begin <= until or not found
    assert all(held(begin, end) < enough for end in range(int(begin), until + 1, 2))
