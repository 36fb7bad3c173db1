"""From the messages of others to rows."""

from collections.abc import Mapping

import orjson

from monitor.batches import (
    BatchError,
    ReadRows,
    read_columns,
    read_rows,
    read_stream,
    request_ids,
)
from monitor.collector.cloudevents import Event, EventError, from_kafka
from monitor.collector.registry import columns
from monitor.decoders import DecodeError, Exchange, open_inference_grpc, open_inference_v2
from monitor.decoders.exchange import Reason
from monitor.kafka.messages import ARROW, Header, Registration, header
from monitor.kafka.records import Record

Json = Mapping[str, object]


def read_message(record: Record) -> tuple[str | None, ReadRows]:
    """The monitor that a message names, if it does, and its rows. Raises DecodeError.

    A message is a row in JSON, a list of rows, {"rows": […]}, {"columns": {…}}, or an Arrow stream;
    or a CloudEvent with one of these. Rows without an id have that of the event, or else the
    message's place; without a time, the event's or else the message's.
    """
    try:
        event = from_kafka(record.headers, record.value)
        raw = record.value if event is None else event.data
        id_ = record.place if event is None else event.id
        time = record.time if event is None or event.time is None else event.time
        named = header(record.headers, Header.MONITOR)
        if _content_type(record, event) == ARROW:
            batch = read_stream(raw)
            given = {name: batch[name] for name in batch.schema.names}
            return named, _columns(given, batch.num_rows, id_, time)
        body = orjson.loads(raw)
        in_body = body.get("monitor") if isinstance(body, dict) else None
        return named or (in_body if isinstance(in_body, str) else None), _rows(body, id_, time)
    except orjson.JSONDecodeError as error:
        raise DecodeError(Reason.NOT_JSON, str(error)) from error
    except (BatchError, EventError) as error:
        raise DecodeError(Reason.WRONG_SHAPE, str(error)) from error


def _content_type(record: Record, event: Event | None) -> str:
    if event is None or "datacontenttype" not in event.attributes:
        declared = header(record.headers, Header.CONTENT_TYPE) or ""
    else:
        declared = event.attributes["datacontenttype"]
    return declared.partition(";")[0].strip().lower()


def _rows(body: object, id_: str, time: float) -> ReadRows:
    if isinstance(body, dict) and "columns" in body:
        given = body["columns"]
        if not isinstance(given, dict) or not all(isinstance(v, list) for v in given.values()):
            raise BatchError("'columns' must be an object of lists")
        return _columns(given, max(map(len, given.values()), default=0), id_, time)
    rows = body.get("rows", [body]) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise BatchError("neither a row nor a list of rows")
    ids = request_ids(id_, len(rows))
    return read_rows(
        [
            {"id": default, **row} if isinstance(row, dict) else row
            for default, row in zip(ids, rows, strict=True)
        ],
        now=time,
    )


def _columns(given: Mapping[str, object], n: int, id_: str, time: float) -> ReadRows:
    return read_columns({"id": request_ids(id_, n), **given}, now=time)


def read_pair(request: Record, answer: Record, registration: Registration) -> tuple[ReadRows, str]:
    """The rows of a request and its answer in the Open Inference Protocol, JSON or protobuf, and
    the version of the model that answered.

    Raises DecodeError.
    """
    exchange = Exchange(
        path="",
        request_id=request_id(answer),
        arrived_at=request.time,
        latency_s=answer.time - request.time,
        status=200,
        request_headers=[],
        response_headers=[],
        request=[request.value],
        response=[answer.value],
    )
    is_json = answer.value.lstrip()[:1] == b"{"  # of no protobuf message the first byte
    decode = open_inference_v2.decode if is_json else open_inference_grpc.decode
    decoded = decode(exchange, columns(registration))
    n, listed = decoded.n, {name: list(values) for name, values in decoded.columns.items()}
    ids = request_ids(exchange.request_id, n)
    rows = ReadRows(list(range(n)), ids, [request.time] * n, listed, {})
    return rows, decoded.model_version


def request_id(record: Record) -> str:
    """By which Seldon Core pairs a request with its answer. Raises DecodeError."""
    for name, value in record.headers:
        if name.lower() == "x-request-id" and value:
            return value.decode(errors="replace")
    raise DecodeError(Reason.WRONG_SHAPE, "a message without x-request-id")
