import math
import sqlite3
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.aggregate.join_store import JoinStore
from monitor.aggregate.joining import Joined, Joiner, Labelled, Met, Predicted, Value


def predicted(name: str = "a", time: float = 0.0, value: Value = 1.0) -> Predicted:
    return Predicted(name, time, (value,), "sha256:0")


def labelled(name: str, value: Value, offset: int = 7) -> Labelled:
    return Labelled(name, value, 5.0, offset)


def label(joiner: Joiner, *labels: Labelled, now: float = 0.0) -> Met:
    return joiner.label("seats", labels, now=now)


@pytest.fixture
def store() -> Iterator[JoinStore]:
    store = JoinStore()
    yield store
    store.close()


@pytest.fixture
def joiner(store: JoinStore) -> Joiner:
    return Joiner(store)


def test_a_label_meets_the_prediction_before_it(joiner: Joiner) -> None:
    assert joiner.predict("seats", [predicted()]) == []
    assert label(joiner, labelled("a", 2.0)).joined == [Joined(predicted(), labelled("a", 2.0))]


def test_a_label_waits_for_the_prediction_after_it(joiner: Joiner) -> None:
    assert label(joiner, labelled("a", 2.0)) == Met()
    assert joiner.oldest_waiting(0) == 7
    assert joiner.predict("seats", [predicted()]) == [Joined(predicted(), labelled("a", 2.0))]
    assert joiner.oldest_waiting(0) is None


@pytest.mark.parametrize("early", [True, False])
def test_the_same_label_again_is_a_duplicate(joiner: Joiner, early: bool) -> None:
    if not early:
        joiner.predict("seats", [predicted()])
    met = label(joiner, labelled("a", 2.0, 7), labelled("a", 2.0, 8))
    assert met.left_out == [("duplicate label", 8)]
    assert len(met.joined) == (0 if early else 1)
    joiner.predict("seats", [predicted()])
    assert label(joiner, labelled("a", 2.0, 9)).left_out == [("duplicate label", 9)]


@pytest.mark.parametrize("together", [True, False])
def test_another_label_corrects_the_one_before_it(joiner: Joiner, together: bool) -> None:
    joiner.predict("seats", [predicted()])
    labels = [labelled("a", value, i) for i, value in enumerate((2.0, 3.0, 2.0))]
    parts = [labels] if together else [[one] for one in labels]
    joined = [one for part in parts for one in label(joiner, *part).joined]
    assert [(one.label.value, one.replaces) for one in joined] == [(2, None), (3, 2), (2, 3)]


def test_the_first_prediction_of_an_id_counts(joiner: Joiner) -> None:
    joiner.predict("seats", [predicted(value=1.0), predicted(value=5.0)])
    joiner.predict("seats", [predicted(value=6.0)])
    (joined,) = label(joiner, labelled("a", 2.0)).joined
    assert joined.predicted.values == (1.0,)


def test_monitors_do_not_share_their_ids(joiner: Joiner) -> None:
    joiner.predict("seats", [predicted()])
    assert joiner.label("fares", [labelled("a", 2.0)], now=0) == Met()
    joiner.forget("fares", before=100.0)
    assert len(label(joiner, labelled("a", 2.0)).joined) == 1


def test_a_label_beyond_the_horizon_finds_no_prediction(joiner: Joiner) -> None:
    joiner.predict("seats", [predicted("old", 10), predicted("new", 20)])
    joiner.forget("seats", before=15)
    assert label(joiner, labelled("old", 2.0)).joined == []
    assert len(label(joiner, labelled("new", 2.0)).joined) == 1


def test_only_so_many_labels_may_wait(store: JoinStore) -> None:
    met = label(Joiner(store, max_waiting=1), labelled("a", 1.0, 0), labelled("b", 1.0, 1))
    assert met.left_out == [("unmatched label", 1)]


def test_labels_wait_so_long_and_no_longer(joiner: Joiner) -> None:
    label(joiner, labelled("a", 1.0, 3), now=100)
    label(joiner, labelled("b", 1.0, 4), now=200)
    assert joiner.give_up(before=150) == [("seats", 3)]
    assert joiner.oldest_waiting(0) == 4
    assert joiner.predict("seats", [predicted()]) == []


