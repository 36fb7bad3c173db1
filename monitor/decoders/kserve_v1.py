"""KServe's V1 protocol: {"instances": [...]} in, {"predictions": [...]} out.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

import re
from collections.abc import Mapping, Sequence

from monitor.decoders.body import json_object
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason

NAME = "kserve-v1"
PATH = re.compile(r"/v1/models/(?P<model>[^/:]+):predict")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Rows as objects, or as lists in the order of the monitor's features. Raises DecodeError."""
    request = json_object(exchange.request, exchange.request_headers)
    response = json_object(exchange.response, exchange.response_headers)
    instances = _rows(request, "instances")
    predictions = _rows(response, "predictions")
    if len(instances) != len(predictions):
        raise DecodeError(
            Reason.WRONG_LENGTH, f"{len(instances)} instances, {len(predictions)} predictions"
        )
    return Decoded(
        {**_features(instances, columns), **_outputs(predictions, columns)}, len(instances)
    )


def _rows(body: Mapping[str, object], key: str) -> list[object]:
    rows = body.get(key)
    if not isinstance(rows, list) or not rows:
        raise DecodeError(Reason.WRONG_SHAPE, f"{key!r} is not a list with rows")
    return rows


def _features(instances: Sequence[object], columns: Columns) -> Mapping[str, Sequence[object]]:
    first = instances[0]
    if isinstance(first, dict):
        return _named(instances, "instances")
    if not isinstance(first, list):
        instances, first = [[value] for value in instances], [first]
    if not all(type(row) is list and len(row) == len(first) for row in instances):
        raise DecodeError(Reason.WRONG_SHAPE, "instances of different lengths or kinds")
    names = columns.features or [f"feature_{i}" for i in range(len(first))]
    if len(first) != len(names):
        raise DecodeError(
            Reason.WRONG_SHAPE,
            f"instances of {len(first)} values, the monitor has {len(names)} columns",
        )
    return dict(zip(names, zip(*instances, strict=True), strict=True))


def _outputs(predictions: Sequence[object], columns: Columns) -> Mapping[str, Sequence[object]]:
    first = predictions[0]
    if isinstance(first, dict):
        named = _named(predictions, "predictions")
        return {columns.prediction: next(iter(named.values()))} if len(named) == 1 else named
    if isinstance(first, list):
        if not all(type(row) is list and len(row) == 1 for row in predictions):
            raise DecodeError(Reason.WRONG_SHAPE, "several outputs a row, without names")
        return {columns.prediction: [row[0] for row in predictions]}  # type: ignore[index]  # lists, as checked
    return {columns.prediction: predictions}


def _named(rows: Sequence[object], key: str) -> Mapping[str, Sequence[object]]:
    names: dict[str, None] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise DecodeError(Reason.WRONG_SHAPE, f"{key} of different kinds")
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}  # type: ignore[attr-defined]  # objects, as checked
