import pytest

from monitor.kafka.connecting import MAX_MESSAGE_BYTES, Broker
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from tests.support.kafka_topics import read_until


def test_what_was_delivered_is_in_the_log_in_order(embedded_broker: Broker) -> None:
    publisher = Publisher(embedded_broker, client_id="t")
    topic = embedded_broker.topics.profiles
    publisher.deliver([])
    publisher.deliver([Message(topic, b"k", bytes([i]), [("h", b"v")], 2) for i in range(5)])
    publisher.close()
    records = read_until(embedded_broker, topic, lambda found: len(found) == 5)
    assert [record.value for record in records] == [bytes([i]) for i in range(5)]
    assert {(record.partition, tuple(record.headers)) for record in records} == {
        (2, (("h", b"v"),))
    }


def test_a_failure_is_an_error_and_the_next_delivery_begins_afresh(
    embedded_broker: Broker,
) -> None:
    publisher = Publisher(embedded_broker, client_id="t")
    topic = embedded_broker.topics.reports
    with pytest.raises(DeliveryError, match="1 messages"):
        publisher.deliver([Message(topic, None, bytes(MAX_MESSAGE_BYTES + 1))])
    publisher.deliver([Message(topic, None, b"small")])
    publisher.close()
    assert len(read_until(embedded_broker, topic, lambda found: len(found) == 1)) == 1


def test_the_number_of_partitions_is_the_brokers(embedded_broker: Broker) -> None:
    publisher = Publisher(embedded_broker, client_id="t")
    assert publisher.n_partitions(embedded_broker.topics.profiles) == embedded_broker.partitions
    publisher.close()
