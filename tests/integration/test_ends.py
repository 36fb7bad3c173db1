from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker
from monitor.kafka.ends import ends
from monitor.kafka.publishing import Message, Publisher


def test_the_end_of_a_partition_is_behind_the_last_message_of_its_last_batch(
    broker: Broker,
) -> None:
    topic, counts = broker.topics.predictions, {0: 0, 1: 1, 2: 10, 3: 300}
    publisher = Publisher(broker, client_id="test")
    publisher.deliver(
        [Message(topic, None, b"x", (), n) for n, k in counts.items() for _ in "x" * k]
    )
    publisher.close()
    expected = {TopicPartition(topic, number): n for number, n in counts.items()}
    assert ends(broker, expected, client_id="test") == expected
