import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decoders import Columns, DecodeError, open_inference_grpc
from tests.support.exchanges import exchange, rows
from tests.support.model_infer import request, response

COLUMNS = Columns(["a", "b"], "prediction")
ANSWER = response(
    model_name="seats",
    outputs=[
        {"name": "y", "datatype": "FP64", "shape": [2], "contents": {"fp64_contents": [5, 6]}}
    ],
)


def decoded(sent: bytes, answered: bytes = ANSWER) -> list[dict[str, object]]:
    return rows(open_inference_grpc.decode(exchange(sent, answered), COLUMNS))


def tensor(name: str, datatype: str, **contents: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [2], "contents": contents}


def test_a_tensor_for_each_column() -> None:
    sent = request(
        model_name="seats",
        id="17",
        inputs=[
            tensor("a", "INT32", int_contents=[-1, 2]),
            tensor("b", "BYTES", bytes_contents=[b"x", b"\xff"]),
        ],
    )
    assert decoded(sent) == [
        {"a": -1, "b": "x", "prediction": 5.0},
        {"a": 2, "b": b"\xff", "prediction": 6.0},
    ]


@pytest.mark.parametrize(
    ("datatype", "field", "numbers"),
    [
        ("BOOL", "bool_contents", [True, False]),
        ("INT8", "int_contents", [-128, 127]),
        ("INT64", "int64_contents", [-(2**63), 2**63 - 1]),
        ("UINT32", "uint_contents", [0, 2**32 - 1]),
        ("UINT64", "uint64_contents", [0, 2**64 - 1]),
        ("FP32", "fp32_contents", [0.5, float("-inf")]),
        ("FP64", "fp64_contents", [1e308, -0.1]),
    ],
)
def test_numbers_of_every_type(datatype: str, field: str, numbers: list[Any]) -> None:
    sent = request(
        inputs=[
            tensor("a", datatype, **{field: numbers}),
            tensor("b", datatype, **{field: numbers}),
        ]
    )
    assert [row["a"] for row in decoded(sent)] == numbers


def test_raw_contents_are_those_of_the_tensors_in_their_order() -> None:
    sent = request(
        inputs=[
            {"name": "a", "datatype": "FP16", "shape": [2]},
            {"name": "b", "datatype": "BYTES", "shape": [2, 1]},
        ],
        raw_input_contents=[
            np.array([0.5, 2.0], dtype="<f2").tobytes(),
            struct.pack("<I1sI2s", 1, b"x", 2, b"yz"),
        ],
    )
    assert [(row["a"], row["b"]) for row in decoded(sent)] == [(0.5, "x"), (2.0, "yz")]


def test_one_tensor_of_rows_has_the_monitors_columns() -> None:
    one = {"name": "rows", "datatype": "FP32", "shape": [2, 2]}
    sent = request(inputs=[{**one, "contents": {"fp32_contents": [1, 2, 3, 4]}}])
    assert [(row["a"], row["b"]) for row in decoded(sent)] == [(1.0, 2.0), (3.0, 4.0)]


def test_a_message_behind_its_grpc_frame_is_the_message() -> None:
    sent = request(
        inputs=[
            tensor("a", "FP64", fp64_contents=[1, 2]),
            tensor("b", "FP64", fp64_contents=[1, 2]),
        ]
    )
    framed = [struct.pack(">?I", False, len(body)) + body for body in (sent, ANSWER)]
    assert decoded(*framed) == decoded(sent)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "wrong shape"),
        (b"\x00", "not protobuf"),
        (b"\x2a\x05ab", "not protobuf"),
        (b"\x0b", "not protobuf"),  # a group, which proto3 has no more
        (b"\xff" * 11, "not protobuf"),
        (b"\x2a\x02\x0a\xff", "not protobuf"),
        (struct.pack(">?I", True, 2) + b"ab", "unknown encoding"),
        (request(inputs=[tensor("a", "FP64", fp64_contents=[1])]), "wrong length"),
        (
            request(inputs=[tensor("a", "FP64")], raw_input_contents=[b"", b""]),
            "wrong length",
        ),
        (request(inputs=[tensor("a", "FP99")], raw_input_contents=[b"1"]), "binary tensors"),
    ],
)
def test_what_is_no_such_message_has_a_reason(sent: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        decoded(sent)
    assert error.value.reason == reason


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_a_reason(sent: bytes) -> None:
    try:
        decoded(sent)
    except DecodeError:
        return


def test_the_answer_names_the_version_of_the_model() -> None:
    x = tensor("a", "FP64", fp64_contents=[1, 2])
    y = {**tensor("y", "FP64", fp64_contents=[5, 6])}
    sent = exchange(request(inputs=[x]), response(model_version="7", outputs=[y]))
    assert open_inference_grpc.decode(sent, Columns(["a"], "prediction")).model_version == "7"
