"""Amazon SageMaker's endpoints: CSV, JSON or JSON lines both ways, whatever the model speaks.

A body says itself which of them it is, since headers are not always kept. CSV has no header line.
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

import csv
import re
from collections.abc import Sequence

from monitor.decoders.body import json_value, whole
from monitor.decoders.exchange import (
    Columns,
    Decoded,
    DecodeError,
    Exchange,
    Headers,
    Reason,
)
from monitor.decoders.rows import features, joined, outputs

NAME = "sagemaker"
PATH = re.compile(r"/endpoints/(?P<model>[^/]+)/invocations")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Rows in the order of the monitor's features, or as objects. Raises DecodeError."""
    rows = _rows(exchange.request, exchange.request_headers, "instances")
    answers = _rows(exchange.response, exchange.response_headers, "predictions")
    match answers:
        case [list(line)] if len(line) == len(rows):
            answers = line  # in CSV XGBoost answers all rows in one line
    return joined(
        features(list(map(_instance, rows)), columns.features, columns.vector),
        outputs(answers, columns.prediction),
    )


def _rows(pieces: Sequence[bytes], headers: Headers, key: str) -> Sequence[object]:
    raw = whole(pieces, headers)
    if raw.lstrip()[:1] not in (b"{", b"["):
        return _csv(raw)
    try:
        return _listed(json_value(raw), key)
    except DecodeError:
        lines = [line for line in raw.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json_value(line) for line in lines]


def _listed(body: object, key: str) -> Sequence[object]:
    """The rows in a list, or in the list that the key leads to; else the body is one row."""
    if isinstance(body, dict):
        body = body.get(key, [body])
    if not isinstance(body, list):
        raise DecodeError(Reason.WRONG_SHAPE, f"{key!r} is no list")
    return body


def _instance(row: object) -> object:
    """A row without what SageMaker's own algorithms put around it."""
    match row:
        case {"data": {"features": {"values": list(values)}}} | {"features": list(values)}:
            return values
    return row


def _csv(raw: bytes) -> Sequence[object]:
    try:
        lines = csv.reader(raw.decode().splitlines(), strict=True)
        rows = [list(map(_value, line)) for line in lines if line]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DecodeError(Reason.NOT_CSV, str(error)) from error
    return rows


def _value(text: str) -> object:
    """A number where it is written as one; nothing is missing."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text or None
