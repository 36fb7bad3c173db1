import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from detectors.artifact import (
    MAGIC,
    MAJOR,
    MINOR,
    Artifact,
    ArtifactError,
    combined,
    folded,
    pack,
    parts_of,
    unfolded,
    unpack,
)

SMALL = Artifact({"n": 3, "name": "Straße"}, {"a": np.arange(6).reshape(2, 3)})
ARRAYS = st.sampled_from(["u1", "u2", "i2", "i8", "f4", "f8"]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0, max_dims=3))
)


@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
def test_arrays_come_back_as_they_were(content: dict[str, np.ndarray]) -> None:
    read = unpack("test", pack("test", Artifact({}, content)))
    assert read.arrays.keys() == content.keys()
    for name, array in content.items():
        np.testing.assert_array_equal(read.arrays[name], array, strict=True)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert pack("test", SMALL) == pack("test", SMALL)


def test_what_is_read_cannot_be_written_to() -> None:
    assert not unpack("test", pack("test", SMALL)).arrays["a"].flags.writeable


def test_parts_come_back_by_name() -> None:
    parts = parts_of(combined({"x": SMALL, "y": combined({"z": SMALL})}))
    inner = parts_of(parts["y"])["z"]
    assert inner.meta == parts["x"].meta == SMALL.meta
    np.testing.assert_array_equal(inner.arrays["a"], SMALL.arrays["a"])


def with_header(**changes: object) -> bytes:
    header = {
        "kind": "test",
        "format": f"{MAJOR}.0",
        "meta": {},
        "arrays": [["a", "<i8", [2]]],
    } | changes
    encoded = json.dumps(header).encode()
    body = len(encoded).to_bytes(4, "little") + encoded + bytes(16)
    return MAGIC + zlib.compress(body)


@pytest.mark.parametrize("minor", [0, MINOR, MINOR + 7])
def test_an_older_and_a_newer_minor_version_are_read(minor: int) -> None:
    content = with_header(format=f"{MAJOR}.{minor}", novelty=True)
    assert unpack("test", content).arrays["a"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first bytes"),
        (b"PK\x03\x04" + bytes(40), "first bytes"),
        (MAGIC + b"nonsense", "damaged"),
        (pack("test", SMALL)[:-9], "cut short"),
        (pack("other", SMALL), "expected a test, found a other"),
        (with_header(format=f"{MAJOR + 1}.0"), "newer"),
        (with_header(format=f"{MAJOR - 1}.9"), "older"),
        (with_header(format="new"), "damaged header"),
        (with_header(arrays=[["a", "|O", [2]]]), "type"),
        (with_header(arrays=[["a", "<i8", [-2]]]), "shape"),
        (with_header(arrays=[["a", "<i8", [3]]]), "cut short"),
        (with_header(arrays=[["a", "<i8", [1]]]), "too many"),
        (with_header(arrays=[["a", "<i8", ["2"]]]), "damaged header"),
        (with_header(meta=[]), "not an object"),
        (with_header(meta={"x": float("nan")}), "NaN"),
        (with_header(arrays=5), "damaged header"),
        (with_header(arrays=None), "damaged header"),
        (MAGIC + zlib.compress(b"\xff\xff\xff\xff"), "damaged header"),
        (MAGIC + zlib.compress(b"\x02\0\0\0[]"), "damaged header"),
        (MAGIC + zlib.compress(b"\x06\0\0\0" + b"[" * 6), "damaged header"),
    ],
)
def test_damaged_bytes_are_refused_with_a_reason(content: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        unpack("test", content)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = MAGIC + zlib.compress(bytes(10_000_000))
    with pytest.raises(ArtifactError, match="larger than 1000000 bytes"):
        unpack("test", bomb, largest_bytes=1_000_000)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_flipped_byte_is_found_or_harmless(at: int, flip: int) -> None:
    content = bytearray(pack("test", SMALL))
    content[at % len(content)] ^= flip
    try:
        read = unpack("test", bytes(content))
    except ArtifactError:
        return
    # Some bits of the compression's own header say nothing.
    np.testing.assert_array_equal(read.arrays["a"], SMALL.arrays["a"])


@given(arrays(np.int64, st.integers(0, 20)))
def test_signed_integers_come_back_from_unsigned_ones(signed: np.ndarray) -> None:
    assert unfolded(folded(signed)).tolist() == signed.tolist()


def test_small_integers_of_either_sign_are_stored_in_one_byte() -> None:
    assert folded(np.array([0, -1, 1, -128, 127])).tolist() == [0, 1, 2, 255, 254]
    assert folded(np.array([0, -128])).dtype == np.uint8


def test_what_was_not_folded_is_refused() -> None:
    with pytest.raises(ArtifactError, match="unsigned"):
        unfolded(np.zeros(2))
