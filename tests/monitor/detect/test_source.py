from monitor.detect.source import Source
from monitor.kafka.connecting import Broker
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.records import Partition


def write(broker: Broker, *values: bytes) -> Partition:
    publisher = Publisher(broker, client_id="t")
    topic = broker.topics.profiles
    publisher.deliver([Message(topic, None, value, (), 1) for value in values])
    publisher.close()
    return Partition(topic, 1)


def read(source: Source, n: int) -> tuple[list[bytes], dict[Partition, int]]:
    values: list[bytes] = []
    offsets: dict[Partition, int] = {}
    for _ in range(100):
        records, upto = source.poll(timeout_s=0.1)
        values += [record.value for record in records]
        offsets |= upto
        if len(values) >= n:
            return values, offsets
    raise AssertionError(values)


def test_reading_begins_at_the_beginning_and_goes_on_from_an_offset(
    embedded_broker: Broker,
) -> None:
    at = write(embedded_broker, b"a", b"b", b"c")
    source = Source(embedded_broker, {}, client_id="t")
    assert read(source, 3) == ([b"a", b"b", b"c"], {at: 3})
    source.close()
    source = Source(embedded_broker, {at: 2}, client_id="t")
    assert read(source, 1) == ([b"c"], {at: 3})
    assert source.n_resets == 0
    source.close()


def test_an_offset_beyond_the_end_is_noted_and_the_log_is_read_again(
    embedded_broker: Broker,
) -> None:
    at = write(embedded_broker, b"a", b"b")
    source = Source(embedded_broker, {at: 1_000}, client_id="t")
    assert read(source, 2) == ([b"a", b"b"], {at: 2})
    assert source.n_resets == 1
    source.close()


def test_a_log_that_was_made_anew_is_read_from_its_beginning(embedded_broker: Broker) -> None:
    logs = ["first"]
    at = write(embedded_broker, b"a", b"b")
    source = Source(embedded_broker, {}, client_id="t", log_of=lambda *_: logs[-1])
    assert read(source, 2) == ([b"a", b"b"], {at: 2})
    logs.append("second")
    assert read(source, 2) == ([b"a", b"b"], {at: 2})
    assert source.n_resets == embedded_broker.partitions
    source.close()


def test_a_log_that_was_made_anew_while_nobody_read_it_is_read_from_its_beginning(
    embedded_broker: Broker,
) -> None:
    at = write(embedded_broker, b"a", b"b")
    logs = {at: "first"}
    source = Source(embedded_broker, {at: 1}, logs=logs, client_id="t", log_of=lambda *_: "second")
    assert read(source, 2) == ([b"a", b"b"], {at: 2})
    assert (source.n_resets, source.log) == (1, "second")
    source.close()
