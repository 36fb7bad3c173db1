import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.batches import decode, encode, labels
from monitor.collector.envelope import Destination, Envelope
from monitor.kafka.messages import Header, Topics, header, partition_for

TOPICS = Topics("test.")
NOON = 1_700_000_000.0


def batch(n: int) -> pa.RecordBatch:
    return labels([f"p{i}" for i in range(n)], [NOON] * n, list(range(n)))


def of_rows(n: int, *, is_split: bool) -> Envelope:
    return Envelope(
        destination=Destination.LABELS,
        collector="c0",
        spooled_at=NOON,
        value=encode(batch(n)),
        headers=[("traceparent", b"00-\xff")],
        monitor="seats",
        n_rows=n,
        is_split=is_split,
    )


@given(st.binary(), st.binary(), st.sampled_from(Destination))
def test_an_envelope_is_read_as_it_was_written(
    value: bytes, raw: bytes, destination: Destination
) -> None:
    written = Envelope(
        destination=destination,
        collector="c0",
        spooled_at=1.5,
        value=value,
        headers=[("name", raw)],
    )
    assert Envelope.from_bytes(written.to_bytes()) == written


@given(st.binary())
def test_what_is_no_envelope_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Envelope.from_bytes(raw)


def test_a_message_says_which_one_it_is() -> None:
    (message,) = of_rows(3, is_split=False).messages(17, TOPICS, 4)
    assert message.topic == "test.labels"
    assert header(message.headers, Header.COLLECTOR) == "c0"
    assert header(message.headers, Header.SEQUENCE) == "17"
    assert ("traceparent", b"00-\xff") in message.headers


def test_rows_that_are_to_meet_go_to_the_partitions_of_their_ids() -> None:
    messages = list(of_rows(100, is_split=True).messages(17, TOPICS, 4))
    assert [message.partition for message in messages] == [0, 1, 2, 3]
    for message in messages:
        ids = decode(message.value)["dm.id"].to_pylist()
        assert {partition_for(i, 4) for i in ids} == {message.partition}
    assert sum(decode(message.value).num_rows for message in messages) == 100


@pytest.mark.parametrize("is_split", [True, False])
def test_the_same_messages_come_out_again(is_split: bool) -> None:
    first, again = (list(of_rows(50, is_split=is_split).messages(17, TOPICS, 4)) for _ in "12")
    assert first == again


def test_other_rows_are_spread_over_the_partitions() -> None:
    envelope = of_rows(1, is_split=False)
    counts = np.bincount(
        [m.partition or 0 for n in range(100) for m in envelope.messages(n, TOPICS, 4)]
    )
    assert counts.tolist() == [25] * 4
