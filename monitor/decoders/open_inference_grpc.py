"""The Open Inference Protocol (V2) over gRPC: ModelInfer, in protobuf.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from monitor.decoders import protobuf
from monitor.decoders.binary_tensors import text_or_bytes, values
from monitor.decoders.body import whole
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Headers, Reason
from monitor.decoders.open_inference_v2 import table
from monitor.decoders.protobuf import WireField

NAME = "open-inference-grpc"
PATH = re.compile(r"/inference\.GRPCInferenceService/ModelInfer")

_MODEL_NAME = 1
_MODEL_VERSION = 2
_REQUEST_TENSORS, _REQUEST_RAW = 5, 7
_RESPONSE_TENSORS, _RESPONSE_RAW = 5, 6
_NAME, _DATATYPE, _SHAPE, _CONTENTS = 1, 2, 3, 5
_FRAME = struct.Struct(">?I")
_LARGEST_KNOWN = 128
"""Bytes of a tensor that is remembered: a longer one holds its values."""

Tensor = Mapping[str, object]

# By field of InferTensorContents.
_CONTENT_VALUES: Mapping[int, Callable[[WireField], Sequence[object]]] = {
    1: lambda field: [bool(number) for number in protobuf.varints(field)],
    2: lambda field: [protobuf.signed(number) for number in protobuf.varints(field)],
    3: lambda field: [protobuf.signed(number) for number in protobuf.varints(field)],
    4: protobuf.varints,
    5: protobuf.varints,
    6: lambda field: protobuf.reals(field, 4),
    7: lambda field: protobuf.reals(field, 8),
    8: lambda field: [text_or_bytes(protobuf.octets(field))],
}


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Tensors as of the HTTP protocol. Raises DecodeError.

    Bodies are bare messages, or as they are on the wire: each behind its frame of five bytes.
    """
    inputs = _tensors(exchange.request, exchange.request_headers, _REQUEST_TENSORS, _REQUEST_RAW)
    outputs = _tensors(
        exchange.response, exchange.response_headers, _RESPONSE_TENSORS, _RESPONSE_RAW
    )
    version = _first_text(exchange.response, exchange.response_headers, _MODEL_VERSION)
    return table(inputs, outputs, columns, model_version=version)


def model(exchange: Exchange) -> str | None:
    """The name of the model, which the request's message has and its path has not."""
    try:
        return _first_text(exchange.request, exchange.request_headers, _MODEL_NAME) or None
    except DecodeError:
        return None  # `decode` says why


def _first_text(pieces: Sequence[bytes], headers: Headers, number: int) -> str:
    """The first field of a number in a message; empty where it has none. Raises DecodeError."""
    message = _message(whole(pieces, headers))
    found = (field for field in protobuf.fields(message) if field.number == number)
    return next(map(protobuf.text, found), "")


def _tensors(
    pieces: Sequence[bytes], headers: Headers, tensor_field: int, raw_field: int
) -> list[Tensor]:
    tensors: list[Tensor] = []
    raw: list[bytes] = []
    for field in protobuf.fields(_message(whole(pieces, headers))):
        if field.number == tensor_field:
            message = protobuf.octets(field)
            is_known = len(message) <= _LARGEST_KNOWN
            tensors.append(_known_tensor(message) if is_known else _tensor(message))
        elif field.number == raw_field:
            raw.append(protobuf.octets(field))
    if not tensors:
        raise DecodeError(Reason.WRONG_SHAPE, "a message without tensors")
    if raw and len(raw) != len(tensors):
        raise DecodeError(Reason.WRONG_LENGTH, f"{len(raw)} raw contents, {len(tensors)} tensors")
    return (
        [
            {**tensor, "data": values(tensor["datatype"], content)}
            for tensor, content in zip(tensors, raw, strict=True)
        ]
        if raw
        else tensors
    )


def _message(body: bytes) -> bytes:
    """The message behind a gRPC frame, if there is one: its length is that of the rest."""
    if len(body) >= _FRAME.size and body[0] in (0, 1):
        is_compressed, size = _FRAME.unpack_from(body)
        if size == len(body) - _FRAME.size:
            if is_compressed:
                raise DecodeError(Reason.UNKNOWN_ENCODING, "a compressed gRPC message")
            return body[_FRAME.size :]
    return body


@lru_cache(maxsize=4_096)
def _known_tensor(message: bytes) -> Tensor:
    """Where contents are raw, a tensor is its name, type and shape: the same in each request."""
    return _tensor(message)


def _tensor(message: bytes) -> Tensor:
    tensor: dict[str, object] = {"name": "", "datatype": "", "shape": [], "data": []}
    shape: list[int] = []
    data: list[object] = []
    for field in protobuf.fields(message):
        if field.number == _NAME:
            tensor["name"] = protobuf.text(field)
        elif field.number == _DATATYPE:
            tensor["datatype"] = protobuf.text(field)
        elif field.number == _SHAPE:
            shape += [protobuf.signed(number) for number in protobuf.varints(field)]
        elif field.number == _CONTENTS:
            for content in protobuf.fields(protobuf.octets(field)):
                read = _CONTENT_VALUES.get(content.number)
                data += read(content) if read else []
    return {**tensor, "shape": shape, "data": data}
