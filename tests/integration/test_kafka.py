"""What `monitor.kafka.connecting` promises, on every broker we know."""

from monitor.kafka.connecting import Broker
from tests.monitor.kafka.test_connecting import sends_and_reads


def test_a_message_sent_is_read_back_by_a_group(broker: Broker) -> None:
    sends_and_reads(broker)


def test_topics_may_be_created_twice(broker: Broker) -> None:
    broker.create_topics()
