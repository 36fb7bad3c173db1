"""Text, times and vectors from a file of training rows to a profile of what a client pushed."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from detectors.columns import ColumnType
from detectors.profile import count
from detectors.reference import Reference
from monitor.apply.resolving import fit_file, fit_predictions
from monitor.batches import from_json, to_rows
from monitor.files import FileError
from monitor.kafka.messages import Registration
from monitor.spec.model import Monitor

NOON = 1_767_268_800.0


def columns(n: int) -> dict[str, pa.Array]:
    rng = np.random.default_rng(0)
    words = ["late", "again", "the train", "nobody said", "why"]
    at = NOON + 60 * np.arange(n)
    microseconds = ((at - rng.exponential(9e5, n)) * 1e6).astype(np.int64)
    return {
        "comment": pa.array([" ".join(rng.choice(words, 7)) for _ in range(n)]),
        "booked": pa.array(microseconds).cast(pa.timestamp("us", "UTC")),
        "face": pa.array(rng.normal(size=(n, 3)).tolist(), pa.list_(pa.float32())),
        "prediction": pa.array(rng.normal(size=n)),
        "at": pa.array(at),
    }


def monitor(path: Path, **spec: Any) -> Monitor:
    body = {"reference": {"url": str(path), "time": "at"}, "importance": {"comment": 1}, **spec}
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": "m"},
            "spec": body,
        }
    )


@pytest.fixture
def training(tmp_path: Path) -> Path:
    parquet.write_table(pa.table(columns(400)), tmp_path / "training.parquet")
    return tmp_path / "training.parquet"


def fitted(path: Path, **spec: Any) -> Reference:
    return fit_file(monitor(path, **spec).spec)


def test_types_are_told_from_the_files_own(training: Path) -> None:
    types = {field.name: field.type for field in fitted(training).schema}
    assert types == {
        "comment": ColumnType.TEXT,
        "booked": ColumnType.TIMESTAMP,
        "face": ColumnType.VECTOR,
        "prediction": ColumnType.FLOAT,
    }


def test_types_can_be_said(training: Path) -> None:
    reference = fitted(training, columns={"comment": "category", "booked": "ignore"})
    types = {field.name: field.type for field in reference.schema}
    assert types["comment"] is ColumnType.CATEGORY
    assert "booked" not in types


def test_what_a_client_pushed_is_counted(training: Path) -> None:
    reference = fitted(training)
    row = {
        "comment": "why again",
        "booked": "2026-01-01T11:00:00Z",
        "face": [0.1, 0.2, 0.3],
        "prediction": 1.0,
    }
    odd = {"comment": None, "booked": "soon", "face": [0.1, 0.2], "prediction": 2.0}
    rows = [{"id": "a", "time": NOON, **row}, {"id": "b", "time": NOON, **odd}]
    batch = from_json(orjson.dumps({"rows": rows}), reference.schema, now=NOON)
    read, _, times = to_rows(batch, reference.schema)
    profile = count(read, reference, times=times)
    for name in ("comment.words", "booked.age", "face.norm"):
        assert reference.part(profile.counts, reference.index(name))[0] == 1  # missing once
    assert profile.vectors[0] == 1


def test_the_schema_survives_the_registry(training: Path) -> None:
    schema = fitted(training).schema
    registration = Registration(
        monitor=monitor(training), revision=1, state="active", schema=schema
    )
    assert Registration.from_bytes(registration.to_bytes()).schema == schema
    assert {field.name: field.dimensions for field in schema}["face"] == 3


def test_first_predictions_have_vectors_and_times_too() -> None:
    n = 200
    rows = [
        {"id": str(i), "time": NOON + i, "face": [i % 7, i % 3, 1.5], "prediction": i % 5}
        for i in range(n)
    ]
    batch = from_json(orjson.dumps({"rows": rows}), (), now=NOON)
    reference = fit_predictions([batch, batch], monitor(Path("unused")).spec)
    assert {f.name: f.type for f in reference.schema}["face"] is ColumnType.VECTOR
    assert reference.has("face.pc1")


def test_predictions_that_are_text_are_watched_but_take_no_label(tmp_path: Path) -> None:
    table = columns(400)
    table["answer"], table["truth"] = table.pop("comment"), pa.array(["x"] * 400)
    path = tmp_path / "answers.parquet"
    parquet.write_table(pa.table(table), path)
    assert fitted(path, prediction="answer").has("answer.words")
    with pytest.raises(FileError, match="predictions are text, with which no label"):
        fitted(path, prediction="answer", label="truth")
