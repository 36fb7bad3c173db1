"""Seldon Core's own protocol of version 1: {"data": {"names": [...], "ndarray": [...]}} both ways.

https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/external-prediction.html
"""

import re
from collections.abc import Mapping, Sequence

from monitor.decoders.body import json_object
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.rows import features, joined, outputs, texts

NAME = "seldon-v1"
PATH = re.compile(r"(?:/seldon/[^/]+/(?P<model>[^/]+))?/api/v(?:0\.1|1\.0)/predictions")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Rows as `ndarray` or `tensor`, named by the message or by the monitor. Raises DecodeError."""
    asked = _data(json_object(exchange.request, exchange.request_headers))
    answered = _data(json_object(exchange.response, exchange.response_headers))
    return joined(
        features(_rows(asked), texts(asked.get("names")) or columns.features, columns.vector),
        outputs(_rows(answered), columns.prediction, texts(answered.get("names"))),
    )


def _data(message: Mapping[str, object]) -> Mapping[str, object]:
    data = message.get("data")
    if not isinstance(data, dict):
        raise DecodeError(Reason.WRONG_SHAPE, "'data' is no object")
    return data


def _rows(data: Mapping[str, object]) -> object:
    tensor = data.get("tensor")
    if not isinstance(tensor, dict):
        return data.get("ndarray")
    return _shaped(tensor.get("values"), tensor.get("shape"))


def _shaped(values: object, shape: object) -> Sequence[object]:
    """The rows of a tensor of shape [n] or [n, width], whose values come without nesting."""
    match values, shape:
        case list(), [int(n)] if len(values) == n:
            return values
        case list(), [int(n), int(width)] if len(values) == n * width and width > 0:
            return [values[i : i + width] for i in range(0, len(values), width)]
    raise DecodeError(Reason.WRONG_SHAPE, "a tensor whose values do not fit its shape")
