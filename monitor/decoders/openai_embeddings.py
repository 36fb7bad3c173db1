"""Embeddings as OpenAI's API has them, and vLLM, Text Embeddings Inference and others after it.

{"model": ..., "input": ...} in, {"data": [{"index": 0, "embedding": [...]}]} out; an embedding is a
list of numbers, or 32-bit floats in base64, little-endian, as OpenAI's own client asks for.

https://platform.openai.com/docs/api-reference/embeddings
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.decoders.body import json_object
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason

NAME = "openai-embeddings"
PATH = re.compile(r"(?:/openai)?/v1/embeddings")
INPUT, EMBEDDING = "input", "embedding"

Vector = Sequence[object]


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """A row an input: its text in the column `input`, unless it came as tokens, and its embedding
    in the monitor's vector, or in the column `embedding` where it has none or several.

    Raises DecodeError.
    """
    request = json_object(exchange.request, exchange.request_headers)
    response = json_object(exchange.response, exchange.response_headers)
    inputs = _inputs(request.get("input"))
    vectors = _vectors(response.get("data"))
    if len(vectors) != len(inputs):
        raise DecodeError(Reason.WRONG_LENGTH, f"{len(inputs)} inputs, {len(vectors)} embeddings")
    name = next(iter(columns.vectors)) if len(columns.vectors) == 1 else EMBEDDING
    texts = {INPUT: inputs} if all(isinstance(one, str) for one in inputs) else {}
    return Decoded({**texts, name: vectors}, len(vectors))


def model(exchange: Exchange) -> str | None:
    """The name of the model, which is in the request's body."""
    try:
        named = json_object(exchange.request, exchange.request_headers).get("model")
    except DecodeError:
        return None  # `decode` says why
    return named if isinstance(named, str) else None


def _inputs(given: object) -> Sequence[object]:
    """A text, several, the tokens of one, or the tokens of several."""
    match given:
        case str():
            return [given]
        case [int(), *_]:
            return [given]
        case [str(), *_] | [list(), *_]:
            return given
    raise DecodeError(Reason.WRONG_SHAPE, "'input' is neither text nor tokens")


def _vectors(data: object) -> Sequence[Vector]:
    """The embeddings in the order of their inputs."""
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise DecodeError(Reason.WRONG_SHAPE, "'data' is no list of objects")
    places = [_index(one, i) for i, one in enumerate(data)]
    if sorted(places) != list(range(len(data))):
        raise DecodeError(Reason.WRONG_SHAPE, "the embeddings are not numbered one by one")
    vectors = dict(zip(places, map(_vector, data), strict=True))
    return [vectors[i] for i in range(len(data))]


def _index(embedded: Mapping[str, object], default: int) -> int:
    index = embedded.get("index", default)
    return index if isinstance(index, int) else -1


def _vector(embedded: Mapping[str, object]) -> Vector:
    match embedded.get("embedding"):
        case list(numbers):
            return numbers
        case str(base64):
            return _floats(base64)
    raise DecodeError(Reason.WRONG_SHAPE, "an embedding is neither a list nor base64")


def _floats(base64: str) -> Vector:
    try:
        raw = b64decode(base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(Reason.WRONG_SHAPE, f"an embedding is no base64: {error}") from error
    if len(raw) % 4:
        raise DecodeError(Reason.WRONG_LENGTH, f"an embedding of {len(raw)} bytes")
    numbers: list[object] = np.frombuffer(raw, "<f4").tolist()
    return numbers
