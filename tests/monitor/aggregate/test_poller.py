import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from kafka.errors import NodeNotReadyError

from monitor.aggregate.poller import Assigned, Event, Polled, Poller, Revoked
from monitor.kafka.connecting import Broker
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.record_batches import read_in_batches
from monitor.kafka.records import Partition
from tests.support.waiting import wait_for


def poller(broker: Broker, rewind: float | None = None, max_bytes: int = 1_000_000) -> Poller:
    topics = broker.topics
    consumer = broker.consumer(client_id="t", group=f"{topics.prefix}aggregate")
    read_in_batches(consumer)
    return Poller(
        consumer, [topics.predictions, topics.labels], lambda: rewind, max_bytes=max_bytes
    )


def send(broker: Broker, values: Sequence[bytes], partition: int = 0) -> None:
    publisher = Publisher(broker, client_id="t")
    topic = broker.topics.predictions
    publisher.deliver([Message(topic, None, value, (), partition) for value in values])
    publisher.close()


def collect(
    poller: Poller, until: Callable[[list[Event]], bool], *, timeout_s: float = 60.0
) -> list[Event]:
    found: list[Event] = []
    deadline = time.monotonic() + timeout_s
    while not until(found):
        assert time.monotonic() < deadline, found
        found += poller.events(timeout_s=0.1)
    return found


def values(events: list[Event]) -> list[bytes]:
    return [r.value for event in events if isinstance(event, Polled) for r in event.records]


def assigned(events: list[Event]) -> list[Assigned]:
    return [event for event in events if isinstance(event, Assigned)]


def test_partitions_are_assigned_before_their_records_come(embedded_broker: Broker) -> None:
    send(embedded_broker, [b"a", b"b"])
    with poller(embedded_broker) as polling:
        events = collect(polling, lambda found: len(values(found)) == 2)
    at = Partition(embedded_broker.topics.predictions, 0)
    assert events.index(Assigned(at, 0, 0)) < next(
        i for i, event in enumerate(events) if isinstance(event, Polled)
    )
    assert polling.ends[at] == 2


def test_reading_goes_on_where_it_was_committed(embedded_broker: Broker) -> None:
    at = Partition(embedded_broker.topics.predictions, 0)
    send(embedded_broker, [b"a", b"b", b"c"])
    with poller(embedded_broker) as polling:
        collect(polling, lambda found: len(values(found)) == 3)
        polling.commit({at: 2})
    with poller(embedded_broker) as polling:
        events = collect(polling, lambda found: len(values(found)) == 1)
    assert values(events) == [b"c"]
    assert Assigned(at, 2, 2) in events


def test_reading_begins_earlier_where_a_join_wants_it(embedded_broker: Broker) -> None:
    at = Partition(embedded_broker.topics.predictions, 0)
    send(embedded_broker, [b"a", b"b", b"c"])
    with poller(embedded_broker) as polling:
        collect(polling, lambda found: len(values(found)) == 3)
        polling.commit({at: 2})
    with poller(embedded_broker, rewind=time.time() - 3600) as polling:
        events = collect(polling, lambda found: len(values(found)) == 3)
    assert Assigned(at, 2, 0) in events


def test_members_share_partitions_and_keep_numbers_together(embedded_broker: Broker) -> None:
    with poller(embedded_broker) as left:
        collect(left, lambda found: len(assigned(found)) == 8)
        with poller(embedded_broker) as right:
            got = collect(right, lambda found: len(assigned(found)) == 4)
            lost = collect(left, lambda found: sum(isinstance(e, Revoked) for e in found) == 4)
    topics = embedded_broker.topics
    numbers: dict[str, set[int]] = {topics.predictions: set(), topics.labels: set()}
    for event in assigned(got):
        numbers[event.partition.topic].add(event.partition.partition)
    assert numbers[topics.predictions] == numbers[topics.labels]
    assert {e.partition for e in lost if isinstance(e, Revoked)} == {
        event.partition for event in assigned(got)
    }


def test_a_slow_reader_loses_nothing_and_not_its_membership(embedded_broker: Broker) -> None:
    sent = [bytes([65 + i]) * 1000 for i in range(20)]
    with poller(embedded_broker, max_bytes=3_000) as polling:
        collect(polling, lambda found: len(assigned(found)) == 8)
        send(embedded_broker, sent[:10])
        at = Partition(embedded_broker.topics.predictions, 0)
        wait_for(lambda: polling.ends.get(at) == 10)
        send(embedded_broker, sent[10:])
        stall = time.monotonic() + 2 * embedded_broker.session_timeout_s
        wait_for(lambda: time.monotonic() > stall)
        events = collect(polling, lambda found: len(values(found)) == 20)
    assert values(events) == sent
    assert not any(isinstance(event, Revoked | Assigned) for event in events)


class Broken:
    """A consumer whose polls raise, one error after the other."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.n_polls = 0

    def poll(self, **_: object) -> dict[Any, Any]:
        self.n_polls += 1
        raise self._errors.pop(0)

    def assignment(self) -> set[Any]:
        return set()

    def paused(self) -> set[Any]:
        return set()

    def subscribe(self, *_: object, **__: object) -> None:
        pass

    def close(self, **_: object) -> None:
        pass


def test_what_ends_the_thread_is_raised_to_who_asks_for_events() -> None:
    with (
        Poller(Broken(ZeroDivisionError()), [], lambda: None) as polling,
        pytest.raises(ZeroDivisionError),
    ):
        collect(polling, lambda _: False)


def test_an_error_that_passes_is_tried_again() -> None:
    broken = Broken(NodeNotReadyError(), NodeNotReadyError(), ZeroDivisionError())
    with Poller(broken, [], lambda: None) as polling, pytest.raises(ZeroDivisionError):
        collect(polling, lambda _: False)
    assert broken.n_polls == 3
