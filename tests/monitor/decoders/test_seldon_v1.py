"""Examples from Seldon Core's documentation of its external prediction API."""

import pytest

from monitor.decoders import Columns, DecodeError, claim
from monitor.decoders.seldon_v1 import decode
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")
ANSWER = {"data": {"names": ["t:0"], "ndarray": [[5], [6]]}, "meta": {"puid": "abc"}}


@pytest.mark.parametrize(
    "data",
    [
        {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [0, 0, 1, 1]}},
        {"names": ["a", "b"], "ndarray": [[0, 0], [1, 1]]},
        {"names": [], "ndarray": [[0, 0], [1, 1]]},
        {"tensor": {"shape": [2, 2], "values": [0, 0, 1, 1]}},
    ],
)
def test_rows_as_an_array_or_as_a_tensor(data: object) -> None:
    assert rows(decode(exchange({"data": data}, ANSWER), COLUMNS)) == [
        {"a": 0, "b": 0, "prediction": 5},
        {"a": 1, "b": 1, "prediction": 6},
    ]


def test_several_outputs_are_called_what_the_model_calls_them() -> None:
    request = {"data": {"ndarray": [[5.1, 3.5]]}}
    response = {"data": {"names": ["setosa", "virginica"], "ndarray": [[0.9, 0.1]]}}
    decoded = decode(exchange(request, response), COLUMNS)
    assert rows(decoded) == [{"a": 5.1, "b": 3.5, "setosa": 0.9, "virginica": 0.1}]


def test_an_answer_of_shape_n() -> None:
    response = {"data": {"tensor": {"shape": [1], "values": [7]}}}
    decoded = decode(exchange({"data": {"ndarray": [[1, 2]]}}, response), COLUMNS)
    assert rows(decoded) == [{"a": 1, "b": 2, "prediction": 7}]


def test_an_ingress_names_the_deployment() -> None:
    claimed = claim("/seldon/models/free%20seats/api/v1.0/predictions")
    assert claimed is not None
    assert (claimed.decoder.name, claimed.model) == ("seldon-v1", "free seats")


@pytest.mark.parametrize(
    "message",
    [
        {"strData": "hello"},
        {"jsonData": {"a": 1}},
        {"data": {"tftensor": {}}},
        {"data": {"tensor": {"shape": [2, 2], "values": [1]}}},
        {"data": {"tensor": {"shape": [2, 0], "values": []}}},
        {"data": {"tensor": {"shape": [1, 1, 1], "values": [1]}}},
        {"data": {"names": ["a"], "ndarray": [[1, 2]]}},
    ],
)
def test_what_holds_no_rows_is_refused(message: object) -> None:
    with pytest.raises(DecodeError, match="wrong shape"):
        decode(exchange(message, ANSWER), COLUMNS)


def test_several_outputs_without_names_are_refused() -> None:
    response = {"data": {"ndarray": [[0.9, 0.1]]}}
    with pytest.raises(DecodeError, match="several outputs"):
        decode(exchange({"data": {"ndarray": [[1, 2]]}}, response), COLUMNS)
