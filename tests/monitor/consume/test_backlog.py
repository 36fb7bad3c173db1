from hypothesis import given
from hypothesis import strategies as st

from monitor.consume.backlog import MAX_BLOCK, Backlog, Block
from monitor.kafka.records import Partition, Record

AT = Partition("scores", 0)


def record(offset: int) -> Record:
    return Record(topic=AT.topic, partition=0, offset=offset, time=0.0, value=b"12")


def backlog(offsets: list[int], start: int = 0) -> Backlog:
    made = Backlog(AT, start)
    for offset in offsets:
        made.add(record(offset), elapsed=float(offset))
    return made


def always(_: Record, __: float) -> bool:
    return True


def offsets(block: Block | None) -> list[int]:
    return [] if block is None else [one.offset for one in block.records]


def test_a_block_is_what_is_due_at_the_head() -> None:
    block = backlog([3, 4, 6, 7]).block(lambda one, since: one.offset != 6 and since < 9)
    assert block is not None
    assert (block.start, block.end, offsets(block)) == (0, 4, [3, 4])


def test_what_is_not_due_holds_up_the_rest() -> None:
    assert backlog([3, 4]).block(lambda one, _: one.offset != 3) is None
    assert backlog([]).block(always) is None


def test_a_block_that_is_settled_is_done_with() -> None:
    log = backlog([0, 1])
    block = log.block(always)
    assert block is not None
    log.settle(block)
    assert (log.next, log.size_bytes, log.block(always)) == (2, 0, None)


def test_a_block_has_a_largest_size() -> None:
    assert len(offsets(backlog(list(range(MAX_BLOCK + 1))).block(always))) == MAX_BLOCK


def test_a_block_that_was_begun_is_made_again_as_it_was() -> None:
    log = backlog([3, 4])
    log.again = (6, {("predictions", 0, 9)})
    assert log.block(always) is None
    for offset in (6, 7):
        log.add(record(offset), elapsed=0)
    assert log.block(lambda one, _: one.offset != 4) is None
    block = log.block(lambda one, _: one.offset != 7)
    assert block == Block(
        AT, 0, 6, [record(3), record(4), record(6)], True, {("predictions", 0, 9)}
    )
    log.settle(block)
    assert offsets(log.block(always)) == [7]


def test_a_block_whose_end_is_gone_from_the_log_ends_before_what_is_left() -> None:
    log = backlog([3, 9])
    log.again = (6, ())
    block = log.block(always)
    assert block is not None
    assert (block.end, offsets(block)) == (6, [3])


@given(st.lists(st.integers(1, 3), max_size=30), st.data())
def test_every_record_is_in_one_block_and_in_order(steps: list[int], data: st.DataObject) -> None:
    sent = [sum(steps[: i + 1]) for i in range(len(steps))]
    log, seen = backlog(sent), list[int]()
    while len(seen) < len(sent):
        until = data.draw(st.sampled_from(sent[len(seen) :]))
        block = log.block(lambda one, _, n=until: one.offset <= n)  # type: ignore[misc]
        assert block is not None
        assert block.start == (seen[-1] + 1 if seen else 0)
        seen += offsets(block)
        log.settle(block)
    assert seen == sent
    assert log.size_bytes == 0
