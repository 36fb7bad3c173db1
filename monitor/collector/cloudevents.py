"""CloudEvents 1.0 over HTTP: binary, structured and batched.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import orjson

from monitor.batches import parse_time
from monitor.decoders.exchange import Headers, header

_STRUCTURED = b"application/cloudevents"
_BATCHED = b"application/cloudevents-batch"
_PREFIX = b"ce-"
_NAME = re.compile("[a-z0-9]+")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class EventError(ValueError):
    """What is no event, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """time: seconds since 1970. attributes: all of them, as text. data: as it came, or as JSON."""

    id: str
    source: str
    type: str
    time: float | None
    attributes: Mapping[str, str]
    data: bytes


def parse(headers: Headers, body: bytes) -> Sequence[Event | EventError]:
    """The events in a request, in their order; an error stands in the place of one that is none.

    Raises EventError where the request as a whole holds no events.
    """
    content_type = (header(headers, b"content-type") or b"").strip().lower()
    if content_type.startswith(_BATCHED):
        events = _json(content_type.removeprefix(_BATCHED), body)
        if not isinstance(events, list):
            raise EventError("a batch is a list of events")
        return [_event_or_error(_structured, event) for event in events]
    if content_type.startswith(_STRUCTURED):
        event = _json(content_type.removeprefix(_STRUCTURED), body)
        return [_event_or_error(_structured, event)]
    return [_event_or_error(_binary, headers, body)]


def from_kafka(headers: Iterable[tuple[str, bytes]], value: bytes) -> Event | None:
    """The event in a Kafka message; None for a message that is none. Raises EventError.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
    """
    named = {name.lower(): raw.decode(errors="replace") for name, raw in headers}
    content_type = named.get("content-type", "").encode()
    if content_type.startswith(_STRUCTURED):
        return _structured(_json(content_type.removeprefix(_STRUCTURED), value))
    prefix = "ce_"
    attributes = {
        name.removeprefix(prefix): text for name, text in named.items() if name.startswith(prefix)
    }
    return _event(attributes, value) if "specversion" in attributes else None


def _event_or_error(read: Callable[..., Event], *args: object) -> Event | EventError:
    try:
        return read(*args)
    except EventError as error:
        return error


def _json(event_format: bytes, body: bytes) -> object:
    """event_format: what follows the media type, such as "+json; charset=utf-8"."""
    if event_format.partition(b";")[0].strip() != b"+json":
        raise EventError("of the formats of events only JSON is read")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EventError(f"not JSON: {error}") from error


def _binary(headers: Headers, body: bytes) -> Event:
    """Attributes in headers, the body is the data."""
    named = {
        name[len(_PREFIX) :].decode("latin-1").lower(): _header_text(value)
        for name, value in headers
        if name[: len(_PREFIX)].lower() == _PREFIX
    }
    return _event(named, body)


def _header_text(value: bytes) -> str:
    """Without the quotes of RFC 7230 and the percent-encoding of the specification."""
    if quoted := _QUOTED.fullmatch(value.strip()):
        value = _ESCAPED.sub(rb"\1", quoted[1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise EventError(f"a header is not UTF-8: {error}") from error


def _structured(event: object) -> Event:
    """Attributes and data in one JSON object."""
    if not isinstance(event, dict):
        raise EventError("an event is an object")
    given = {name: value for name, value in event.items() if value is not None}
    data = _data(given.pop("data", None), given.pop("data_base64", None), given)
    return _event({name: _attribute_text(name, value) for name, value in given.items()}, data)


def _attribute_text(name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
    raise EventError(f"the attribute {name!r} is neither text nor a whole number nor a boolean")


def _data(value: object, base64: object, attributes: Mapping[str, object]) -> bytes:
    """The data as a body would have had it."""
    if value is not None and base64 is not None:
        raise EventError("both 'data' and 'data_base64'")
    if base64 is not None:
        try:
            return b64decode(str(base64), validate=True)
        except (binascii.Error, ValueError) as error:
            raise EventError(f"'data_base64' is not base64: {error}") from error
    if value is None:
        return b""
    if isinstance(value, str) and not _is_json(attributes.get("datacontenttype")):
        return value.encode()
    return orjson.dumps(value)


def _is_json(content_type: object) -> bool:
    """Whether a media type is JSON, as that of an event without one is."""
    media_type = str(content_type or "application/json").partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


def _event(attributes: Mapping[str, str], data: bytes) -> Event:
    for name in attributes:
        if not _NAME.fullmatch(name):
            raise EventError(f"no attribute can be called {name!r}")
    if attributes.get("specversion") != "1.0":
        raise EventError("'specversion' is not 1.0")
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise EventError(f"an event without {name!r}")
    time = parse_time(attributes["time"]) if "time" in attributes else None
    if "time" in attributes and time is None:
        raise EventError("'time' is not an RFC 3339 time")
    return Event(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time=time,
        attributes=attributes,
        data=data,
    )
