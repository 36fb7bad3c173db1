import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aggregate.joining import Joined, Joiner, Predicted


def predicted(time: float = 0.0, value: float = 1.0) -> Predicted:
    return Predicted(time, (value,), "sha256:0")


def test_a_label_meets_the_prediction_before_it() -> None:
    joiner = Joiner()
    assert joiner.predict("a", predicted()) is None
    assert joiner.label("a", 2.0, offset=7, now=0) == Joined(7, predicted(), 2.0)


def test_a_label_waits_for_the_prediction_after_it() -> None:
    joiner = Joiner()
    assert joiner.label("a", 2.0, offset=7, now=0) is None
    assert joiner.oldest_waiting(0) == 7
    assert joiner.predict("a", predicted()) == Joined(7, predicted(), 2.0)
    assert joiner.oldest_waiting(0) is None


@pytest.mark.parametrize("early", [True, False])
def test_the_first_label_counts_and_later_ones_are_duplicates(early: bool) -> None:
    joiner = Joiner()
    if not early:
        joiner.predict("a", predicted())
    joiner.label("a", 2.0, offset=7, now=0)
    assert joiner.label("a", 3.0, offset=8, now=0) == "duplicate label"
    if early:
        assert joiner.predict("a", predicted()) == Joined(7, predicted(), 2.0)
    assert joiner.label("a", 4.0, offset=9, now=0) == "duplicate label"


def test_the_first_prediction_of_an_id_counts() -> None:
    joiner = Joiner()
    joiner.predict("a", predicted(value=1.0))
    joiner.predict("a", predicted(value=5.0))
    assert joiner.label("a", 2.0, offset=0, now=0) == Joined(0, predicted(value=1.0), 2.0)


def test_a_label_beyond_the_horizon_finds_no_prediction() -> None:
    joiner = Joiner()
    joiner.predict("old", predicted(time=10))
    joiner.predict("new", predicted(time=20))
    assert joiner.forget(before=15) == 0
    assert joiner.label("old", 2.0, offset=0, now=0) is None
    assert isinstance(joiner.label("new", 2.0, offset=0, now=0), Joined)


def test_the_oldest_unlabelled_predictions_are_lost_when_there_is_no_room() -> None:
    joiner = Joiner(max_predictions=2)
    for name in "abcd":
        joiner.predict(name, predicted())
    joiner.label("a", 1.0, offset=0, now=0)
    assert joiner.forget(before=-1) == 1  # b; a has had its label
    assert joiner.label("b", 1.0, offset=0, now=0) is None
    assert isinstance(joiner.label("c", 1.0, offset=0, now=0), Joined)


def test_only_so_many_labels_may_wait() -> None:
    joiner = Joiner(max_waiting=1)
    joiner.label("a", 1.0, offset=0, now=0)
    assert joiner.label("b", 1.0, offset=1, now=0) == "unmatched label"


def test_labels_wait_so_long_and_no_longer() -> None:
    joiner = Joiner()
    joiner.label("a", 1.0, offset=3, now=100)
    joiner.label("b", 1.0, offset=4, now=200)
    assert joiner.give_up(before=150) == [3]
    assert joiner.oldest_waiting(0) == 4
    assert joiner.predict("a", predicted()) is None


def test_labels_that_do_not_count_here_hold_nothing_up() -> None:
    joiner = Joiner()
    joiner.label("a", 1.0, offset=3, now=0)
    assert joiner.oldest_waiting(first=4) is None


@given(st.permutations([("p", 0), ("p", 1), ("p", 2), ("l", 0), ("l", 1), ("l", 2), ("l", 3)]))
def test_every_order_of_arrival_joins_the_same(order: list[tuple[str, int]]) -> None:
    joiner = Joiner()
    met = []
    for kind, number in order:
        if kind == "p":
            met.append(joiner.predict(str(number), predicted(value=number)))
        else:
            met.append(joiner.label(str(number), float(number), offset=number, now=0))  # type: ignore[arg-type]  # text means: not joined
    joined = sorted((m for m in met if isinstance(m, Joined)), key=lambda m: m.offset)
    assert [(m.predicted.values[0], m.label) for m in joined] == [(n, float(n)) for n in range(3)]
    assert joiner.oldest_waiting(0) == 3


def test_ids_are_exact() -> None:
    joiner = Joiner()
    for left, right in itertools.permutations(["a", "a ", "A", ""], 2):
        joiner.predict(left, predicted())
        assert joiner.label(f"{right}!", 1.0, offset=0, now=0) != Joined(0, predicted(), 1.0)
