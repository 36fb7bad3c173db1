"""Against OpenTelemetry's own messages, as Google's library writes them."""

import gzip
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from monitor.collector import otlp
from monitor.decoders.exchange import DecodeError, Headers

PROTOBUF: Headers = [(b"content-type", b"application/x-protobuf")]
JSON: Headers = [(b"Content-Type", b"application/json; charset=utf-8")]
both = pytest.mark.parametrize("headers", [PROTOBUF, JSON], ids=["protobuf", "json"])


def any_value(value: object) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    kinds = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes"}
    scalar: dict[str, Any] = {f"{kinds[type(value)]}_value": value}
    return AnyValue(**scalar)


def pairs(values: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in values.items()]


def request(*bodies: object, service: str = "bento:seats") -> ExportLogsServiceRequest:
    records = [LogRecord(time_unix_nano=1_500_000_000, body=any_value(body)) for body in bodies]
    logs = ResourceLogs(
        resource=Resource(attributes=pairs({"host": "a", "service.name": service})),
        scope_logs=[ScopeLogs(log_records=records)],
    )
    return ExportLogsServiceRequest(resource_logs=[logs])


def written(message: ExportLogsServiceRequest, headers: Headers) -> bytes:
    if headers is JSON:
        return str(json_format.MessageToJson(message)).encode()
    return bytes(message.SerializeToString())


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@both
@given(body=st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_record_comes_out_as_it_went_in(headers: Headers, body: dict[str, object]) -> None:
    (record,) = otlp.parse(headers, written(request(body), headers))
    assert record == otlp.LogRecord("bento:seats", 1.5, body)


@both
def test_a_record_without_a_time_has_that_of_its_observation(headers: Headers) -> None:
    message = request({})
    record = message.resource_logs[0].scope_logs[0].log_records[0]
    record.time_unix_nano, record.observed_time_unix_nano = 0, 2_500_000_000
    (read,) = otlp.parse(headers, written(message, headers))
    assert read.time == 2.5


@both
def test_nothing_is_no_records(headers: Headers) -> None:
    assert otlp.parse(headers, written(ExportLogsServiceRequest(), headers)) == []


def test_a_gzipped_request_is_unpacked() -> None:
    packed = gzip.compress(written(request({"x": 1}), PROTOBUF))
    headers = [*PROTOBUF, (b"content-encoding", b"gzip")]
    assert otlp.parse(headers, packed)[0].body == {"x": 1}


def test_numbers_in_json_that_are_none_in_json_are_text() -> None:
    body = {"x": float("inf"), "y": float("-inf")}
    assert otlp.parse(JSON, written(request(body), JSON))[0].body == body


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 1


@both
def test_values_nested_without_end_are_refused(headers: Headers) -> None:
    with pytest.raises(DecodeError, match="nested"):
        otlp.parse(headers, written(request(nested(40)), headers))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"resourceLogs": 1}',
        b'{"resourceLogs": [1]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"intValue":"many"}}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"bytesValue":"?"}}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"doubleValue":[]}}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"newValue":1}}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":7}]}]}]}',
    ],
)
def test_json_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        otlp.parse(JSON, body)


@given(st.binary(), st.data())
def test_no_bytes_do_worse_than_an_error(noise: bytes, data: st.DataObject) -> None:
    raw = written(request({"x": [1.5, None, {"y": "z"}]}), PROTOBUF)
    at = data.draw(st.integers(0, len(raw)))
    for damaged in (noise, raw[:at], raw[:at] + noise, raw[:at] + noise + raw[at + len(noise) :]):
        try:
            otlp.parse(PROTOBUF, damaged)
        except DecodeError:
            continue


@pytest.mark.parametrize("n", [0, 1, 127, 128, 300, 2**40])
def test_what_was_rejected_is_told_as_a_partial_success(n: int) -> None:
    told = ExportLogsServiceResponse.FromString(otlp.response(PROTOBUF, n, "why not"))
    in_json = json_format.Parse(otlp.response(JSON, n, "why not"), ExportLogsServiceResponse())
    assert told == in_json
    assert told.partial_success.rejected_log_records == n
    assert told.partial_success.error_message == ("why not" if n else "")


def test_a_failure_is_told_as_a_status() -> None:
    assert Status.FromString(otlp.status(PROTOBUF, "not so")).message == "not so"
    assert orjson.loads(otlp.status(JSON, "not so")) == {"message": "not so"}
