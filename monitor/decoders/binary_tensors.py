"""The binary tensor extension of the Open Inference Protocol: JSON, then the bytes of tensors.

Little-endian, row by row, one tensor behind the other in the order in which the JSON names them.
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import json
import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from monitor.decoders.body import json_value
from monitor.decoders.exchange import DecodeError, Reason

Json = Mapping[str, object]

_TYPES = {
    "BOOL": np.dtype("?"),
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    "BF16": np.dtype("<u2"),  # the upper half of an FP32
}
_LENGTH = struct.Struct("<I")


def split(raw: bytes, head_length: bytes | None) -> tuple[object, bytes]:
    """The JSON at the head of a body, and what follows it. Raises DecodeError.

    head_length: as the header Inference-Header-Content-Length says. Loggers do not pass it on;
        the JSON then ends where its outermost brace is closed.
    """
    if head_length is not None:
        end = _stated(head_length, len(raw))
        return json_value(raw[:end]), raw[end:]
    try:
        return json_value(raw), b""
    except DecodeError:
        if not raw.startswith(b"{"):
            raise
    end = _end_of_json(raw)
    return json_value(raw[:end]), raw[end:]


def _stated(head_length: bytes, n_bytes: int) -> int:
    is_number = head_length.isdigit() and len(head_length) < 10
    if not is_number or int(head_length) > n_bytes:
        raise DecodeError(Reason.WRONG_LENGTH, f"JSON of {head_length!r} bytes in {n_bytes}")
    if int(head_length) == 0:
        raise DecodeError(Reason.BINARY_TENSORS, "a tensor alone, without JSON to say its type")
    return int(head_length)


def _end_of_json(raw: bytes) -> int:
    try:
        # In Latin-1 any byte is a character, so the tensors do not disturb.
        _, end = json.JSONDecoder().raw_decode(raw.decode("latin-1"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(Reason.NOT_JSON, str(error)) from error
    return end


def filled(tensors: Sequence[Json], binary: bytes) -> list[Json]:
    """The tensors, with what `binary` holds as their data. Raises DecodeError."""
    sizes = [_size(tensor) for tensor in tensors]
    n_bytes = sum(size or 0 for size in sizes)
    if n_bytes != len(binary):
        raise DecodeError(
            Reason.WRONG_LENGTH, f"{len(binary)} bytes follow the JSON, tensors have {n_bytes}"
        )
    ends = accumulate(size or 0 for size in sizes)
    return [
        tensor
        if size is None
        else {**tensor, "data": values(tensor.get("datatype"), binary[end - size : end])}
        for tensor, size, end in zip(tensors, sizes, ends, strict=True)
    ]


def _size(tensor: Json) -> int | None:
    """Of its binary data; None for data in JSON."""
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (type(size) is not int or size < 0):
        raise DecodeError(Reason.WRONG_SHAPE, f"binary_data_size is {size!r}")
    return size


def values(datatype: object, raw: bytes) -> list[object]:
    """The elements of a tensor, row by row. Raises DecodeError."""
    if datatype == "BYTES":
        return _texts(raw)
    dtype = _TYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise DecodeError(Reason.BINARY_TENSORS, f"of the datatype {datatype!r}")
    if len(raw) % dtype.itemsize:
        raise DecodeError(Reason.WRONG_LENGTH, f"{len(raw)} bytes of {datatype}")
    numbers = np.frombuffer(raw, dtype)
    if datatype == "BF16":
        numbers = (numbers.astype("<u4") << 16).view("<f4")
    elements: list[object] = numbers.tolist()
    return elements


def _texts(raw: bytes) -> list[object]:
    """Elements with their length before them: text where they are UTF-8, else bytes."""
    elements: list[object] = []
    end = 0
    while end < len(raw):
        start = end + _LENGTH.size
        if start > len(raw):
            break
        end = start + _LENGTH.unpack_from(raw, end)[0]
        elements.append(text_or_bytes(raw[start:end]))
    if end != len(raw):
        raise DecodeError(Reason.WRONG_LENGTH, "BYTES that end too early")
    return elements


def text_or_bytes(raw: bytes) -> str | bytes:
    """Text where the bytes are UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
