"""Examples from https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally."""

import pytest

from monitor.decoders import Columns, DecodeError
from monitor.decoders.mlflow import decode
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


def test_tensor_inputs_in_the_order_of_the_features() -> None:
    request = b'{"inputs": [[1, 2], [3, 4], [5, 6]]}'
    decoded = decode(exchange(request, b'{"predictions": [0.1, NaN, 0.3]}'), COLUMNS)
    assert rows(decoded)[2] == {"a": 5, "b": 6, "prediction": 0.3}
    assert str(decoded.columns["prediction"][1]) == "nan"


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_split": {"columns": ["b", "a"], "index": [0, 1], "data": [["x", 1], ["y", 2]]}},
        {"dataframe_split": {"columns": [0, 1], "data": [[1, "x"], [2, "y"]]}},
        {"dataframe_split": {"data": [[1, "x"], [2, "y"]]}},
        {"dataframe_records": [{"a": 1, "b": "x"}, {"b": "y", "a": 2}]},
        {"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        {"instances": [[1, "x"], [2, "y"]], "params": {"temperature": 0.5}},
        {"inputs": {"a": [1, 2], "b": ["x", "y"]}},
        {"inputs": {"a": [[1], [2]], "b": ["x", "y"]}},
    ],
)
@pytest.mark.parametrize(
    "predictions",
    [[5, 6], [[5], [6]], [{"0": 5}, {"0": 6}], {"score": [5, 6]}],
)
def test_a_table_in_any_form(request_: object, predictions: object) -> None:
    decoded = decode(exchange(request_, {"predictions": predictions}), COLUMNS)
    assert rows(decoded) == [
        {"a": 1, "b": "x", "prediction": 5},
        {"a": 2, "b": "y", "prediction": 6},
    ]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"inputs": [[1, 2]], "instances": [[1, 2]]}, "wrong shape"),
        ({"messages": [{"role": "user", "content": "hello"}]}, "wrong shape"),
        ({"dataframe_split": [[1, 2]]}, "wrong shape"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "wrong shape"),
        ({"dataframe_records": {"a": [1]}}, "wrong shape"),
        ({"inputs": "a question"}, "wrong shape"),
        ({"inputs": [[1, 2], [3, 4]]}, "wrong length"),
        (b"a,b\n1,2\n", "not JSON"),
    ],
)
def test_what_is_no_table_is_refused(request_: object, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(exchange(request_, {"predictions": [5]}), COLUMNS)
    assert error.value.reason == reason
