"""Logs in OTLP over HTTP, protobuf or JSON: what a request holds, and how it is answered.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
"""

import binascii
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from monitor.decoders import protobuf
from monitor.decoders.body import json_object, whole
from monitor.decoders.exchange import DecodeError, Headers, Reason, header
from monitor.decoders.protobuf import WireField

PROTOBUF = "application/x-protobuf"
MAX_DEPTH = 32
"""Of values within values; a log of a prediction has two or three."""

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """service: the resource's `service.name`, "" if it has none. time: seconds since 1970, of the
    event or else of its observation. body: Python's scalars, lists and dicts; bytes stay bytes.
    """

    service: str
    time: float | None
    body: object


def is_json(headers: Headers) -> bool:
    content_type = header(headers, b"content-type") or b""
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def parse(headers: Headers, body: bytes) -> list[LogRecord]:
    """The records of an ExportLogsServiceRequest. Raises DecodeError."""
    if is_json(headers):
        return list(_of_json(json_object([body], headers)))
    return list(_of_protobuf(whole([body], headers)))


# Protobuf


def _of_protobuf(request: bytes) -> Iterator[LogRecord]:
    for resource_logs in _messages(request, 1):
        attributes = [
            pair
            for resource in _messages(resource_logs, 1)
            for attribute in _messages(resource, 1)
            for pair in _pair(attribute, 0)
        ]
        service = _service(dict(attributes))
        for scope_logs in _messages(resource_logs, 2):
            for record in _messages(scope_logs, 2):
                yield _record(service, record)


def _record(service: str, message: bytes) -> LogRecord:
    nanoseconds, observed, body = 0, 0, None
    for field in protobuf.fields(message):
        if field.number == 1:
            nanoseconds = _fixed64(field)
        elif field.number == 11:
            observed = _fixed64(field)
        elif field.number == 5:
            body = _value(protobuf.octets(field), 0)
    return LogRecord(service, _seconds(nanoseconds or observed), body)


def _messages(message: bytes, number: int) -> Iterator[bytes]:
    """The messages of a repeated field."""
    for field in protobuf.fields(message):
        if field.number == number:
            yield protobuf.octets(field)


def _pair(message: bytes, depth: int) -> Iterator[tuple[str, object]]:
    """A KeyValue."""
    key, value = "", None
    for field in protobuf.fields(message):
        if field.number == 1:
            key = protobuf.text(field)
        elif field.number == 2:
            value = _value(protobuf.octets(field), depth)
    yield key, value


def _value(message: bytes, depth: int) -> object:
    """An AnyValue; None where nothing is set."""
    if depth > MAX_DEPTH:
        raise DecodeError(Reason.WRONG_SHAPE, f"values nested more than {MAX_DEPTH} deep")
    value: object = None
    for field in protobuf.fields(message):
        if field.number == 5:
            value = [_value(item, depth + 1) for item in _messages(protobuf.octets(field), 1)]
        elif field.number == 6:
            items = _messages(protobuf.octets(field), 1)
            value = dict(pair for item in items for pair in _pair(item, depth + 1))
        elif field.number in _SCALARS:
            value = _SCALARS[field.number](field)
    return value


_SCALARS: Mapping[int, Callable[[WireField], object]] = {
    1: protobuf.text,
    2: lambda field: bool(_varint(field)),
    3: lambda field: protobuf.signed(_varint(field)),
    4: lambda field: protobuf.reals(field, 8)[0],
    7: protobuf.octets,
}


def _varint(field: WireField) -> int:
    if not isinstance(field.value, int):
        raise DecodeError(Reason.NOT_PROTOBUF, f"field {field.number} is no whole number")
    return field.value


def _fixed64(field: WireField) -> int:
    if field.kind != protobuf.FIXED64 or isinstance(field.value, int):
        raise DecodeError(Reason.NOT_PROTOBUF, f"field {field.number} is no time")
    return int(struct.unpack("<Q", field.value)[0])


# JSON


