"""Examples from https://www.tensorflow.org/tfx/serving/api_rest and from KServe's V1 protocol."""

import pytest

from monitor.decoders import Columns, Decoded, DecodeError, claim
from monitor.decoders.tf_serving import decode
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


def v1(instances: object, predictions: object, columns: Columns = COLUMNS) -> Decoded:
    return decode(exchange({"instances": instances}, {"predictions": predictions}), columns)


def test_half_plus_three() -> None:
    request, response = b'{"instances": [1.0,2.0,5.0]}', b'{\n    "predictions": [3.5, 4.0, 5.5]\n}'
    decoded = decode(exchange(request, response), Columns(["x"], "y"))
    assert rows(decoded) == [{"x": 1.0, "y": 3.5}, {"x": 2.0, "y": 4.0}, {"x": 5.0, "y": 5.5}]


def test_the_iris_of_kserve() -> None:
    features = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    request = b'{"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}'
    decoded = decode(exchange(request, b'{"predictions":[1,1]}'), Columns(features, "species"))
    assert rows(decoded)[1] == {
        "sepal_length": 6.0,
        "sepal_width": 3.4,
        "petal_length": 4.5,
        "petal_width": 1.6,
        "species": 1,
    }


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"b": ["x", "y"], "a": [1, 2]}, [5, 6]),
        ({"b": ["x", "y"], "a": [1, 2]}, {"anything": [5, 6]}),
        ({"b": [["x"], ["y"]], "a": [[1], [2]]}, [[5], [6]]),
        ([[1, "x"], [2, "y"]], [5, 6]),
    ],
)
def test_columns_with_and_without_names(inputs: object, outputs: object) -> None:
    decoded = decode(exchange({"inputs": inputs}, {"outputs": outputs}), COLUMNS)
    assert rows(decoded) == [
        {"a": 1, "b": "x", "prediction": 5},
        {"a": 2, "b": "y", "prediction": 6},
    ]


def test_kserve_answers_inputs_with_predictions() -> None:
    decoded = decode(exchange({"inputs": [[1, "x"]]}, {"predictions": [5]}), COLUMNS)
    assert rows(decoded) == [{"a": 1, "b": "x", "prediction": 5}]


def test_several_output_columns_keep_their_names() -> None:
    answer = {"outputs": {"prediction": [5], "spread": [2]}}
    decoded = decode(exchange({"inputs": {"a": [1]}}, answer), COLUMNS)
    assert rows(decoded) == [{"a": 1, "prediction": 5, "spread": 2}]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/half%20plus:predict",
        "/v1/models/half%20plus/versions/123:predict",
        "/v1/models/half%20plus/labels/stable:predict",
    ],
)
def test_a_version_in_the_path_is_not_part_of_the_model(path: str) -> None:
    claimed = claim(path)
    assert claimed is not None
    assert claimed.model == "half plus"


@pytest.mark.parametrize(
    ("instances", "predictions"),
    [
        ([[1, "x"]], [5]),
        ([[1, "x"]], [[5]]),
        ([[1, "x"]], [{"anything": 5}]),
        ([{"b": "x", "a": 1}], [5]),
        ([{"b": ["x"], "a": [1]}], [{"anything": [5]}]),
    ],
)
def test_rows_may_be_lists_or_objects(instances: object, predictions: object) -> None:
    assert rows(v1(instances, predictions)) == [{"a": 1, "b": "x", "prediction": 5}]


def test_objects_may_lack_keys() -> None:
    decoded = v1([{"a": 1}, {"b": 2}], [5, 6])
    assert decoded.columns["a"] == [1, None]
    assert decoded.columns["b"] == [None, 2]


def test_several_outputs_a_row_keep_their_names() -> None:
    decoded = v1([[1, "x"]], [{"prediction": 5, "spread": 2}])
    assert rows(decoded) == [{"a": 1, "b": "x", "prediction": 5, "spread": 2}]


def test_columns_without_names_are_numbered_while_there_is_no_schema() -> None:
    assert list(v1([[1, 2]], [5], Columns([], "y")).columns) == ["feature_0", "feature_1", "y"]


@pytest.mark.parametrize(
    ("instances", "predictions", "reason"),
    [
        ([[1, "x"]], [5, 6], "wrong length"),
        ([], [], "wrong shape"),
        ([[1]], [5], "wrong shape"),
        ([[1, 2], [1]], [5, 6], "wrong shape"),
        ([[1, 2], {"a": 1}], [5, 6], "wrong shape"),
        ([{"a": 1}, [1, 2]], [5, 6], "wrong shape"),
        ([[1, 2]], [[5, 6]], "wrong shape"),
        ({"a": [1]}, [5], "wrong shape"),
    ],
)
def test_rows_that_are_none_are_refused(
    instances: object, predictions: object, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        v1(instances, predictions)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"inputs": {"a": [1], "b": [1, 2]}}, "wrong length"),
        ({"inputs": {"a": [1], "b": []}}, "wrong length"),
        ({"inputs": {"a": [], "b": []}}, "wrong shape"),
        ({"inputs": {"a": [1], "b": 2}}, "wrong shape"),
        ({"inputs": {}}, "wrong shape"),
        ({"inputs": [[1, 2]], "instances": [[1, 2]]}, "wrong shape"),
    ],
)
def test_columns_that_are_none_are_refused(request_: object, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(exchange(request_, {"outputs": [5]}), COLUMNS)
    assert error.value.reason == reason
