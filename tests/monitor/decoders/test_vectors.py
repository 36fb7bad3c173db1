"""A feature that is a vector, an embedding say, in the bodies of every format that nests rows."""

from collections.abc import Callable

import pytest

from monitor.decoders import Columns, Decoded, open_inference_v2, seldon_v1, tf_serving, torchserve
from monitor.decoders.exchange import Exchange
from tests.support.exchanges import exchange, rows

ALONE = Columns(["face"], "prediction", frozenset({"face"}))
AMONG = Columns(["face", "price"], "prediction", frozenset({"face"}))
TWO = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
EXPECTED = [{"face": TWO[0], "prediction": 5}, {"face": TWO[1], "prediction": 6}]

Decode = Callable[[Exchange, Columns], Decoded]


def tensor(name: str, shape: list[int], data: object) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": "FP32", "data": data}


ANSWER = {"predictions": [5, 6]}
TENSORS = {"outputs": [tensor("y", [2], [5, 6])]}
NDARRAY = {"data": {"ndarray": [5, 6]}}


@pytest.mark.parametrize(
    ("decode", "request_", "response"),
    [
        (tf_serving.decode, {"instances": TWO}, ANSWER),
        (tf_serving.decode, {"instances": [{"face": v} for v in TWO]}, ANSWER),
        (tf_serving.decode, {"inputs": TWO}, {"outputs": [5, 6]}),
        (tf_serving.decode, {"inputs": {"face": TWO}}, {"outputs": [5, 6]}),
        (torchserve.decode, {"data": TWO}, ANSWER),
        (seldon_v1.decode, {"data": {"ndarray": TWO}}, NDARRAY),
        (open_inference_v2.decode, {"inputs": [tensor("x", [2, 3], TWO)]}, TENSORS),
        (open_inference_v2.decode, {"inputs": [tensor("x", [2, 3], [*TWO[0], *TWO[1]])]}, TENSORS),
    ],
)
def test_a_row_of_numbers_is_the_vector_that_is_the_only_feature(
    decode: Decode, request_: object, response: object
) -> None:
    assert rows(decode(exchange(request_, response), ALONE)) == EXPECTED


def test_a_tensor_among_others_may_be_of_vectors() -> None:
    tensors = [tensor("face", [2, 3], TWO), tensor("price", [2], [1, 2])]
    decoded = open_inference_v2.decode(exchange({"inputs": tensors}, TENSORS), AMONG)
    assert rows(decoded) == [
        {"face": TWO[0], "price": 1, "prediction": 5},
        {"face": TWO[1], "price": 2, "prediction": 6},
    ]


def test_rows_of_features_may_hold_a_vector_each() -> None:
    instances = [[TWO[0], 1], [TWO[1], 2]]
    decoded = tf_serving.decode(exchange({"instances": instances}, ANSWER), AMONG)
    assert rows(decoded)[0] == {"face": TWO[0], "price": 1, "prediction": 5}


def test_a_vector_alone_in_its_row_is_itself() -> None:
    decoded = tf_serving.decode(exchange({"instances": [[v] for v in TWO]}, ANSWER), ALONE)
    assert rows(decoded) == EXPECTED
