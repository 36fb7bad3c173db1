from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.cloudevents import Event
from monitor.collector.pairing import OVERHEAD_BYTES, Pair, Pairing, PairingLimits, Side, side
from monitor.collector.tokens import Named


def event(
    which: Side, id_: str = "a", data: bytes = b"", attributes: Mapping[str, str] | None = None
) -> Event:
    type_ = f"org.kubeflow.serving.inference.{which}"
    return Event(id=id_, source="s", type=type_, time=None, attributes=attributes or {}, data=data)


def pairing(**limits: float) -> Pairing:
    return Pairing(PairingLimits(**{"events": 3, "size_bytes": 10_000, "wait_s": 60, **limits}))  # type: ignore[arg-type]  # numbers by their names


@pytest.mark.parametrize("first", Side)
def test_the_second_side_completes_the_first_in_either_order(first: Side) -> None:
    (second,) = set(Side) - {first}
    sides = {first: event(first), second: event(second)}
    pairs = pairing()
    assert pairs.add(sides[first], first, now=0) == []
    assert pairs.add(sides[second], second, now=1) == [
        Pair(sides[Side.REQUEST], sides[Side.RESPONSE])
    ]
    assert pairs.close() == []


@pytest.mark.parametrize("attribute", ["namespace", "inferenceservicename", "component", "modelid"])
def test_the_same_id_elsewhere_is_another_prediction(attribute: str) -> None:
    pairs = pairing()
    pairs.add(event(Side.REQUEST, attributes={attribute: "x"}), Side.REQUEST, now=0)
    assert pairs.add(event(Side.RESPONSE, attributes={attribute: "y"}), Side.RESPONSE, now=0) == []


def test_nobody_completes_what_somebody_else_has_logged() -> None:
    pairs, transit, rail = pairing(), Named.of(["transit.*"]), Named.of(["rail.*"])
    pairs.add(event(Side.REQUEST), Side.REQUEST, now=0, may_push=transit)
    answer = event(Side.RESPONSE)
    assert pairs.add(answer, Side.RESPONSE, now=0, may_push=rail) == []
    (pair,) = pairs.add(answer, Side.RESPONSE, now=0, may_push=Named.of(["transit.*"]))
    assert pair == Pair(event(Side.REQUEST), answer, may_push=transit)
    assert pairs.close() == [Pair(response=answer, may_push=rail)]


def test_seldon_names_the_request_beside_the_event_s_own_id() -> None:
    pairs = pairing()
    pairs.add(event(Side.REQUEST, "1", attributes={"requestid": "r"}), Side.REQUEST, now=0)
    assert (
        len(
            pairs.add(
                event(Side.RESPONSE, "2", attributes={"requestid": "r"}), Side.RESPONSE, now=0
            )
        )
        == 1
    )


def test_an_event_that_comes_again_changes_nothing() -> None:
    pairs, first = pairing(), event(Side.REQUEST)
    pairs.add(first, Side.REQUEST, now=0)
    assert pairs.add(event(Side.REQUEST, data=b"again"), Side.REQUEST, now=50) == []
    assert pairs.expired(now=60) == [Pair(request=first)]


def test_after_its_time_an_event_is_an_orphan() -> None:
    pairs = pairing()
    early, late = event(Side.REQUEST, "a"), event(Side.RESPONSE, "b")
    pairs.add(early, Side.REQUEST, now=0)
    pairs.add(late, Side.RESPONSE, now=30)
    assert pairs.expired(now=59.9) == []
    assert pairs.expired(now=60) == [Pair(request=early)]
    assert pairs.close() == [Pair(response=late)]


def test_without_room_the_oldest_go() -> None:
    pairs = pairing()
    for id_ in "abc":
        assert pairs.add(event(Side.REQUEST, id_), Side.REQUEST, now=0) == []
    (orphan,) = pairs.add(event(Side.REQUEST, "d"), Side.REQUEST, now=0)
    assert orphan.request is not None
    assert orphan.request.id == "a"


def test_bytes_are_bounded_too() -> None:
    pairs = pairing(size_bytes=2 * OVERHEAD_BYTES + 100)
    assert pairs.add(event(Side.REQUEST, "a", b"x" * 60), Side.REQUEST, now=0) == []
    assert len(pairs.add(event(Side.REQUEST, "b", b"x" * 60), Side.REQUEST, now=0)) == 1


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("org.kubeflow.serving.inference.request", Side.REQUEST),
        ("io.seldon.serving.inference.response", Side.RESPONSE),
        ("io.seldon.serving.feedback", None),
    ],
)
def test_the_type_says_the_side(type_: str, expected: Side | None) -> None:
    assert (
        side(Event(id="a", source="b", type=type_, time=None, attributes={}, data=b"")) is expected
    )


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(Side), st.integers(0, 40))))
def test_every_event_comes_out_once(steps: list[tuple[str, Side, int]]) -> None:
    pairs, now = pairing(), 0
    sent: list[Event] = []
    out: list[Pair] = []
    for id_, which, delay in steps:
        now += delay
        sent.append(event(which, id_, str(len(sent)).encode()))
        out += [*pairs.expired(now=now), *pairs.add(sent[-1], which, now=now)]
    out += pairs.close()
    came = [one.data for pair in out for one in (pair.request, pair.response) if one]
    assert len(came) == len(set(came))
    for i, lost in enumerate(sent):
        if lost.data not in came:
            assert any((one.id, one.type) == (lost.id, lost.type) for one in sent[:i])
