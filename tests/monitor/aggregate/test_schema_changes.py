"""A producer changes its columns: rows go on to be counted, and what is wrong is told by name."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Fault
from detectors.report.quality import quality
from monitor import batches
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.tally import Tally
from monitor.apply.resolving import fit_file
from monitor.kafka.messages import ARROW, JSON, Header, Topics
from monitor.kafka.records import Partition, Record
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.support.counted import keep, monitor, registered

TOPICS = Topics("t.")
NOON = 1_767_268_800.0
N = 20
ABSENT = object()


def usual(n: int) -> dict[str, list[Any]]:
    """Columns of every type, as JSON has them."""
    rng = np.random.default_rng(0)
    return {
        "speed": rng.normal(size=n).tolist(),
        "age": rng.integers(18, 90, n).tolist(),
        "known": (rng.random(n) < 0.5).tolist(),
        "colour": rng.choice(["red", "blue"], n).tolist(),
        "face": rng.normal(size=(n, 3)).tolist(),
        "prediction": rng.normal(size=n).tolist(),
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    path = tmp_path_factory.mktemp("training") / "training.parquet"
    parquet.write_table(pa.table({**usual(400), "at": NOON + 60.0 * np.arange(400)}), path)
    return fit_file(monitor(reference={"url": str(path), "time": "at"}).spec)


def counted(reference: Reference, folder: Path, message: bytes, content_type: str) -> Profile:
    """Of one message; nothing of it may be set aside."""
    headers = [(Header.MONITOR.value, b"seats"), (Header.CONTENT_TYPE.value, content_type.encode())]
    record = Record(TOPICS.predictions, 0, 0, NOON + 3600, message, headers)
    references = References(keep(reference, folder))
    aggregator = Aggregator(TOPICS, references, Tally(Instruments(CollectorRegistry())))
    aggregator.assign(Partition(TOPICS.predictions, 0), first=0, reading_from=0)
    known = {"seats": registered(reference, monitor())}
    letters = aggregator.read([record], lambda _: known, NOON)
    assert letters == []
    ((_, profile),) = aggregator.changed()
    aggregator.close()
    return profile


def faults_of(profile: Profile, reference: Reference) -> set[tuple[Fault, str]]:
    """With the columns that they are of; what is made of a vector is the vector's."""
    issues = quality(profile, reference).issues
    return {(one.fault, (one.column or "").partition(".")[0]) for one in issues}


def as_json(columns: dict[str, list[Any]]) -> tuple[bytes, str]:
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    told = [{"id": f"{i}", "time": NOON + i, **row} for i, row in enumerate(rows)]
    return orjson.dumps({"rows": told}), JSON


def as_arrow(columns: dict[str, list[Any]]) -> tuple[bytes, str]:
    """In the types that the values have by themselves: the producer knows no schema."""
    ids, times = [f"{i}" for i in range(N)], [NOON + i for i in range(N)]
    conformed = batches.conform({k: pa.array(v) for k, v in columns.items()}, (), n=N)
    return batches.encode(batches.predictions(ids, times, [None] * N, conformed)), ARROW


MISSES = {Fault.MISSING}
MISFITS = {Fault.MISSING, Fault.TYPE_MISMATCH}

CHANGES: list[tuple[str, str, list[Any] | object, set[Fault]]] = [
    *((name, "vanishes", ABSENT, MISSES) for name in usual(1)),
    *((name, "is null", [None] * N, MISSES) for name in usual(1)),
    ("speed", "text", ["fast"] * N, MISFITS),
    ("speed", "digits in text", ["1.5"] * N, MISFITS),
    ("speed", "lists", [[1.5]] * N, MISFITS),
    ("speed", "integers", [1] * N, {Fault.CONSTANT}),
    ("speed", "booleans", [True, False] * (N // 2), set()),
    ("age", "fractions", [30.5] * N, MISFITS),
    ("age", "whole fractions", [float(30 + i) for i in range(N)], set()),
    ("age", "text", ["thirty"] * N, MISFITS),
    ("age", "lists", [[30]] * N, MISFITS),
    ("known", "text", ["yes"] * N, MISFITS),
    ("known", "numbers of its values", [0, 1] * (N // 2), set()),
    ("known", "other numbers", [2, 3] * (N // 2), MISFITS),
    ("known", "lists", [[True]] * N, MISFITS),
    ("colour", "a category more", ["red", "green"] * (N // 2), {Fault.UNSEEN}),
    ("colour", "numbers", [1, 2] * (N // 2), {Fault.UNSEEN, Fault.CONSTANT}),
    ("colour", "booleans", [True, False] * (N // 2), {Fault.UNSEEN, Fault.CONSTANT}),
    ("colour", "lists", [["red"]] * N, MISFITS),
    ("face", "longer vectors", [[0.1, 0.2, 0.3, 0.4]] * N, MISFITS),
    ("face", "shorter vectors", [[0.1]] * N, MISFITS),
    ("face", "numbers", [0.1] * N, MISFITS),
    ("face", "vectors of text", [["a", "b", "c"]] * N, MISFITS),
    ("prediction", "text", ["high"] * N, MISFITS),
    ("prediction", "lists", [[0.5]] * N, MISFITS),
]


@pytest.mark.parametrize("form", [as_json, as_arrow], ids=["json", "arrow"])
@pytest.mark.parametrize(
    ("name", "change", "values", "faults"), CHANGES, ids=[f"{one[0]}: {one[1]}" for one in CHANGES]
)
def test_all_rows_are_counted_and_the_change_is_told_of_its_column_alone(
    reference: Reference,
    tmp_path: Path,
    form: Any,
    name: str,
    change: str,
    values: list[Any] | object,
    faults: set[Fault],
) -> None:
    columns = usual(N) | {name: values}
    sent = {key: column for key, column in columns.items() if column is not ABSENT}
    profile = counted(reference, tmp_path, *form(sent))
    assert profile.n == N, change
    assert faults_of(profile, reference) == {(fault, name) for fault in faults}


def test_a_column_that_is_renamed_is_missing_and_new(reference: Reference, tmp_path: Path) -> None:
    columns = usual(N)
    columns["velocity"] = columns.pop("speed")
    profile = counted(reference, tmp_path, *as_json(columns))
    expected = {(Fault.MISSING, "speed"), (Fault.NEW_COLUMNS, "")}
    assert faults_of(profile, reference) == expected
