import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Rows
from detectors.profile import Profile, count
from detectors.reference import Reference
from monitor.aggregate import segments as module
from monitor.aggregate.segments import Pane, Segments
from tests.support.counted import HOUR


@pytest.fixture
def pane(reference: Reference) -> Pane:
    return Pane("seats", reference.id, 0.0, HOUR)


@pytest.fixture
def one(reference: Reference) -> Profile:
    return count(Rows({"x": np.zeros(1), "prediction": np.zeros(1)}, 1), reference)


def begun(first: int = 0) -> Segments:
    return Segments("predictions", 3, first=first, size=10)


def test_a_segment_is_named_by_where_its_stretch_begins(pane: Pane, one: Profile) -> None:
    segments = begun(first=20)
    segments.next_offset = 25
    segments.add(segments.start_of(24), pane, one, n=3)
    [(segment, profile)] = segments.changed()
    assert (segment.topic, segment.partition, segment.start) == ("predictions", 3, 20)
    assert (segment.pane_start, segment.pane_s, segment.version) == (0.0, HOUR, 3)
    assert profile == one


def test_rows_of_one_stretch_and_pane_add_up(pane: Pane, one: Profile) -> None:
    segments = begun()
    segments.add(0, pane, one, n=1)
    segments.add(0, pane, one, n=1)
    [(_, profile)] = segments.changed()
    assert profile == one + one


def test_what_was_published_is_not_published_again_until_it_grows(pane: Pane, one: Profile) -> None:
    segments = begun()
    segments.add(0, pane, one, n=1)
    segments.settle()
    assert segments.changed() == []
    segments.add(0, pane, one, n=1)
    [(_, profile)] = segments.changed()
    assert profile.n == 2


def test_a_version_is_how_many_rows_of_its_pane_were_counted(pane: Pane, one: Profile) -> None:
    segments = begun()
    segments.add(0, pane, one, n=2)
    segments.add(0, pane, one, n=0)
    segments.add(0, pane._replace(start=HOUR), one, n=7)
    segments.next_offset = 35
    assert [segment.version for segment, _ in segments.changed()] == [2, 7]


@pytest.mark.parametrize(
    ("next_offset", "oldest_waiting", "committed"),
    [(0, None, 0), (9, None, 0), (10, None, 10), (35, None, 30), (35, 12, 10), (35, 30, 30)],
)
def test_the_committed_offset_is_the_beginning_of_what_may_still_change(
    next_offset: int, oldest_waiting: int | None, committed: int
) -> None:
    segments = begun()
    segments.next_offset = next_offset
    assert segments.settle(oldest_waiting=oldest_waiting) == committed


def test_the_committed_offset_never_goes_back() -> None:
    segments = begun(first=27)  # a log whose beginning has expired
    segments.next_offset = 28
    assert segments.settle() == 27


def test_complete_stretches_are_forgotten(pane: Pane, one: Profile) -> None:
    segments = begun()
    segments.add(0, pane, one, n=1)
    segments.next_offset = 10
    segments.settle()
    segments.add(0, pane, one, n=1)  # as if it began afresh
    assert segments.changed()[0][1].n == 1


def test_a_stretch_holds_so_many_panes_and_no_more(pane: Pane, one: Profile) -> None:
    segments = begun()
    for number in range(module.MAX_PROFILES):
        segments.add(0, pane._replace(start=number * HOUR), one, n=1)
    assert not segments.has_room(0, pane._replace(start=-HOUR))
    assert segments.has_room(0, pane)
    assert segments.has_room(10, pane)


@given(st.lists(st.integers(1, 7), max_size=12))
def test_commits_move_on_by_whole_stretches(steps: list[int]) -> None:
    segments = begun()
    committed = []
    for step in steps:
        segments.next_offset += step
        committed.append(segments.settle())
    assert committed == sorted(committed)
    assert all(offset % 10 == 0 for offset in committed)
