import pytest

from monitor.decoders import Columns, DecodeError, claim
from monitor.decoders.torchserve import decode
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ([[1, "x"], [2, "y"]], [5, 6]),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], [[5], [6]]),
        ({"data": [[1, "x"], [2, "y"]]}, [5, 6]),
        ({"instances": [[1, "x"], [2, "y"]]}, {"predictions": [5, 6]}),
    ],
)
def test_a_list_is_of_rows(request_: object, response: object) -> None:
    assert rows(decode(exchange(request_, response), COLUMNS)) == [
        {"a": 1, "b": "x", "prediction": 5},
        {"a": 2, "b": "y", "prediction": 6},
    ]


@pytest.mark.parametrize("response", [5, [5], {"score": 5}, [{"score": 5}]])
def test_an_object_is_one_row(response: object) -> None:
    decoded = decode(exchange({"a": 1, "b": "x"}, response), COLUMNS)
    assert rows(decoded) == [{"a": 1, "b": "x", "prediction": 5}]


def test_an_answer_of_the_documentation() -> None:
    answer = b'{"class": "n02123045 tabby, tabby cat", "probability": 0.42514491081237793}'
    decoded = decode(exchange({"a": 1, "b": 2}, answer), COLUMNS)
    assert decoded.columns["class"] == ["n02123045 tabby, tabby cat"]
    assert decoded.columns["probability"] == [0.42514491081237793]


@pytest.mark.parametrize(
    ("request_", "response", "reason"),
    [
        (b"\xff\xd8\xff\xe0 a picture", 5, "not JSON"),
        ("a sentence", 5, "wrong shape"),
        (None, 5, "wrong shape"),
        ([1, 2, 3], [5], "wrong shape"),
        ([[1, 2], 3], [5, 6], "wrong shape"),
        ([[1, 2], [3, 4]], 5, "wrong length"),
        ([[1, 2]], [[5, 6]], "wrong shape"),
        ({}, 5, "wrong shape"),
    ],
)
def test_what_is_no_rows_is_refused(request_: object, response: object, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(exchange(request_, response), COLUMNS)
    assert error.value.reason == reason


def test_a_version_in_the_path_is_not_part_of_the_model() -> None:
    claimed = claim("/predictions/resnet-18/2.0")
    assert claimed is not None
    assert claimed.model == "resnet-18"
