import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Rows
from detectors.reference import OUTLIER, Reference
from monitor.aggregate.outlying import (
    LARGEST_P_VALUE,
    OutlyingRow,
    least,
    message_of,
    outlying,
)
from monitor.kafka.messages import Header, Segment, header


def rows(x: list[float], prediction: list[float] | None = None) -> Rows:
    values = np.array(x)
    told = 2 * values if prediction is None else np.array(prediction)
    return Rows({"x": values, "prediction": told}, len(x))


def found(reference: Reference, given: Rows, limit: int = 10) -> list[OutlyingRow]:
    ids = [f"r{i}" for i in range(given.n)]
    return outlying(given, ids, np.arange(float(given.n)), reference, limit=limit)


def test_rows_like_the_reference_are_none(reference: Reference) -> None:
    assert found(reference, rows([0.1, -0.4, 0.8])) == []


def test_an_outlier_is_told_with_its_place_among_the_references_rows(reference: Reference) -> None:
    given = rows([0.1, 50.0, -0.3])
    (row,) = found(reference, given)
    p_values = reference.scores(reference.placed(given))[OUTLIER]
    assert (row.id, row.time, row.p_value) == ("r1", 1.0, p_values[1])
    assert row.p_value <= LARGEST_P_VALUE
    assert row.score == reference.outlier.score(reference.placed(given))[1]


def test_the_columns_that_made_it_one_come_first(reference: Reference) -> None:
    (row,) = found(reference, rows([3.0], prediction=[80.0]))
    assert row.columns[0][0] == "prediction"
    assert row.values[0] == 80.0
    assert sum(share for _, share in row.columns) <= 1.0 + 1e-9


@pytest.mark.parametrize(("value", "told"), [(np.inf, "inf"), (-np.inf, "-inf"), (np.nan, None)])
def test_what_json_cannot_say_is_text_or_nothing(
    reference: Reference, value: float, told: object
) -> None:
    (row,) = found(reference, rows([value], prediction=[90.0]))
    assert dict(zip((name for name, _ in row.columns), row.values, strict=True))["x"] == told
    orjson.dumps(row.to_json())


def test_the_least_p_values_are_kept(reference: Reference) -> None:
    everything = found(reference, rows([50.0, 4.0, 60.0, 5.0]), limit=100)
    assert found(reference, rows([50.0, 4.0, 60.0, 5.0]), limit=2) == everything[:2]
    assert [row.p_value for row in everything] == sorted(row.p_value for row in everything)


@given(st.lists(st.integers(0, 99), unique=True, max_size=20), st.integers(1, 5))
def test_what_is_kept_does_not_depend_on_the_order(ids: list[int], limit: int) -> None:
    given = [
        OutlyingRow(p_value=(i % 4) / 1000, id=f"{i}", time=0, score=1, columns=(), values=())
        for i in ids
    ]
    kept: list[OutlyingRow] = []
    for row in given:
        kept = least(kept, [row], limit)
    assert kept == sorted(given)[:limit]


def test_a_message_names_its_segment_so_that_a_later_one_replaces_it(reference: Reference) -> None:
    segment = Segment(
        monitor="seats",
        reference_id=reference.id,
        pane_start=0.0,
        pane_s=60.0,
        topic="t",
        partition=1,
        start=0,
        version=7,
    )
    message = message_of(segment, found(reference, rows([50.0])), "outliers", 4)
    assert message.key == segment.key
    assert header(message.headers, Header.SEGMENT) == segment.to_bytes().decode()
    body = orjson.loads(message.value)
    assert [row["id"] for row in body["rows"]] == ["r0"]
    assert body["pane"] == {"start": 0.0, "seconds": 60.0}
