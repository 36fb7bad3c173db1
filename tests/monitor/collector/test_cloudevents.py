"""The CloudEvents SDK writes, we read."""

from base64 import b64encode

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
    write: object, id_: str, extension: str, data: dict[str, int]
) -> None:
    attributes = ATTRIBUTES | {"id": id_, "myextension": extension}
    attributes["datacontenttype"] = "application/json"
    assert callable(write)
    event = received(write(CloudEvent(attributes=attributes, data=data)))
    assert (event.id, event.source, event.type) == (id_, "b", "c")
    assert event.attributes["myextension"] == extension
    assert orjson.loads(event.data) == data


def test_bytes_come_through_base64() -> None:
    event = received(to_structured_event(CloudEvent(attributes=ATTRIBUTES, data=b"\x00\xff")))
    assert event.data == b"\x00\xff"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),  # the specification's own example
        (b'"quoted \\"text\\""', 'quoted "text"'),
        (b'"percent%25 within"', "percent% within"),
        (b"100%", "100%"),
        ("Ærø".encode(), "Ærø"),
    ],
)
def test_header_values_are_unquoted_and_then_decoded(written: bytes, meant: str) -> None:
    event = one([*KSERVE, (b"CE-Extension", written)], b"")
    assert event.attributes["extension"] == meant


def test_a_structured_request_may_carry_the_attributes_in_headers_too() -> None:
    body = orjson.dumps(ATTRIBUTES | {"data": [1]})
    event = one([*STRUCTURED, (b"ce-id", b"other")], body)
    assert (event.id, event.data) == ("a", b"[1]")


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": {"x": 1}}, b'{"x":1}'),
        ({"data": "text"}, b'"text"'),
        ({"data": "text", "datacontenttype": "text/plain"}, b"text"),
        ({"data": "text", "datacontenttype": "application/vnd.x+json; v=1"}, b'"text"'),
        ({"data_base64": b64encode(b"\x00").decode()}, b"\x00"),
        ({"data": None, "extension": None}, b""),
        ({}, b""),
    ],
)
def test_data_is_what_a_body_would_have_been(members: dict[str, object], data: bytes) -> None:
    assert one(STRUCTURED, orjson.dumps(ATTRIBUTES | members)).data == data


def test_attributes_that_are_no_text_become_text() -> None:
    event = one(STRUCTURED, orjson.dumps(ATTRIBUTES | {"count": 5, "sampled": True}))
    assert (event.attributes["count"], event.attributes["sampled"]) == ("5", "true")


def test_in_a_batch_each_event_has_its_own_verdict() -> None:
    batch = [ATTRIBUTES, ATTRIBUTES | {"id": ""}, 7, ATTRIBUTES | {"id": "d"}]
    events = parse(BATCHED, orjson.dumps(batch))
    assert [event.id if isinstance(event, Event) else str(event) for event in events] == [
        "a",
        "an event without 'id'",
        "an event is an object",
        "d",
    ]
    assert parse(BATCHED, b"[]") == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"source": None}, "without 'source'"),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"Upper": "x"}, "can be called 'Upper'"),
        ({"extension": {"a": 1}}, "neither text"),
        ({"extension": 1.5}, "neither text"),
        ({"data": 1, "data_base64": "AA=="}, "both"),
        ({"data_base64": "!"}, "not base64"),
        ({"data_base64": "é"}, "not base64"),
    ],
)
def test_an_event_that_is_none_says_why(members: dict[str, object], message: str) -> None:
    with pytest.raises(EventError, match=message):
        one(STRUCTURED, orjson.dumps(ATTRIBUTES | members))


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (STRUCTURED, b"{", "not JSON"),
        (BATCHED, b"{}", "a list"),
        ([(b"content-type", b"application/cloudevents+avro")], b"", "only JSON"),
        ([], b"{}", "specversion"),
        ([*KSERVE, (b"ce-x", b"%FF")], b"", "UTF-8"),
    ],
)
def test_a_request_without_events_says_why(headers: Headers, body: bytes, message: str) -> None:
    with pytest.raises(EventError, match=message):
        one(headers, body)


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"ce-id", b"ce-time", b"Ce-Type", b"ce-\xff", b"content-type"]),
            st.binary(max_size=8) | st.sampled_from([STRUCTURED[0][1], BATCHED[0][1]]),
        )
    ),
    body=st.binary(max_size=8),
)
def test_whatever_comes_is_an_event_or_says_why(headers: Headers, body: bytes) -> None:
    try:
        events = parse(headers, body)
    except EventError:
        return
    assert all(isinstance(event, Event | EventError) for event in events)
