"""JSON and arrays in one string of bytes: how a reference and a profile are stored and sent.

    magic, 8 bytes │ zlib( header length, 4 bytes little-endian │ header, JSON │ arrays )

The header names the kind, the format's version, free JSON, and each array's type and shape in
the order in which their bytes follow: first the lowest byte of every number, then the next, and
so on, because high bytes are much alike and compress well. The same content gives the same bytes,
and reading never runs code: there is no pickle in it. A newer minor version may add JSON keys and
arrays, which a reader ignores; another major version is refused.
"""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"drftmetr"
MAJOR, MINOR = 2, 0
LARGEST_BYTES = 1 << 30

_DTYPES = {"|u1", "|i1", "<u2", "<u4", "<u8", "<i2", "<i4", "<i8", "<f4", "<f8"}

Arrays = Mapping[str, NDArray[Any]]


class ArtifactError(ValueError):
    """Bytes that are not an artifact, not of the expected kind, too new, too large or damaged."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """meta: plain JSON. arrays: of integers or floats, by name."""

    meta: Any
    arrays: Arrays


def pack(kind: str, artifact: Artifact) -> bytes:
    """The bytes of an artifact; the same content gives the same bytes."""
    arrays = {name: _little_endian(artifact.arrays[name]) for name in sorted(artifact.arrays)}
    header = {
        "kind": kind,
        "format": f"{MAJOR}.{MINOR}",
        "meta": artifact.meta,
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
    }
    encoded = json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()
    body = [len(encoded).to_bytes(4, "little"), encoded, *map(_planes, arrays.values())]
    return MAGIC + zlib.compress(b"".join(body), level=6)


def unpack(kind: str, content: bytes, *, largest_bytes: int = LARGEST_BYTES) -> Artifact:
    """The artifact in `content`, validated: every array has the declared type and size.

    Raises ArtifactError. Nothing larger than `largest_bytes` is ever decompressed.
    """
    body = _decompressed(content, largest_bytes)
    length = int.from_bytes(body[:4], "little")
    try:
        header = json.loads(body[4 : 4 + length], parse_constant=_refuse_constant)
        _check_header(kind, header)
        return Artifact(header["meta"], _arrays(header["arrays"], memoryview(body)[4 + length :]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"damaged header: {error}") from error


def combined(parts: Mapping[str, Artifact]) -> Artifact:
    """One artifact of several named ones; `parts_of` takes it apart again."""
    return Artifact(
        meta={name: part.meta for name, part in parts.items()},
        arrays={
            f"{name}/{key}": array
            for name, part in parts.items()
            for key, array in part.arrays.items()
        },
    )


def parts_of(artifact: Artifact) -> dict[str, Artifact]:
    """The artifacts of which one was `combined`, by name; ArtifactError where it was not."""
    if not isinstance(artifact.meta, dict):
        raise ArtifactError("expected several parts, found one")
    arrays: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in artifact.meta}
    for path, array in artifact.arrays.items():
        name, _, key = path.partition("/")
        arrays.setdefault(name, {})[key] = array
    return {name: Artifact(meta, arrays[name]) for name, meta in artifact.meta.items()}


def narrowed(counts: NDArray[np.int64]) -> NDArray[Any]:
    """Non-negative integers in the smallest unsigned type that holds them all."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def folded(signed: NDArray[np.int64]) -> NDArray[Any]:
    """Integers as narrow unsigned ones: 0, -1, 1, -2, 2 ... as 0, 1, 2, 3, 4 ..."""
    unsigned = ((signed << 1) ^ (signed >> 63)).view(np.uint64)
    return unsigned.astype(np.min_scalar_type(int(unsigned.max(initial=0))))


def unfolded(unsigned: NDArray[Any]) -> NDArray[np.int64]:
    """What was `folded`; ArtifactError where it cannot have been."""
    if unsigned.dtype.kind != "u":
        raise ArtifactError(f"expected unsigned integers, found {unsigned.dtype}")
    wide = unsigned.astype(np.uint64)
    return (wide >> np.uint64(1)).view(np.int64) ^ -(wide & np.uint64(1)).view(np.int64)


def _decompressed(content: bytes, largest_bytes: int) -> bytes:
    if content[: len(MAGIC)] != MAGIC:
        raise ArtifactError("not a Driftmeter artifact: its first bytes are wrong")
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(content[len(MAGIC) :], largest_bytes)
    except zlib.error as error:
        raise ArtifactError(f"damaged: {error}") from error
    if not stream.eof:
        raise ArtifactError(f"cut short, or larger than {largest_bytes} bytes")
    return body


def _check_header(kind: str, header: Mapping[str, Any]) -> None:
    major = int(str(header["format"]).split(".")[0])
    if major != MAJOR:
        age = "newer" if major > MAJOR else "older"
        raise ArtifactError(f"format {header['format']} is {age} than this Driftmeter reads")
    if header["kind"] != kind:
        raise ArtifactError(f"expected a {kind}, found a {header['kind']}")
    if not isinstance(header["meta"], dict):
        raise ArtifactError("its JSON is not an object")


def _refuse_constant(name: str) -> None:
    raise ArtifactError(f"its JSON holds {name}")


def _arrays(declared: list[tuple[str, str, list[int]]], body: memoryview) -> Arrays:
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for name, dtype, shape in declared:
        if dtype not in _DTYPES or min(shape, default=0) < 0:
            raise ArtifactError(f"array {name!r} has type {dtype!r} and shape {shape}")
        end = start + np.dtype(dtype).itemsize * math.prod(shape)
        if end > len(body):
            raise ArtifactError(f"array {name!r} is cut short")
        arrays[name] = _from_planes(body[start:end], np.dtype(dtype)).reshape(shape)
        start = end
    if start != len(body):
        raise ArtifactError(f"{len(body) - start} bytes too many")
    return arrays


def _planes(array: NDArray[Any]) -> bytes:
    return np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes()


def _from_planes(planes: memoryview, dtype: np.dtype[Any]) -> NDArray[Any]:
    by_number = np.frombuffer(planes, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
    return np.frombuffer(by_number, dtype=dtype)


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"))
