"""The bodies of KServe's two JSON protocols, as the demo's client and server speak them.

V1: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
V2: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
A missing value is null in both.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from detectors.columns import Floats

Values = Sequence[object]


class RequestError(ValueError):
    """The body does not follow the protocol; the message says where."""


def v1_request(columns: Mapping[str, Values]) -> dict[str, object]:
    """Rows as lists, in the order of `columns`."""
    return {"instances": [list(row) for row in zip(*columns.values(), strict=True)]}


def v1_columns(body: object, names: Sequence[str]) -> dict[str, Values]:
    """Columns of a V1 request whose instances are lists in the order of `names`, or objects."""
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list) or not instances:
        raise RequestError("'instances' must be a list of one or more rows")
    rows = [_row(instance, names, i) for i, instance in enumerate(instances)]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _row(instance: object, names: Sequence[str], i: int) -> Values:
    if isinstance(instance, dict):
        if unknown := sorted(instance.keys() - set(names)):
            raise RequestError(f"instances[{i}] has unknown columns: {', '.join(unknown)}")
        return [instance.get(name) for name in names]
    if isinstance(instance, list) and len(instance) == len(names):
        return instance
    raise RequestError(f"instances[{i}] must be an object, or a list of {len(names)} values")


def v1_response(predictions: Floats) -> dict[str, object]:
    return {"predictions": predictions.tolist()}


def v2_request(request_id: str, columns: Mapping[str, Values]) -> dict[str, object]:
    """One tensor a column, of shape [rows]."""
    return {"id": request_id, "inputs": [_tensor(name, values) for name, values in columns.items()]}


def v2_columns(body: object, names: Sequence[str]) -> dict[str, Values]:
    """Columns of a V2 request with one tensor for each of `names`, of one shape [rows]."""
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(tensor, dict) for tensor in inputs):
        raise RequestError("'inputs' must be a list of tensors")
    columns = {str(tensor.get("name")): _data(tensor) for tensor in inputs}
    if columns.keys() != set(names) or len(inputs) != len(names):
        raise RequestError(f"'inputs' must hold one tensor for each of: {', '.join(names)}")
    if any(len(left) != len(right) for left, right in pairwise(columns.values())):
        raise RequestError("all tensors must have the same shape")
    return columns


def _data(tensor: Mapping[str, object]) -> Values:
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list) or shape not in ([len(data)], [len(data), 1]) or not data:
        raise RequestError(f"tensor {tensor.get('name')!r} must hold [rows] values in 'data'")
    return data


def v2_response(
    predictions: Floats, *, model: str, version: int, output: str, request_id: object
) -> dict[str, object]:
    """One output tensor; the request's id is repeated where it had one."""
    answer: dict[str, object] = {"model_name": model, "model_version": str(version)}
    if request_id is not None:
        answer["id"] = request_id
    return answer | {"outputs": [_tensor(output, predictions.tolist())]}


def predictions(body: object) -> Floats:
    """The predictions in a response of either protocol. Raises ValueError where there are none."""
    match body:
        case {"predictions": list(values)}:
            return np.array(values, dtype=np.float64)
        case {"outputs": [{"data": list(values)}]}:
            return np.array(values, dtype=np.float64)
    raise ValueError("the model server's answer holds no predictions")


def _tensor(name: str, values: Values) -> dict[str, object]:
    datatype = "BYTES" if any(isinstance(value, str) for value in values) else "FP64"
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": list(values)}
