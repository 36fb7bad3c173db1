import orjson
import pytest

from detectors.columns import ColumnType, Field
from monitor.batches.json_messages import predictions_of_messages

SCHEMA = (Field("x", ColumnType.FLOAT), Field("y", ColumnType.FLOAT))


@pytest.mark.parametrize(
    ("rows", "x", "y"),
    [
        ([{"id": "a", "x": 1, "y": 2}, {"y": 4, "id": "b", "x": 3}], [1, 3], [2, 4]),
        ([{"id": "a", "x": 1}, {"id": "b", "y": 2}], [1, None], [None, 2]),
        ([{"id": "a", "x": 1}, {"id": "b", "x": 2, "y": 3}], [1, 2], [None, 3]),
        ([{"id": "a"}, {"id": "b"}], [None, None], [None, None]),
    ],
    ids=["in another order", "as many others", "more", "none"],
)
def test_rows_become_columns_whatever_names_they_have(
    rows: list[object], x: list[float | None], y: list[float | None]
) -> None:
    found = predictions_of_messages([orjson.dumps({"rows": rows})], SCHEMA, [0.0])
    assert (found.rows["x"].to_pylist(), found.rows["y"].to_pylist()) == (x, y)
