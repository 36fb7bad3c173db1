"""The Open Inference Protocol (V2) over HTTP: tensors in, tensors out, in JSON or binary.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain
from math import prod
from urllib.parse import unquote

from monitor.decoders.binary_tensors import filled, split
from monitor.decoders.body import whole
from monitor.decoders.exchange import (
    Columns,
    Decoded,
    DecodeError,
    Exchange,
    Headers,
    Reason,
    header,
)

NAME = "open-inference-v2"
PATH = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")

Column = Sequence[object]
Json = Mapping[str, object]


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """A tensor for each column, of shape [n] or [n, 1], or [n, d] where it is of vectors; or one
    tensor of shape [n, features].

    Raises DecodeError.
    """
    _, inputs = _tensors(exchange.request, exchange.request_headers, "inputs")
    answer, outputs = _tensors(exchange.response, exchange.response_headers, "outputs")
    said = answer.get("model_version")
    version = said if isinstance(said, str) and said else asked_version(PATH, exchange.path)
    return table(inputs, outputs, columns, model_version=version)


@lru_cache(maxsize=1024)
def asked_version(pattern: re.Pattern[str], path: str) -> str:
    """The version of the model in a request's path; empty where it names none."""
    match = pattern.fullmatch(path.partition("?")[0])
    return unquote(match["version"] or "") if match else ""


def table(
    inputs: Sequence[Json], outputs: Sequence[Json], columns: Columns, *, model_version: str = ""
) -> Decoded:
    """Tensors in and out as rows. Raises DecodeError."""
    features = _columns(inputs, columns.features, "feature", columns.vectors)
    predictions = _columns(outputs, [columns.prediction], columns.prediction, frozenset())
    lengths = {len(column) for column in chain(features.values(), predictions.values())}
    if len(lengths) != 1:
        raise DecodeError(Reason.WRONG_LENGTH, "tensors of different numbers of rows")
    return Decoded({**features, **predictions}, lengths.pop(), model_version)


def _tensors(pieces: Sequence[bytes], headers: Headers, key: str) -> tuple[Json, Sequence[Json]]:
    """A message in JSON, and the tensors in it."""
    head_length = header(headers, b"inference-header-content-length")
    body, binary = split(whole(pieces, headers), head_length)
    if not isinstance(body, dict):
        raise DecodeError(Reason.WRONG_SHAPE, "the body is JSON, but no object")
    tensors = body.get(key)
    if not isinstance(tensors, list) or not tensors:
        raise DecodeError(Reason.WRONG_SHAPE, f"{key!r} is not a list with tensors")
    if not all(isinstance(tensor, dict) for tensor in tensors):
        raise DecodeError(Reason.WRONG_SHAPE, f"{key!r} holds something that is no tensor")
    return body, filled(tensors, binary)


def _columns(
    tensors: Sequence[Json], names: Sequence[str], fallback: str, vectors: Set[str]
) -> Mapping[str, Column]:
    """The columns of all tensors. One tensor alone is named by the monitor's `names`."""
    if len(tensors) > 1:
        return {str(tensor.get("name")): _single(tensor, vectors) for tensor in tensors}
    (tensor,) = tensors
    data, width = _flat(tensor)
    if len(names) == 1 and names[0] in vectors:
        return {names[0]: _rows(data, width)}
    if width == 1 and len(names) != 1:
        return {str(tensor.get("name")): data}
    named = names or [f"{fallback}_{i}" for i in range(width)]
    if len(named) != width:
        raise DecodeError(
            Reason.WRONG_SHAPE, f"a tensor of {width} columns, the monitor has {len(named)}"
        )
    return {name: data[i::width] for i, name in enumerate(named)}


def _rows(data: Column, width: int) -> Column:
    return [list(data[i : i + width]) for i in range(0, len(data), width)]


def _single(tensor: Json, vectors: Set[str]) -> Column:
    data, width = _flat(tensor)
    if tensor.get("name") in vectors:
        return _rows(data, width)
    if width != 1:
        raise DecodeError(Reason.WRONG_SHAPE, f"tensor {tensor.get('name')!r} has {width} columns")
    return data


def _flat(tensor: Json) -> tuple[Column, int]:
    """The data row by row without nesting, and the number of values in a row."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not 1 <= len(shape) <= 2:
        raise DecodeError(Reason.WRONG_SHAPE, f"shape {shape!r} is neither [n] nor [n, columns]")
    if not all(type(size) is int and size > 0 for size in shape):
        raise DecodeError(Reason.WRONG_SHAPE, f"shape {shape!r} is not of positive numbers")
    if not isinstance(data, list):
        raise DecodeError(Reason.WRONG_SHAPE, "a tensor without data")
    if data and isinstance(data[0], list):
        if not all(isinstance(row, list) for row in data):
            raise DecodeError(Reason.WRONG_SHAPE, "data nested in part")
        data = list(chain.from_iterable(data))
    if len(data) != prod(shape):
        raise DecodeError(Reason.WRONG_LENGTH, f"{len(data)} values, the shape says {prod(shape)}")
    return data, shape[1] if len(shape) == 2 else 1
