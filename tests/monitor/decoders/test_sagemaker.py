"""With the formats of SageMaker's documentation on common data formats for inference."""

import pytest

from monitor.decoders import Columns, DecodeError, sagemaker
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


def read(request: object, response: object, columns: Columns = COLUMNS) -> list[dict[str, object]]:
    return rows(sagemaker.decode(exchange(request, response), columns))


@pytest.mark.parametrize(
    "request_body",
    [
        b"1,x\n2.5,\n",
        b'1,"x"\r\n2.5,""\r\n',
        {"instances": [{"features": [1, "x"]}, {"features": [2.5, None]}]},
        {"instances": [[1, "x"], [2.5, None]]},
        {"instances": [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}]},
        {
            "instances": [
                {"data": {"features": {"values": [1, "x"]}}},
                {"data": {"features": {"values": [2.5, None]}}},
            ]
        },
        b'{"features": [1, "x"]}\n{"features": [2.5, null]}\n',
        b'{"a": 1, "b": "x"}\n\n{"a": 2.5}',
    ],
    ids=range(8),
)
@pytest.mark.parametrize(
    "answer",
    [
        b"5\n6.5",
        b"5,6.5",
        {"predictions": [5, 6.5]},
        {"predictions": [{"score": 5}, {"score": 6.5}]},
        b'{"score": 5}\n{"score": 6.5}',
        [5, 6.5],
    ],
    ids=range(6),
)
def test_each_form_says_the_same(request_body: object, answer: object) -> None:
    assert read(request_body, answer) == [
        {"a": 1, "b": "x", "prediction": 5},
        {"a": 2.5, "b": None, "prediction": 6.5},
    ]


def test_several_answers_a_row_keep_their_names() -> None:
    answer = {"predictions": [{"score": 0.4, "predicted_label": 0}]}
    assert read(b"1,x", answer) == [{"a": 1, "b": "x", "score": 0.4, "predicted_label": 0}]


def test_one_row_may_be_an_object() -> None:
    assert read({"a": 1, "b": "x"}, b"5") == [{"a": 1, "b": "x", "prediction": 5}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("inf", float("inf")),
        ("1_000", "1_000"),
        ("0x1", "0x1"),
        ("9" * 30, float("9" * 30)),
        ("", None),
        ("no", "no"),
    ],
)
def test_a_cell_is_a_number_where_it_is_written_as_one(text: str, value: object) -> None:
    assert read(f"{text},x".encode(), b"5")[0]["a"] == value


@pytest.mark.parametrize(
    ("request_body", "answer", "reason"),
    [
        (b"\xff\xfe", b"5", "not CSV"),
        (b'1,"x', b"5", "not CSV"),
        (b"1," + b"x" * 200_000, b"5", "not CSV"),
        (b"1,x\n2", b"5\n6", "wrong shape"),
        (b"", b"5", "wrong shape"),
        (b"1,x", b"5\n6\n7", "wrong length"),
        (b'{"instances": 1}', b"5", "wrong shape"),
        (b'{"a": 1}\n{"a": ', b"5", "not JSON"),
    ],
    ids=range(8),
)
def test_what_is_none_of_them_has_a_reason(request_body: bytes, answer: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        read(request_body, answer)
    assert error.value.reason == reason
