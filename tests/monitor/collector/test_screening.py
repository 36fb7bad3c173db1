import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from scipy.stats import binomtest

from detectors.columns import ColumnType, Field, Role
from monitor.batches import conform, decode, encode, labels, lost, one_in, predictions, weights
from monitor.collector.envelope import Destination
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.kafka.messages import Registration
from monitor.leaving.redaction import hashed
from monitor.leaving.sampling import chosen
from tests.support.registrations import registration

NOON = 1_700_000_000.0
KEY = b"0123456789abcdef"
SCHEMA = (
    Field("age", ColumnType.INTEGER),
    Field("rider", ColumnType.CATEGORY),
    Field("comment", ColumnType.TEXT),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)


@dataclass
class Bench:
    """A screening; `schema` is that of the monitor's reference."""

    schema: tuple[Field, ...] = SCHEMA
    hash_key: bytes | None = KEY
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.screening = Screening(Telemetry(self.metrics), hash_key=self.hash_key)

    def monitor(self, **spec: Any) -> Registration:
        return registration(schema=self.schema, **spec)

    def rows(self, columns: Mapping[str, list[Any]], /, **spec: Any) -> Any:
        return self.admit(columns, self.monitor(**spec), now=NOON)

    def admit(self, columns: Mapping[str, list[Any]], known: Registration, *, now: float) -> Any:
        n = len(next(iter(columns.values())))
        conformed = conform(columns, self.schema, n=n)
        batch = predictions([f"r{i}" for i in range(n)], [NOON] * n, [0.1] * n, conformed)
        return self.screening.admit(batch, known, Destination.PREDICTIONS, now=now)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.get_sample_value(f"driftmeter_collector_{name}_total", labels) or 0.0

    def breaks(self, kind: str) -> float:
        return self.count("schema_breaks", monitor="seats", kind=kind)


ROWS: Mapping[str, list[Any]] = {
    "age": [37, 41],
    "rider": ["Ada", "Bob"],
    "comment": ["call me", "at home"],
    "prediction": [1.5, 2.5],
}


def test_text_that_the_document_does_not_name_stays() -> None:
    leaving = Bench().rows(ROWS)
    assert "comment" not in leaving.schema.names
    assert leaving["rider"].to_pylist() == ["Ada", "Bob"]


@pytest.mark.parametrize(
    "spec",
    [
        {"columns": {"comment": "text"}},
        {"importance": {"comment": 1.0}},
        {"capture": {"columns": ["age", "comment"]}},
        {"capture": {"redact": {"comment": {"truncate": 100}}}},
    ],
)
def test_text_that_the_document_names_leaves(spec: dict[str, Any]) -> None:
    assert Bench().rows(ROWS, **spec)["comment"].to_pylist() == ROWS["comment"]


def test_before_there_is_a_reference_every_string_is_text() -> None:
    leaving = Bench(schema=()).rows(ROWS, columns={"rider": "category"})
    assert leaving.schema.names[3:] == ["age", "rider", "prediction"]


def test_chosen_columns_leave_with_what_the_model_answers() -> None:
    leaving = Bench().rows(ROWS, capture={"columns": ["age"]})
    assert leaving.schema.names == ["dm.id", "dm.time", "dm.latency", "age", "prediction"]


def test_columns_are_redacted_by_their_rules() -> None:
    redact = {"age": {"bucket": 10}, "rider": "hash", "comment": {"truncate": 4}}
    leaving = Bench().rows(ROWS, capture={"redact": redact})
    assert leaving["age"].to_pylist() == [30, 40]
    assert leaving["rider"].to_pylist() == [hashed("Ada", KEY), hashed("Bob", KEY)]
    assert leaving["comment"].to_pylist() == ["call", "at h"]


@pytest.mark.parametrize(
    "spec", [{"capture": {"redact": {"age": "drop"}}}, {"columns": {"age": "ignore"}}]
)
def test_columns_that_are_to_stay_stay(spec: dict[str, Any]) -> None:
    assert "age" not in Bench().rows(ROWS, **spec).schema.names


def test_what_cannot_be_hashed_is_missing_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leaving = Bench(hash_key=None).rows(ROWS, capture={"redact": {"rider": "hash"}})
    assert leaving["rider"].null_count == 2
    assert "rider cannot be hashed without --hash-key-file" in caplog.text


def test_a_label_leaves_in_the_form_of_its_prediction() -> None:
    bench = Bench()
    known = bench.monitor(label="truth", capture={"redact": {"prediction": {"bucket": 5}}})
    batch = labels(["r1"], [NOON], [17.0])
    leaving = bench.screening.admit(batch, known, Destination.LABELS, now=NOON)
    assert leaving["label"].to_pylist() == [15.0]


