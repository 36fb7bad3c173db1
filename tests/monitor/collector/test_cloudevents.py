"""The CloudEvents SDK writes, we read."""

from collections.abc import Mapping

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.cloudevents import Event, EventError, parse
from monitor.decoders.exchange import Headers

STRUCTURED = [(b"Content-Type", b"application/cloudevents+json; charset=utf-8")]
BATCHED = [(b"content-type", b"application/cloudevents-batch+json")]
ATTRIBUTES = {"specversion": "1.0", "id": "a", "source": "b", "type": "c"}

# As KServe's agent sends it.
KSERVE = [
    (b"Content-Type", b"application/json"),
    (b"Ce-Specversion", b"1.0"),
    (b"Ce-Id", b"36bcd8f8-4b0d-4b4f-a8b5-bd0c1f9a3f53"),
    (b"Ce-Type", b"org.kubeflow.serving.inference.request"),
    (b"Ce-Source", b"sklearn-iris-predictor-6f8c9d-xyz"),
    (b"Ce-Time", b"2026-03-16T07:40:00.123456789Z"),
    (b"Ce-Inferenceservicename", b"sklearn-iris"),
    (b"Ce-Namespace", b"models"),
    (b"Ce-Component", b"predictor"),
    (b"Ce-Endpoint", b""),
    (b"Ce-Metadata", b'{"X-Request-Id":["a b"]}'),
]


def one(headers: Headers, body: bytes) -> Event:
    (event,) = parse(headers, body)
    if isinstance(event, EventError):
        raise event
    return event


def received(message: HTTPMessage) -> Event:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in message.headers.items()]
    return one(headers, message.body)


def test_kserve_s_events() -> None:
    event = one(KSERVE, b'{"instances": [[6.8, 2.8, 4.8, 1.4]]}')
    assert event.type == "org.kubeflow.serving.inference.request"
    assert event.time == pytest.approx(1_773_646_800.123456, abs=1e-6)
    assert event.attributes["inferenceservicename"] == "sklearn-iris"
    assert event.attributes["endpoint"] == ""
    assert orjson.loads(event.attributes["metadata"]) == {"X-Request-Id": ["a b"]}
    assert event.data == b'{"instances": [[6.8, 2.8, 4.8, 1.4]]}'


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(id_=TEXT, extension=TEXT, data=st.dictionaries(TEXT, st.integers(-9, 9)))
@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
def test_what_the_sdk_writes_is_read(
    write: object, id_: str, extension: str, data: Mapping[str, int]
) -> None:
    attributes = ATTRIBUTES | {"id": id_, "myextension": extension}
    attributes["datacontenttype"] = "application/json"
    assert callable(write)
    event = received(write(CloudEvent(attributes=attributes, data=data)))
    assert (event.id, event.source, event.type) == (id_, "b", "c")
    assert event.attributes["myextension"] == extension
    assert orjson.loads(event.data) == data
