"""Requests in the formats of model servers, against the formats' definitions."""

import json
import struct

import numpy as np

from benchmarks.real_servers import requests, seats


def test_the_same_seed_makes_the_same_rides() -> None:
    assert requests.rides(5, seed=3) == requests.rides(5, seed=3)
    assert requests.rides(5, seed=3) != requests.rides(5, seed=4)


def test_binary_tensors_follow_the_json_in_its_order() -> None:
    call = requests.open_inference_binary("a", requests.rides(2, seed=1))
    length = int(call.headers["Inference-Header-Content-Length"])
    head, binary = json.loads(call.body[:length]), call.body[length:]
    sizes = [tensor["parameters"]["binary_data_size"] for tensor in head["inputs"]]
    assert sum(sizes) == len(binary)
    assert np.frombuffer(binary[:16], "<f8").tolist() == [r["headway"] for r in call.rides]
    assert np.frombuffer(binary[16:32], "<i8").tolist() == [r["boarded"] for r in call.rides]
    first = str(call.rides[0]["stop"]).encode()
    assert binary[32:].startswith(struct.pack("<I", len(first)) + first)


def test_the_model_is_a_sum_of_its_columns() -> None:
    columns = {"headway": [2.0, 4.0], "boarded": [8, 0], "stop": ["harbour", "x"], "rain": [0, 1]}
    assert seats.predict(columns).tolist() == [3 * 2 - 2 + 10, 3 * 4 - 1.5]
