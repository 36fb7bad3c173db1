"""Requests to the model of `seats`, in the formats of the servers."""

import json
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.real_servers import seats

Rides = Sequence[Mapping[str, float | int | str | bool]]

STOPS = ("harbour", "station", "Zoologischer Garten Süd")
DATATYPES = {"headway": "FP64", "boarded": "INT64", "stop": "BYTES", "rain": "BOOL"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Call:
    """A POST, and the rides that it is of."""

    id: str
    rides: Rides
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def rides(n: int, seed: int) -> Rides:
    """As many rows, the same for the same seed."""
    dice = random.Random(seed)
    return [
        {
            "headway": round(dice.uniform(2, 30), 3),
            "boarded": dice.randrange(200),
            "stop": dice.choice(STOPS),
            "rain": dice.random() < 0.3,
        }
        for _ in range(n)
    ]


def kserve_v1(id_: str, rides: Rides) -> Call:
    """KServe V1."""
    return Call(id_, rides, f"/v1/models/{seats.NAME}:predict", _json({"instances": rides}))


def open_inference(id_: str, rides: Rides) -> Call:
    """Open Inference V2, all in JSON."""
    inputs = [{**_tensor(name, rides), "data": [r[name] for r in rides]} for name in DATATYPES]
    path = f"/v2/models/{seats.NAME}/infer"
    return Call(id_, rides, path, _json({"id": id_, "inputs": inputs}))


def open_inference_binary(id_: str, rides: Rides) -> Call:
    """Open Inference V2 with binary tensors, which are asked for in the answer too."""
    tensors = [packed(name, rides) for name in DATATYPES]
    inputs = [
        {**_tensor(name, rides), "parameters": {"binary_data_size": len(raw)}}
        for name, raw in zip(DATATYPES, tensors, strict=True)
    ]
    head = _json({"id": id_, "inputs": inputs, "parameters": {"binary_data_output": True}})
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    path = f"/v2/models/{seats.NAME}/infer"
    return Call(id_, rides, path, head + b"".join(tensors), headers)


def mlflow_split(id_: str, rides: Rides) -> Call:
    """MLflow, with a table as pandas splits it."""
    table = {"columns": list(DATATYPES), "data": [list(ride.values()) for ride in rides]}
    return Call(id_, rides, "/invocations", _json({"dataframe_split": table}))


def mlflow_records(id_: str, rides: Rides) -> Call:
    """MLflow, with rows as objects."""
    return Call(id_, rides, "/invocations", _json({"dataframe_records": rides}))


def bentoml(id_: str, rides: Rides) -> Call:
    """The API of `bentoml_seats`."""
    return Call(id_, rides, "/predict", _json({"rows": rides}))


def packed(name: str, rides: Rides) -> bytes:
    """A column as a binary tensor: little-endian, texts behind their lengths."""
    values = [ride[name] for ride in rides]
    if name == "stop":
        texts = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    letter = {"FP64": "d", "INT64": "q", "BOOL": "?"}[DATATYPES[name]]
    return struct.pack(f"<{len(values)}{letter}", *values)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _tensor(name: str, rides: Rides) -> dict[str, object]:
    return {"name": name, "shape": [len(rides)], "datatype": DATATYPES[name]}
