"""TorchServe's predictions, as far as they are JSON: what they look like is up to the handler.

Read are a list of rows, {"data": [...]} or {"instances": [...]} with rows, and an object that is
one row; answered by a list, by {"predictions": [...]}, or for one row by an object or a value.

https://pytorch.org/serve/inference_api.html#predictions-api
"""

import re

from monitor.decoders.body import json_value, whole
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.rows import features, joined, outputs

NAME = "torchserve"
PATH = re.compile(r"/predictions/(?P<model>[^/]+)(?:/[^/]+)?")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Rows as objects, or as lists in the order of the monitor's features. Raises DecodeError."""
    request = json_value(whole(exchange.request, exchange.request_headers))
    response = json_value(whole(exchange.response, exchange.response_headers))
    rows = _rows(request, "instances", "data")
    if not all(isinstance(row, dict | list) for row in rows):
        raise DecodeError(Reason.WRONG_SHAPE, "values that may be one row or many")
    return joined(
        features(rows, columns.features, columns.vector),
        outputs(_rows(response, "predictions"), columns.prediction),
    )


def _rows(body: object, *keys: str) -> list[object]:
    """The rows in a list, or in a list that one of the keys leads to; else the body is one row."""
    if isinstance(body, dict):
        body = next((body[key] for key in keys if isinstance(body.get(key), list)), body)
    if isinstance(body, list):
        return body
    return [body] if body not in ({}, None) else []