def _of_json(request: Json) -> Iterator[LogRecord]:
    for resource_logs in _objects(request, "resourceLogs"):
        resource = resource_logs.get("resource")
        attributes = _objects(resource if isinstance(resource, dict) else {}, "attributes")
        service = _service(_dict(attributes, 0))
        for scope_logs in _objects(resource_logs, "scopeLogs"):
            for record in _objects(scope_logs, "logRecords"):
                times = (record.get("timeUnixNano"), record.get("observedTimeUnixNano"))
                nanoseconds = next((n for n in map(_whole_number, times) if n), 0)
                body = record.get("body")
                yield LogRecord(service, _seconds(nanoseconds), _json_value(body, 0))


def _objects(holder: Json, name: str) -> Iterator[Json]:
    items = holder.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DecodeError(Reason.WRONG_SHAPE, f"{name!r} is not a list of objects")
    yield from items


def _dict(pairs: Iterator[Json], depth: int) -> dict[str, object]:
    return {str(pair.get("key", "")): _json_value(pair.get("value"), depth) for pair in pairs}


def _json_value(value: object, depth: int) -> object:
    """An AnyValue in protobuf's JSON: whole numbers may be text, bytes are base64."""
    if depth > MAX_DEPTH:
        raise DecodeError(Reason.WRONG_SHAPE, f"values nested more than {MAX_DEPTH} deep")
    if value is None or value == {}:
        return None
    match value:
        case {"arrayValue": dict(array)}:
            return [_json_value(item, depth + 1) for item in _objects(array, "values")]
        case {"kvlistValue": dict(pairs)}:
            return _dict(_objects(pairs, "values"), depth + 1)
        case dict():
            return _json_scalar(value)
    raise DecodeError(Reason.WRONG_SHAPE, "a value of no known kind")


def _json_scalar(value: Json) -> object:
    match value:
        case {"stringValue": str() as scalar} | {"boolValue": bool() as scalar}:
            return scalar
        case {"intValue": number}:
            return _whole_number(number)
        case {"doubleValue": number}:
            return _real(number)
        case {"bytesValue": str(base64)}:
            return _bytes(base64)
    raise DecodeError(Reason.WRONG_SHAPE, "a value of no known kind")


def _whole_number(value: object) -> int:
    try:
        return 0 if value is None else int(str(value))
    except ValueError as error:
        raise DecodeError(Reason.WRONG_SHAPE, f"{str(value)[:60]!r} is no whole number") from error


def _real(value: object) -> float:
    """ "NaN", "Infinity" and "-Infinity" are how protobuf's JSON writes them."""
    try:
        return float(str(value))
    except ValueError as error:
        raise DecodeError(Reason.WRONG_SHAPE, f"{str(value)[:60]!r} is no number") from error


def _bytes(base64: str) -> bytes:
    try:
        return b64decode(base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(Reason.WRONG_SHAPE, f"no base64: {error}") from error


def _service(attributes: Json) -> str:
    name = attributes.get("service.name")
    return name if isinstance(name, str) else ""


def _seconds(nanoseconds: int) -> float | None:
    return nanoseconds / 1e9 if nanoseconds else None


# Answers


def response(headers: Headers, n_rejected: int, message: str) -> bytes:
    """An ExportLogsServiceResponse, in the form of the request; of a success it is empty."""
    if is_json(headers):
        partial = {"rejectedLogRecords": str(n_rejected), "errorMessage": message}
        return orjson.dumps({"partialSuccess": partial} if n_rejected else {})
    if not n_rejected:
        return b""
    partial_success = b"\x08" + protobuf.varint(n_rejected) + _field(2, message.encode())
    return _field(1, partial_success)


def status(headers: Headers, message: str) -> bytes:
    """A google.rpc.Status, as requests that failed are answered."""
    if is_json(headers):
        return orjson.dumps({"message": message})
    return _field(2, message.encode())


def _field(number: int, octets: bytes) -> bytes:
    return bytes([number << 3 | protobuf.LENGTH]) + protobuf.varint(len(octets)) + octets
