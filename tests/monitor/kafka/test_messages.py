from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import ColumnType, Field, Role
from monitor.kafka.messages import (
    Header,
    Registration,
    Segment,
    Topics,
    Watermark,
    header,
    partition_for,
)
from tests.monitor.spec.test_model import monitor

SEGMENT = Segment(
    monitor="free-seats",
    reference_id="sha256:00",
    pane_start=1_584_316_800.0,
    pane_s=3600.0,
    topic="driftmeter.predictions",
    partition=2,
    start=4000,
    version=17,
)


def test_a_segment_survives_its_bytes() -> None:
    assert Segment.from_bytes(SEGMENT.to_bytes()) == SEGMENT


def test_a_later_version_has_the_same_key() -> None:
    assert replace(SEGMENT, version=18).key == SEGMENT.key


@pytest.mark.parametrize(
    "other",
    [
        {"monitor": "delays"},
        {"reference_id": "sha256:01"},
        {"pane_start": 0.0},
        {"pane_s": 60.0},
        {"topic": "driftmeter.labels"},
        {"partition": 3},
        {"start": 2000},
    ],
)
def test_anything_else_has_another_key(other: dict[str, object]) -> None:
    assert replace(SEGMENT, **other).key != SEGMENT.key  # type: ignore[arg-type]  # by name


def test_a_watermark_survives_its_bytes() -> None:
    mark = Watermark(monitor="a", topic="t", partition=1, event_time=12.5, offset=9)
    assert Watermark.from_bytes(mark.to_bytes()) == mark


def test_a_registration_survives_its_bytes() -> None:
    registration = Registration(
        monitor=monitor(windows=["5m"], label="seats"),
        revision=3,
        state="active",
        reference_id="sha256:00",
        schema=(
            Field("stop", ColumnType.CATEGORY),
            Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
        ),
    )
    assert Registration.from_bytes(registration.to_bytes()) == registration


@pytest.mark.parametrize("raw", [b"", b"null", b"{}", b'{"monitor": {}}', b"\xff"])
def test_what_is_no_registration_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the promise is the type
        Registration.from_bytes(raw)


def test_a_header_is_its_last_value() -> None:
    headers = [("monitor", b"a"), ("other", b"x"), ("monitor", b"b")]
    assert header(headers, Header.MONITOR) == "b"
    assert header(headers, Header.REASON) is None


def test_every_topic_has_the_prefix_and_a_name_of_its_own() -> None:
    topics = Topics("team.").all()
    assert len(set(topics)) == len(topics)
    assert all(topic.startswith("team.") for topic in topics)


@given(st.text(), st.integers(min_value=1, max_value=1000))
def test_a_key_has_one_of_the_partitions(key: str, partitions: int) -> None:
    assert 0 <= partition_for(key, partitions) < partitions


def test_keys_keep_their_partition_from_release_to_release() -> None:
    """CRC-32 of "123456789" is 0xcbf43926 in every catalogue of CRCs."""
    assert partition_for("123456789", 1000) == 0xCBF43926 % 1000
