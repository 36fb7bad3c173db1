"""What clients and the topic see of requests to the model of `seats`."""

import http.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from benchmarks.real_servers import seats
from benchmarks.real_servers.requests import DATATYPES, Call, Rides, rides
from detectors.columns import RESERVED_PREFIX, ColumnType, Field, Role
from monitor.batches import decode
from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from tests.support.kafka_topics import read_until
from tests.support.registrations import registration

N_CALLS = 100

TYPES = {"FP64": pa.float64(), "INT64": pa.int64(), "BYTES": pa.string(), "BOOL": pa.bool_()}
SCHEMA = (
    Field("headway", ColumnType.FLOAT),
    Field("boarded", ColumnType.INTEGER),
    Field("stop", ColumnType.CATEGORY),
    Field("rain", ColumnType.BOOLEAN),
    Field(seats.PREDICTION, ColumnType.FLOAT, Role.PREDICTION),
)
REGISTRATION = registration(seats.NAME, schema=SCHEMA)

BENTOML_ID = "x-bentoml-request-id"
OWN_HEADERS = {"date", "x-request-id", BENTOML_ID}
"""They tell the time, are added by the proxy, or are made anew for each answer."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: without those that differ from one answer to the next, in lower case."""

    status: int
    headers: frozenset[tuple[str, str]]
    body: bytes
    bentoml_id: str | None = field(default=None, compare=False)


def calls(in_format: Callable[[str, Rides], Call]) -> list[Call]:
    """A hundred, of one to three rides each."""
    return [in_format(f"call-{i}", rides(1 + i % 3, seed=i)) for i in range(N_CALLS)]


def ask(port: int, calls: Sequence[Call]) -> list[Answer]:
    """The answers to one call after the other, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return [_answer(connection, call) for call in calls]
    finally:
        connection.close()


def _answer(connection: http.client.HTTPConnection, call: Call) -> Answer:
    headers = {**call.headers, "X-Request-Id": call.id, "Ce-Id": call.id}
    connection.request("POST", call.path, call.body, headers)
    answer = connection.getresponse()
    named = ((name.lower(), value) for name, value in answer.getheaders())
    lasting = frozenset((name, value) for name, value in named if name not in OWN_HEADERS)
    return Answer(answer.status, lasting, answer.read(), answer.getheader(BENTOML_ID))


def assert_same(answers: Sequence[Answer], others: Sequence[Answer]) -> None:
    """They are the model's, and alike in each byte."""
    assert {answer.status for answer in answers} == {200}
    differing = [pair for pair in zip(answers, others, strict=True) if pair[0] != pair[1]]
    assert not differing, differing[0]


def assert_read(broker: Broker, calls: Sequence[Call]) -> None:
    """The topic has what went in and came out of each call, and how long it took."""
    rows = expected(calls)
    found = read(broker, len(rows))
    assert by_id(found) == rows
    assert all(row["dm.latency"] > 0 for row in found)


def expected(calls: Sequence[Call]) -> dict[object, Row]:
    """By prediction id: what went in, and what the model makes of it."""
    return {
        f"{call.id}/{i}" if len(call.rides) > 1 else call.id: {**ride, **_predicted(ride)}
        for call in calls
        for i, ride in enumerate(call.rides)
    }


def _predicted(ride: Row) -> Row:
    columns = {name: [value] for name, value in ride.items()}
    return {seats.PREDICTION: float(seats.predict(columns)[0])}


def read(broker: Broker, n: int) -> list[Row]:
    """The rows of the topic, as soon as there are n or more, in the types of their datatypes."""
    records = read_until(broker, broker.topics.predictions, lambda found: _n_rows(found) >= n)
    batches = [decode(record.value) for record in records]
    for batch in batches:
        assert all(batch[name].type == TYPES[type_] for name, type_ in DATATYPES.items())
    return [row for batch in batches for row in batch.to_pylist()]


def by_id(rows: Sequence[Row]) -> dict[object, Row]:
    """The columns of each prediction; no two have one id."""
    found = {row["dm.id"]: columns(row) for row in rows}
    assert len(found) == len(rows)
    return found


def columns(row: Row) -> Row:
    """Without what is Driftmeter's own."""
    return {name: value for name, value in row.items() if not name.startswith(RESERVED_PREFIX)}


def _n_rows(records: Sequence[Record]) -> int:
    return sum(decode(record.value).num_rows for record in records)
