import pytest

from monitor.decoders import Columns, DecodeError, bentoml
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")
TWO = [{"a": 1, "b": "x", "prediction": 5}, {"a": 2, "b": "y", "prediction": 6}]


def read(request: object, response: object, columns: Columns = COLUMNS) -> list[dict[str, object]]:
    return rows(bentoml.decode(exchange(request, response), columns))


@pytest.mark.parametrize(
    "request_body",
    [
        {"input_array": [[1, "x"], [2, "y"]]},
        {"frame": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        {"frame": {"a": [1, 2], "b": ["x", "y"]}},
        {"a": [1, 2], "b": ["x", "y"]},
    ],
    ids=range(4),
)
@pytest.mark.parametrize(
    "answer", [[5, 6], [[5], [6]], [{"y": 5}, {"y": 6}], {"y": [5, 6]}], ids=range(4)
)
def test_each_form_of_two_rows_says_the_same(request_body: object, answer: object) -> None:
    assert read(request_body, answer) == TWO


@pytest.mark.parametrize(
    "request_body",
    [{"a": 1, "b": "x"}, {"passenger": {"a": 1, "b": "x"}}, {"input_array": [1, "x"]}],
    ids=range(3),
)
@pytest.mark.parametrize("answer", [5, [5], {"y": 5}, [[5]]], ids=range(4))
def test_each_form_of_one_row_says_the_same(request_body: object, answer: object) -> None:
    assert read(request_body, answer) == TWO[:1]


def test_of_one_feature_a_list_is_a_column_and_a_value_a_row() -> None:
    columns = Columns(["a"], "prediction")
    assert read({"a": [1, 2]}, [5, 6], columns) == [
        {"a": 1, "prediction": 5},
        {"a": 2, "prediction": 6},
    ]
    assert read({"a": 1}, 5, columns) == [{"a": 1, "prediction": 5}]


def test_a_vector_is_one_row() -> None:
    columns = Columns(["v"], "prediction", frozenset({"v"}))
    assert read({"x": [0.5, 1.5]}, 5, columns) == [{"v": [0.5, 1.5], "prediction": 5}]
    assert len(read({"x": [[0.5, 1.5], [2.5, 3.5]]}, [5, 6], columns)) == 2


@pytest.mark.parametrize(
    ("request_body", "answer"),
    [({}, 5), ({"a": 1, "b": "x"}, None), ({"a": 1, "b": "x"}, {}), ({"x": [[1]]}, 5)],
    ids=range(4),
)
def test_what_is_no_table_is_refused(request_body: object, answer: object) -> None:
    with pytest.raises(DecodeError, match="wrong shape"):
        read(request_body, answer)
