import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.demo import kserve

NAMES = ("stop", "delay_s")
ROWS = st.lists(st.tuples(st.text(), st.none() | st.floats(allow_nan=False)), min_size=1)


def columns_of(rows: list[tuple[str, float | None]]) -> dict[str, list[object]]:
    return {"stop": [row[0] for row in rows], "delay_s": [row[1] for row in rows]}


@given(ROWS)
def test_v1_columns_are_what_was_requested(rows: list[tuple[str, float | None]]) -> None:
    columns = columns_of(rows)
    read = kserve.v1_columns(kserve.v1_request(columns), NAMES)
    assert {name: list(values) for name, values in read.items()} == columns


@given(ROWS)
def test_v2_columns_are_what_was_requested(rows: list[tuple[str, float | None]]) -> None:
    columns = columns_of(rows)
    assert kserve.v2_columns(kserve.v2_request("a", columns), NAMES) == columns


def test_v1_instances_may_be_objects_with_columns_left_out() -> None:
    body = {"instances": [{"delay_s": 3.0}, ["Central", 4.0]]}
    assert kserve.v1_columns(body, NAMES) == {"stop": (None, "Central"), "delay_s": (3.0, 4.0)}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ([], "'instances'"),
        ({"instances": []}, "'instances'"),
        ({"instances": [["Central"]]}, r"instances\[0\]"),
        ({"instances": [{"colour": 1}]}, "colour"),
    ],
)
def test_a_bad_v1_request_is_told_where(body: object, fault: str) -> None:
    with pytest.raises(kserve.RequestError, match=fault):
        kserve.v1_columns(body, NAMES)


@pytest.mark.parametrize(
    ("inputs", "fault"),
    [
        ("stop", "'inputs'"),
        ([{"name": "stop", "shape": [1], "data": ["Central"]}], "delay_s"),
        ([{"name": "stop", "shape": [2], "data": ["Central"]}], "'stop'"),
    ],
)
def test_a_bad_v2_request_is_told_where(inputs: object, fault: str) -> None:
    with pytest.raises(kserve.RequestError, match=fault):
        kserve.v2_columns({"inputs": inputs}, NAMES)


def test_predictions_are_found_in_answers_of_both_protocols() -> None:
    predicted = np.array([1.5, 2.0])
    v2 = kserve.v2_response(predicted, model="m", version=3, output="seats", request_id="a")
    assert v2["model_version"] == "3"
    assert v2["id"] == "a"
    for body in (kserve.v1_response(predicted), v2):
        assert np.array_equal(kserve.predictions(body), predicted)


def test_an_answer_without_predictions_is_an_error() -> None:
    with pytest.raises(ValueError, match="no predictions"):
        kserve.predictions({"error": "busy"})