def test_a_sample_says_of_how_many_it_is_one() -> None:
    bench = Bench()
    n = 2000
    leaving = bench.rows({"age": list(range(n))}, capture={"sample": "1 in 10"})
    ids = [f"r{i}" for i in range(n)]
    assert leaving["dm.id"].to_pylist() == [
        one for one, leaves in zip(ids, chosen(ids, 10), strict=True) if leaves
    ]
    assert one_in(decode(encode(leaving))) == 10
    counted = bench.count("unsampled_rows", monitor="seats", topic="predictions")
    assert (
        counted + leaving.num_rows
        == n
        == bench.count("read_rows", monitor="seats", topic="predictions")
    )


def test_the_labels_of_sampled_predictions_leave_and_no_others() -> None:
    bench = Bench()
    known = bench.monitor(label="truth", capture={"sample": "1 in 10"})
    rows = bench.admit({"age": list(range(2000))}, known, now=NOON)
    batch = labels([f"r{i}" for i in range(2000)], [NOON] * 2000, [1] * 2000)
    truths = bench.screening.admit(batch, known, Destination.LABELS, now=NOON)
    assert truths["dm.id"].to_pylist() == rows["dm.id"].to_pylist()


def test_above_the_limit_of_a_second_rows_stand_for_more() -> None:
    bench = Bench()
    known = bench.monitor(capture={"sample": {"one_in": 2, "rows_per_second": 100}})
    leaving = decode(encode(bench.admit({"age": list(range(1600))}, known, now=NOON)))
    assert set(weights(leaving)) == {16}
    assert abs(int(weights(leaving).sum()) * one_in(leaving) - 1600) < 800
    again = bench.admit({"age": list(range(50))}, known, now=NOON + 10)
    assert "dm.weight" not in again.schema.names


@pytest.mark.parametrize("weight", [0, -1, 2**20 + 1, None, 1.5])
def test_a_weight_that_nobody_could_have_given_is_refused(weight: object) -> None:
    row = {"dm.id": "a", "dm.time": NOON, "dm.weight": weight}
    with pytest.raises(ValueError, match="weight"):
        decode(encode(pa.RecordBatch.from_pylist([row])))


def test_new_missing_and_retyped_columns_are_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    known = bench.monitor()
    broken = {**ROWS, "age": ["old", 41], "colour": ["red", "red"]}
    del broken["rider"]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            bench.admit(broken, known, now=NOON)
    assert (bench.breaks("new"), bench.breaks("missing"), bench.breaks("retyped")) == (4, 4, 2)
    assert caplog.text.count("the column 'colour' is not in the reference") == 1
    assert caplog.text.count("the column 'rider' is in the reference, but not in what came") == 1


def test_columns_that_stay_by_the_document_s_will_are_no_break() -> None:
    bench = Bench(schema=SCHEMA[:1])
    rows: dict[str, list[Any]] = {"age": [1], "rider": ["Ada"], "ticket": [5]}
    rows |= {"truth": [7.0], "at": [NOON]}
    bench.rows(
        rows,
        reference={"url": "training.parquet", "time": "at"},
        label="truth",
        capture={"redact": {"rider": "drop"}},
        columns={"ticket": "ignore"},
    )
    assert bench.breaks("new") == 0


def test_names_that_are_none_are_told_as_a_sum() -> None:
    new: dict[str, list[Any]] = {f"ada{i}@example.org": [1] for i in range(3)}
    leaving = Bench().rows({**ROWS, "colour": ["red", "red"], **{k: [1, 1] for k in new}})
    assert lost(leaving, "unknown") == {"colour": 2, "": 6}
    assert b"example.org" not in encode(leaving)


def test_a_stranger_s_metadata_does_not_make_rows_heavier() -> None:
    batch = pa.RecordBatch.from_pylist([{"dm.id": "a", "dm.time": NOON}])
    for told in (b"-1", b"many", b"99999999", b"0"):
        assert one_in(batch.replace_schema_metadata({b"one_in": told})) == 1
    assert np.array_equal(weights(batch), [1])


def test_of_values_that_did_not_fit_a_sample_tells_its_part() -> None:
    """However few there are in a batch, over many batches their sum is right."""
    bench = Bench()
    known = bench.monitor(capture={"sample": "1 in 5"})
    told = 0
    for batch in range(400):
        rows = predictions(
            [f"{batch}-{i}" for i in range(20)],
            [NOON] * 20,
            [0.1] * 20,
            conform({"age": ["old", *range(19)]}, SCHEMA, n=20),
        )
        leaving = bench.screening.admit(rows, known, Destination.PREDICTIONS, now=NOON)
        told += lost(leaving, "mismatched").get("age", 0)
    assert binomtest(told, 400, 1 / 5).pvalue > 0.001
