from types import SimpleNamespace

import pytest
from kafka.structs import TopicPartition

from monitor.kafka.anew import Anew

AT = TopicPartition("t", 0)


class Read:
    """A consumer of one partition, as far as it is asked. log, end: what the broker says."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.end: int | None = None
        self.anew = Anew(self, "t", log_of=lambda *_: self.log)

    def highwater(self, _: TopicPartition) -> int | None:
        return self.end

    def polled(self, *offsets: int) -> bool:
        records = [SimpleNamespace(offset=offset) for offset in offsets]
        return self.anew.has_come({AT: records} if records else {})


def test_a_topic_with_another_id_was_made_anew_and_that_is_told_once() -> None:
    read = Read("first")
    assert not read.polled(0, 1)
    read.log = "second"
    assert read.polled(2)
    assert not read.polled(0)


@pytest.mark.parametrize(("before", "after"), [("", "first"), ("first", "")])
def test_an_id_that_is_not_told_yet_or_for_a_while_is_no_other(before: str, after: str) -> None:
    read = Read(before)
    read.log = after
    assert not read.polled(0)


def test_without_ids_an_end_before_what_was_read_tells_it() -> None:
    read = Read("")
    assert not read.polled(0, 1, 2)
    read.end = 3
    assert not read.polled(3)
    assert read.polled()
    assert not read.polled(0)
