"""A topic is deleted and made again between two fetches: a broker that is asked for it by its name
would go on with the new log where the old one was left."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import kafka
import pytest

from monitor.aggregate.poller import Assigned, Event, Polled, Poller, Revoked
from monitor.kafka.connecting import Broker, log_id
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.record_batches import read_in_batches
from monitor.kafka.records import Partition
from tests.support.waiting import wait_for

HOUR = 3600.0


@pytest.fixture
def consumer(broker: Broker) -> Any:
    """By itself it does not hear of a new log for an hour."""
    group = f"{broker.topics.prefix}aggregate"
    made = broker.consumer(client_id="test", group=group, metadata_age_s=HOUR)
    read_in_batches(made)
    return made


@pytest.fixture
def polling(broker: Broker, consumer: Any) -> Iterator[Poller]:
    topics = [broker.topics.predictions]
    with Poller(consumer, topics, lambda: None, log_of=partial(log_id, consumer)) as made:
        yield made


def send(broker: Broker, *values: bytes) -> None:
    publisher = Publisher(broker, client_id="test")
    topic = broker.topics.predictions
    publisher.deliver([Message(topic, None, value, (), 0) for value in values])
    publisher.close()


def make_anew(broker: Broker) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(broker.servers))
    admin.delete_topics([broker.topics.predictions])
    wait_for(lambda: broker.topics.predictions not in admin.list_topics())
    admin.close()
    broker.create_topics()


def values(events: list[Event]) -> list[bytes]:
    return [r.value for event in events if isinstance(event, Polled) for r in event.records]


def polled(polling: Poller, last: bytes) -> list[Event]:
    """What happens until a value is read."""
    found: list[Event] = []

    def has_come() -> bool:
        found.extend(polling.events(timeout_s=0.1))
        return last in values(found)

    wait_for(has_come)
    return found


def test_a_new_log_is_read_from_its_beginning_and_told_once(
    broker: Broker, consumer: Any, polling: Poller
) -> None:
    at = Partition(broker.topics.predictions, 0)
    send(broker, b"old 0", b"old 1")
    polled(polling, b"old 1")
    polling.held = {at._replace(partition=n) for n in range(broker.partitions)}
    wait_for(lambda: len(consumer.paused()) == broker.partitions and not is_fetching(consumer))
    make_anew(broker)
    new = [b"new %d" % i for i in range(5)]
    send(broker, *new)
    polling.held = frozenset()
    events = polled(polling, new[-1])
    assert values(events) == new
    about = [one for one in events if not isinstance(one, Polled) and one.partition == at]
    gone, come = about
    assert gone == Revoked(at, is_gone=True)
    assert isinstance(come, Assigned)
    assert (come.first, come.is_anew) == (0, True)


def is_fetching(consumer: Any) -> bool:
    return bool(consumer._fetcher.in_flight_fetches())
