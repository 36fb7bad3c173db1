"""Small pushes that come together are answered as they would be alone, and stored as one."""

import asyncio
from collections.abc import Iterator, Sequence

import orjson
import pytest

from monitor.batches import ID, decode
from monitor.collector.answers import Answer
from monitor.collector.envelope import Envelope
from monitor.collector.push import Body, Kind
from monitor.collector.small_pushes import MAX_TOGETHER, SmallPushes
from monitor.kafka.connecting import Broker
from tests.monitor.collector.test_push import NOON, Bench, bench_for
from tests.support.spooling import stored


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = bench_for(Broker())
    made.registry.is_loaded = True
    yield made
    made.spool.close()


def body(*rows: object, monitor: str = "seats", **more: object) -> Body:
    return Body(orjson.dumps({"monitor": monitor, "rows": rows}), **more)  # type: ignore[arg-type]


def label(id_: str, value: object = 1.5) -> dict[str, object]:
    return {"id": id_, "label": value}


def together(bench: Bench, bodies: Sequence[Body], kind: Kind = "labels") -> list[Answer]:
    async def push() -> list[Answer]:
        small = SmallPushes(bench.push, clock=lambda: NOON)
        return await asyncio.gather(*(small.accept(kind, body) for body in bodies))

    return asyncio.run(push())


def envelopes(bench: Bench) -> list[Envelope]:
    return [Envelope.from_bytes(raw) for raw in stored(bench.spool).values()]


def ids(bench: Bench) -> list[str]:
    return sorted(i for e in envelopes(bench) for i in decode(e.value)[ID].to_pylist())


def accepted(n: int) -> Answer:
    return Answer(202, {"accepted": n, "rejected": []})


def test_pushes_that_come_together_are_one_message(bench: Bench) -> None:
    answers = together(bench, [body(label("a")), body(label("b"), label("c")), body(label("d"))])
    assert answers == [accepted(1), accepted(2), accepted(1)]
    assert len(envelopes(bench)) == 1
    assert ids(bench) == ["a", "b", "c", "d"]


def test_each_is_told_of_its_own_fault_and_the_others_are_taken(bench: Bench) -> None:
    good, bad = body(label("a")), body(label("b", None))
    assert together(bench, [good, bad]) == [
        accepted(1),
        Answer(
            202,
            {
                "accepted": 0,
                "rejected": [{"row": 0, "reason": "label must be a number, a boolean or text"}],
            },
        ),
    ]
    assert ids(bench) == ["a"]


@pytest.mark.parametrize(
    "odd",
    [
        Body(b"{"),
        Body(b"[]"),
        body(),
        body(1),
        body({"label": 1}),
        body({"id": "x", "label": [1]}),
        body({"id": "x", "label": "text"}),
        body({"id": "x", "time": "yesterday", "label": 1}),
        body({"id": "x", "label": 1}, monitor="unknown"),
        Body(b'{"monitor": "seats", "columns": {"id": ["x"], "label": [2]}}'),
        body({"id": "x", "label": 1}, may_push=frozenset({"others"})),
        body({"id": "x", "label": 1}, key="once"),
    ],
)
def test_an_odd_one_is_answered_as_it_would_be_alone(bench: Bench, odd: Body) -> None:
    alone = bench_for(Broker())
    alone.registry.is_loaded = True
    expected = alone.push.accept("labels", odd).result(60)
    assert together(bench, [body(label("a")), odd, body(label("b"))]) == [
        accepted(1),
        expected,
        accepted(1),
    ]
    assert ids(bench) == sorted(["a", "b", *ids(alone)])
    alone.spool.close()


def test_rows_that_lack_a_column_are_not_put_with_rows_that_have_it(bench: Bench) -> None:
    whole, lacking = {"id": "a", "a": 1.0, "b": "x"}, {"id": "b", "a": 1.0}
    together(bench, [body(whole), body(lacking)] * 2, kind="predictions")
    metadata = [decode(envelope.value).schema.metadata or {} for envelope in envelopes(bench)]
    assert [b'"b":2' in m.get(b"absent", b"") for m in metadata] == [False, True]


def test_a_full_spool_refuses_them_all_and_counts_each() -> None:
    full = bench_for(Broker(), limit_bytes=1)
    full.registry.is_loaded = True
    answers = together(full, [body(label("a")), body(label("b"))])
    assert [answer.status for answer in answers] == [503, 503]
    assert full.refused("spool full") == 2
    full.spool.close()


def test_no_message_is_of_more_than_so_many(bench: Bench) -> None:
    together(bench, [body(label(f"i{i}")) for i in range(2 * MAX_TOGETHER + 1)])
    assert [envelope.n_rows for envelope in envelopes(bench)] == [MAX_TOGETHER, MAX_TOGETHER, 1]


def test_a_caller_who_leaves_takes_nobody_along(bench: Bench) -> None:
    async def push() -> Answer:
        small = SmallPushes(bench.push, clock=lambda: NOON)
        leaves = asyncio.create_task(small.accept("labels", body(label("a"))))
        stays = asyncio.create_task(small.accept("labels", body(label("b"))))
        await asyncio.sleep(0)
        leaves.cancel()
        return await stays

    assert asyncio.run(push()) == accepted(1)
    assert ids(bench) == ["a", "b"]