def test_labels_that_do_not_count_here_hold_nothing_up(joiner: Joiner) -> None:
    label(joiner, labelled("a", 1.0, 3))
    assert joiner.oldest_waiting(first=4) is None


@settings(max_examples=200)
@given(
    st.permutations([("p", i) for i in range(3)] + [("l", i) for i in range(9)]),
    st.lists(st.sampled_from([1.0, 2.0]), min_size=9, max_size=9),
)
def test_what_is_joined_depends_on_the_labels_order_alone(
    order: list[tuple[str, int]], values: list[float]
) -> None:
    """Labels in the order of their log; predictions before, between and after them."""
    joiner, joined = Joiner(JoinStore()), []
    offsets = iter(range(9))
    for kind, number in order:
        if kind == "p":
            joined += joiner.predict("seats", [predicted(str(number), value=number)])
        else:
            offset = next(offsets)
            joined += label(joiner, labelled(str(offset % 4), values[offset], offset)).joined
    last: dict[int, float] = {}
    expected = []
    for offset, value in enumerate(values):
        name = offset % 4
        if name < 3 and last.get(name) != value:
            expected.append((name, value, last.get(name)))
            last[name] = value
    joined.sort(key=lambda one: one.label.offset)
    assert [(int(j.predicted.id), j.label.value, j.replaces) for j in joined] == expected
    joiner.close()


def test_values_come_back_as_they_were(joiner: Joiner) -> None:
    values = (math.inf, -math.inf, None, 0.1, "tram", "inf", 2.0**60)
    joiner.predict("seats", [Predicted("a", 1.5, values, "r1"), Predicted("b", 2.5, (), "r2")])
    met = label(joiner, labelled("a", "x"), labelled("b", 1.0))
    expected = [Predicted("a", 1.5, values, "r1"), Predicted("b", 2.5, (), "r2")]
    assert [one.predicted for one in met.joined] == expected


def test_ids_are_exact(joiner: Joiner) -> None:
    for left, right in permutations(["a", "a ", "A", "é", "e\u0301", "\0", "'\""], 2):
        joiner.predict("seats", [predicted(left)])
        assert label(joiner, labelled(f"{right}!", 1.0)).joined == []


def test_when_there_is_no_room_the_oldest_are_forgotten_and_counted(tmp_path: Path) -> None:
    joiner = Joiner(JoinStore(tmp_path, limit_bytes=1 << 20))
    for start in range(0, 20_000, 500):
        joiner.predict("seats", [predicted(f"{i:09}") for i in range(start, start + 500)])
        assert joiner.size_bytes <= 1 << 20
    assert 0 < joiner.lost["seats"] < 20_000
    assert label(joiner, labelled(f"{0:09}", 1.0)).joined == []
    assert len(label(joiner, labelled(f"{19_999:09}", 1.0)).joined) == 1
    joiner.close()


def test_predictions_that_have_their_label_are_not_missed(tmp_path: Path) -> None:
    joiner = Joiner(JoinStore(tmp_path, limit_bytes=1 << 20))
    for start in range(0, 20_000, 500):
        ids = [f"{i:09}" for i in range(start, start + 500)]
        joiner.predict("seats", [predicted(i) for i in ids])
        label(joiner, *(labelled(i, 1.0) for i in ids))
    assert joiner.lost == {}
    joiner.close()


def test_a_store_leaves_nothing_in_its_folder(tmp_path: Path) -> None:
    joiner = Joiner(JoinStore(tmp_path))
    joiner.predict("seats", [predicted(f"{i}") for i in range(1_000)])
    assert list(tmp_path.iterdir()) == []
    joiner.close()


def test_a_fault_of_the_database_is_raised_and_not_taken_for_want_of_room(
    store: JoinStore, joiner: Joiner
) -> None:
    with store.changing() as database:
        database.execute("DROP TABLE predictions")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        joiner.predict("seats", [predicted()])
