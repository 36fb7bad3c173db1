"""Tensors behind the JSON; the oracle packs them with `struct`, as the extension says."""

import struct
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.decoders import Columns, Decoded, DecodeError
from monitor.decoders.binary_tensors import split
from monitor.decoders.exchange import Headers
from monitor.decoders.open_inference_v2 import decode
from tests.support.exchanges import exchange, rows

HEADER = b"Inference-Header-Content-Length"
COLUMNS = Columns(["a", "b"], "prediction")
ANSWER = {"outputs": [{"name": "y", "shape": [2], "datatype": "FP64", "data": [5, 6]}]}

CODES = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


def tensor(name: str, shape: Sequence[int], datatype: str, n_bytes: int) -> dict[str, object]:
    parameters = {"binary_data_size": n_bytes}
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": parameters}


def body(tensors: Sequence[object], binary: bytes, key: str = "inputs") -> tuple[bytes, Headers]:
    head = orjson.dumps({"model_name": "mymodel", key: tensors})
    return head + binary, [(HEADER, str(len(head)).encode())]


def read(tensors: Sequence[object], binary: bytes, *, is_stated: bool = True) -> Decoded:
    request, headers = body(tensors, binary)
    return decode(exchange(request, ANSWER, headers if is_stated else ()), COLUMNS)


def element(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def test_the_extension_s_own_example() -> None:
    request, asked = body(
        [tensor("input0", [2, 2], "UINT32", 16), tensor("input1", [2], "BOOL", 2)],
        struct.pack("<4I2?", 1, 2, 3, 4, True, False),
    )
    response, answered = body(
        [tensor("output0", [2, 1], "FP32", 8)], struct.pack("<2f", 0.5, 0.25), "outputs"
    )
    assert len(request) == int(asked[0][1]) + 18
    with pytest.raises(DecodeError, match="tensor 'input0' has 2 columns"):
        decode(exchange(request, response, asked, answered), COLUMNS)
    one, asked = body([tensor("input0", [2, 2], "UINT32", 16)], struct.pack("<4I", 1, 2, 3, 4))
    assert rows(decode(exchange(one, response, asked, answered), COLUMNS)) == [
        {"a": 1, "b": 2, "prediction": 0.5},
        {"a": 3, "b": 4, "prediction": 0.25},
    ]


@pytest.mark.parametrize("datatype", CODES)
@given(data=st.data())
def test_numbers_are_what_was_packed(datatype: str, data: st.DataObject) -> None:
    code = f"<2{CODES[datatype]}"
    size = struct.calcsize(code)
    raw = data.draw(st.binary(min_size=size, max_size=size))
    decoded = read([tensor("a", [2], datatype, size)], raw)
    assert repr(list(decoded.columns["a"])) == repr(list(struct.unpack(code, raw)))


def test_bf16_is_the_upper_half_of_fp32() -> None:
    packed = b"".join(struct.pack("<f", value)[2:] for value in (1.5, -0.15625))
    decoded = read([tensor("a", [2], "BF16", 4), tensor("b", [2], "INT8", 2)], packed + b"\1\2")
    assert decoded.columns["a"] == [1.5, -0.15625]


@pytest.mark.parametrize("is_stated", [True, False])
def test_json_and_binary_tensors_mix(is_stated: bool) -> None:
    texts = element("Ærø {".encode()) + element(b"\xff\xfe")
    tensors = [
        tensor("b", [2], "BYTES", len(texts)),
        {"name": "ø", "shape": [2], "datatype": "INT64", "data": [7, 8]},
        tensor("a", [2, 1], "FP64", 16),
    ]
    decoded = read(tensors, texts + struct.pack("<2d", 1.5, 2.5), is_stated=is_stated)
    assert rows(decoded) == [
        {"b": "Ærø {", "ø": 7, "a": 1.5, "prediction": 5},
        {"b": b"\xff\xfe", "ø": 8, "a": 2.5, "prediction": 6},
    ]


@given(st.binary(max_size=40))
def test_whatever_follows_the_json_ends_where_it_ends(binary: bytes) -> None:
    assume(not binary or binary.strip(b" \t\r\n"))
    raw, headers = body([tensor("a {", [40], "UINT8", 40)], binary)
    assert split(raw, headers[0][1]) == split(raw, None)
    assert split(raw, None)[1] == binary


@pytest.mark.parametrize(
    ("tensors", "binary", "reason"),
    [
        ([tensor("a", [2], "FP64", 16)], bytes(15), "wrong length"),
        ([tensor("a", [2], "FP64", 16)], bytes(17), "wrong length"),
        ([tensor("a", [2], "FP64", 15)], bytes(15), "wrong length"),
        ([tensor("a", [2], "FP64", 8)], bytes(8), "wrong length"),
        ([tensor("a", [2], "FP64", -8)], b"", "wrong shape"),
        ([tensor("a", [2], "INT4", 1)], bytes(1), "binary tensors"),
        ([tensor("a", [1], "BYTES", 3)], bytes(3), "wrong length"),
        ([tensor("a", [1], "BYTES", 5)], b"\2\0\0\0x", "wrong length"),
        ([tensor("a", [2], "BYTES", 5)], b"\1\0\0\0x", "wrong length"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(
    tensors: list[object], binary: bytes, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        read(tensors, binary)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (b"0", "binary tensors"),
        (b"-1", "wrong length"),
        (b"x", "wrong length"),
        (b"9" * 5_000, "wrong length"),
        (b"1000", "wrong length"),
        (b"3", "not JSON"),
    ],
    ids=range(6),
)
def test_a_stated_length_that_cannot_be_is_refused(length: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(exchange(b'{"inputs": []}', ANSWER, [(HEADER, length)]), COLUMNS)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    "raw", [b'{"a": 1', b'{"a":' + b"[" * 100_000, b'{"a": ' + b"1" * 5_000 + b"}!", b'{"a": NaN}!']
)
def test_a_head_that_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="not JSON"):
        decode(exchange(raw, ANSWER), COLUMNS)
