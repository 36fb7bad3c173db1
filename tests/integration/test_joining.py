"""Joins take longer than polls, as they do on a machine that is busy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kafka
import pytest

from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.joining import Joining
from monitor.kafka.messages import Topics
from tests.support.running_consumer import make_topics
from tests.support.waiting import wait_for

HURRY_MS = 1
"""No broker answers so soon."""


@contextmanager
def member(broker: Broker, **topics: Any) -> Iterator[tuple[Any, Joining]]:
    """Of a group, that soon hears of what is new."""
    group = f"{broker.topics.prefix}group"
    consumer = broker.consumer(client_id="test", group=group, metadata_age_s=0.2)
    joining = Joining(consumer)
    consumer.subscribe(**topics, listener=joining)
    yield consumer, joining
    consumer.close()


def n_assigned(consumer: Any, joining: Joining) -> int:
    consumer.poll(timeout_ms=joining.poll_ms(HURRY_MS))
    return len(consumer.assignment())


@pytest.mark.xdist_group("apache-kafka")
def test_partitions_that_are_added_are_had_although_polls_are_short(apache_address: str) -> None:
    broker = Broker(servers=(apache_address,), topics=Topics(embedded.fresh_prefix()))
    broker.create_topics()
    with member(broker, topics=[broker.topics.predictions]) as (consumer, joining):
        wait_for(lambda: n_assigned(consumer, joining) == broker.partitions)
        admin = kafka.KafkaAdminClient(bootstrap_servers=list(broker.servers))
        admin.create_partitions({broker.topics.predictions: broker.partitions + 2})
        admin.close()
        wait_for(lambda: n_assigned(consumer, joining) == broker.partitions + 2)


def test_topics_that_are_made_later_are_had_although_polls_are_short(broker: Broker) -> None:
    first, second = (f"{broker.topics.prefix}{name}" for name in ("first", "second"))
    make_topics(broker, first)
    with member(broker, pattern=f"^{broker.topics.prefix}(first|second)$") as (consumer, joining):
        wait_for(lambda: n_assigned(consumer, joining) == 1)
        make_topics(broker, second)
        wait_for(lambda: n_assigned(consumer, joining) == 2)
