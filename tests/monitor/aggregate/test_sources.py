import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aggregate.sources import LONGEST_NAME, Sources, source_of
from monitor.kafka.messages import Header
from monitor.kafka.records import Record


def test_a_message_is_its_collectors() -> None:
    record = Record("t", 0, 0, 0.0, b"", [(Header.COLLECTOR.value, b"c-1")])
    assert source_of(record) == "c-1"
    assert source_of(record._replace(headers=())) == ""


@pytest.mark.parametrize("name", [b"\0", b"x" * 65, b"\xff\n", "\u202e".encode() * 30])
def test_what_is_no_name_is_told_by_its_digest(name: bytes) -> None:
    found = source_of(Record("t", 0, 0, 0.0, b"", [(Header.COLLECTOR.value, name)]))
    assert len(found) == LONGEST_NAME
    assert found.isalnum()


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_each_source_is_as_far_as_its_latest_row(rows: list[tuple[int, float]]) -> None:
    names = ["a", "b", "c", "d"]
    sources = Sources()
    for part in (rows[:7], rows[7:]):
        which = np.array([i for i, _ in part], dtype=np.intp)
        sources.note(names, which, np.array([time for _, time in part]))
    expected = {names[i]: max(t for j, t in rows if j == i) for i, _ in rows}
    assert dict(sources.times()) == expected
    assert sources.latest == max(expected.values())


def test_of_too_many_sources_the_one_silent_longest_is_forgotten() -> None:
    sources = Sources(max_sources=2)
    for name, time in (("a", 9.0), ("b", 1.0), ("a", 2.0), ("c", 3.0)):
        sources.note([name], np.array([0]), np.array([time]))
    assert dict(sources.times()) == {"a": 9.0, "c": 3.0}
    assert sources.latest == 9.0
