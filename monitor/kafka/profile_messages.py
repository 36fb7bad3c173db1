"""The messages of the topic profiles: what aggregate says and detect hears."""

from dataclasses import dataclass

import orjson

from monitor.kafka.messages import Header, KafkaHeaders, Segment, Watermark, header, partition_for
from monitor.kafka.publishing import Message
from monitor.kafka.records import Record


@dataclass(frozen=True, slots=True)
class SegmentProfile:
    """A segment with the bytes of its profile so far."""

    segment: Segment
    profile: bytes


def of_segment(
    said: SegmentProfile, topic: str, n_partitions: int, headers: KafkaHeaders = ()
) -> Message:
    """Everything about one monitor goes to one partition, so that its order is kept."""
    return Message(
        topic,
        said.segment.key,
        said.profile,
        [(Header.SEGMENT.value, said.segment.to_bytes()), *headers],
        partition_for(said.segment.monitor, n_partitions),
    )


def of_watermark(
    mark: Watermark, topic: str, n_partitions: int, headers: KafkaHeaders = ()
) -> Message:
    return Message(
        topic,
        mark.key,
        b"",
        [(Header.WATERMARK.value, mark.to_bytes()), *headers],
        partition_for(mark.monitor, n_partitions),
    )


def read(record: Record) -> SegmentProfile | Watermark:
    """Raises ValueError for what is neither."""
    try:
        if segment := header(record.headers, Header.SEGMENT):
            return SegmentProfile(Segment.from_bytes(segment.encode()), record.value)
        if watermark := header(record.headers, Header.WATERMARK):
            return Watermark.from_bytes(watermark.encode())
    except (TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"{record.place}: {error}") from error
    raise ValueError(f"{record.place}: neither a segment nor a watermark")
