"""Examples from https://github.com/kserve/open-inference-protocol."""

from collections.abc import Sequence

import pytest

from monitor.decoders import Columns, Decoded, DecodeError, claim
from monitor.decoders.open_inference_v2 import decode
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


def tensor(name: str, shape: list[int], data: object) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def v2(*inputs: object, outputs: Sequence[object], columns: Columns = COLUMNS) -> Decoded:
    return decode(exchange({"inputs": inputs}, {"outputs": outputs}), columns)


def test_the_iris_of_kserve() -> None:
    features = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    request = {
        "inputs": [
            {
                "name": "input-0",
                "shape": [2, 4],
                "datatype": "FP32",
                "data": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]],
            }
        ]
    }
    response = {
        "id": "823248cc-d770-4a51-9606-16803395569c",
        "model_name": "sklearn-v2-iris",
        "model_version": "v1.0.0",
        "outputs": [{"data": [1, 1], "datatype": "INT64", "name": "predict", "shape": [2]}],
    }
    decoded = decode(exchange(request, response), Columns(features, "species"))
    assert rows(decoded)[0] == dict(zip(features, [6.8, 2.8, 4.8, 1.4], strict=True)) | {
        "species": 1
    }
    assert decoded.model_version == "v1.0.0"


@pytest.mark.parametrize(
    ("path", "said", "version"),
    [
        ("/v2/models/m/versions/7/infer", {}, "7"),
        ("/v2/models/m/versions/7/infer?x=1", {"model_version": "8"}, "8"),
        ("/v2/models/m/infer", {"model_version": 8}, ""),
        ("/v2/models/m/infer", {}, ""),
    ],
)
def test_the_version_is_the_one_that_answered_or_else_the_one_asked(
    path: str, said: dict[str, object], version: str
) -> None:
    request = {"inputs": [tensor("x", [1, 2], [1, 2])]}
    response = {"outputs": [tensor("y", [1], [5])], **said}
    asked = exchange(request, response, path=path)
    assert decode(asked, Columns(["a", "b"], "prediction")).model_version == version


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_one_tensor_holds_all_columns_in_their_order(data: object) -> None:
    decoded = v2(tensor("input-0", [2, 2], data), outputs=[tensor("y", [2, 1], [[5], [6]])])
    assert rows(decoded) == [
        {"a": 1, "b": 2, "prediction": 5},
        {"a": 3, "b": 4, "prediction": 6},
    ]


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([tensor("x", [1, 3], [1, 2, 3])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], [1, 2, 3])], [tensor("y", [1], [5])], "wrong length"),
        ([tensor("x", [1, 2], [1, 2])], [tensor("y", [2], [5, 6])], "wrong length"),
        ([tensor("x", [1, 1, 2], [1, 2])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [2, -1], [1, 2])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], [[1, 2], 3])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], None)], [tensor("y", [1], [5])], "wrong shape"),
        ([7], [tensor("y", [1], [5])], "wrong shape"),
        ([], [], "wrong shape"),
    ],
)
def test_tensors_that_are_none_are_refused(
    inputs: list[object], outputs: list[object], reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        v2(*inputs, outputs=outputs)
    assert error.value.reason == reason


def test_a_version_in_the_path_is_not_part_of_the_model() -> None:
    claimed = claim("/v2/models/free%20seats/versions/3/infer")
    assert claimed is not None
    assert claimed.model == "free seats"
