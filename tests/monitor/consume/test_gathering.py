import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.batches import read_columns, read_rows
from monitor.consume.gathering import Gathered
from tests.support.registrations import SCHEMA

NOON = 1_700_000_000.0

ROWS = st.lists(
    st.lists(
        st.fixed_dictionaries({}, optional={"a": st.integers(-9, 9), "b": st.text(max_size=3)}),
        max_size=3,
    ),
    max_size=5,
)


@given(ROWS)
def test_messages_gathered_say_what_one_message_would(
    messages: list[list[dict[str, object]]],
) -> None:
    named = [
        [{**row, "id": f"{i}-{j}"} for j, row in enumerate(rows)] for i, rows in enumerate(messages)
    ]
    gathered, alone = Gathered(), Gathered()
    for rows in named:
        gathered.add(read_rows(rows, now=NOON), None, None)
    alone.add(read_rows([row for rows in named for row in rows], now=NOON), None, None)
    assert gathered.predictions(SCHEMA).equals(alone.predictions(SCHEMA))


def test_arrow_and_json_are_gathered_together() -> None:
    gathered = Gathered()
    times = pa.array([int(NOON)], pa.timestamp("s", "UTC"))
    gathered.add(read_columns({"id": ["a"], "b": pa.array(["x"]), "t": times}, now=NOON), 0.5, "o")
    gathered.add(read_rows([{"id": "b", "a": 1, "t": NOON + 1}], now=NOON), None, None)
    rows = gathered.predictions(()).to_pylist()
    assert [(row["a"], row["b"], row["t"]) for row in rows] == [
        (None, "x", NOON),
        (1, None, NOON + 1),
    ]
    assert [row["dm.latency"] for row in rows] == [0.5, None]
    assert gathered.origins == ["o"]
