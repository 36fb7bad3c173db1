"""References are fitted on data in the form in which rows leave."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from detectors.bins import FIRST_LEVEL, CategoryColumn
from detectors.columns import ColumnType
from detectors.profile import count
from detectors.reference import Reference
from monitor.apply.resolving import fit_file, fit_predictions
from monitor.batches import conform, predictions, to_rows
from monitor.collector.envelope import Destination
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.files import FileError
from monitor.leaving.redaction import hashed
from monitor.leaving.reference import evenly_sampled
from monitor.leaving.sampling import chosen
from tests.support.registrations import registration

KEY = b"0123456789abcdef"
NOON = 1_700_000_000.0


@pytest.fixture
def training(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    table = {
        "age": rng.integers(0, 90, 400),
        "rider": rng.integers(1, 5, 400),
        "mail": [f"rider{i}@example.org" for i in range(400)],
        "prediction": rng.choice(["late", "on time"], 400),
        "truth": rng.choice(["late", "on time"], 400),
    }
    parquet.write_table(pa.table(table), tmp_path / "training.parquet")
    return str(tmp_path / "training.parquet")


def fitted(training: str, **spec: Any) -> Reference:
    known = registration(**{"reference": training, **spec})
    return fit_file(known.monitor.spec, hash_key=KEY)


def types(reference: Reference) -> dict[str, ColumnType]:
    return {field.name: field.type for field in reference.schema}


def test_text_that_is_hardly_ever_the_same_is_not_watched_unless_it_is_named(
    training: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert "mail" not in types(fitted(training))
    assert "stays in the pod, unwatched: mail" in caplog.text
    assert types(fitted(training, columns={"mail": "category"}))["mail"] is ColumnType.CATEGORY


def test_only_chosen_columns_are_watched_and_the_label_is_there(training: str) -> None:
    reference = fitted(training, label="truth", capture={"columns": ["age"]})
    assert {*types(reference)} == {"age", "prediction"}
    assert reference.target is not None


def test_what_is_dropped_is_not_watched(training: str) -> None:
    assert "age" not in types(fitted(training, capture={"redact": {"age": "drop"}}))


def test_a_hashed_number_is_a_category_of_hashes(training: str) -> None:
    reference = fitted(training, capture={"redact": {"rider": "hash"}})
    column = reference.columns[reference.index("rider")]
    assert isinstance(column, CategoryColumn)
    assert {*column.levels} == {hashed(str(i), KEY) for i in range(1, 5)}


def test_the_label_is_compared_in_the_form_of_its_prediction(training: str) -> None:
    reference = fitted(training, label="truth", capture={"redact": {"prediction": "hash"}})
    assert reference.target is not None
    assert {*reference.target.classes} == {hashed(one, KEY) for one in ("late", "on time")}


def test_without_a_key_the_reference_says_what_to_do(training: str) -> None:
    spec = registration(reference=training, capture={"redact": {"rider": "hash"}}).monitor.spec
    with pytest.raises(FileError, match=r"'rider'.*--hash-key-file"):
        fit_file(spec)


def test_a_rule_that_does_not_fit_is_said_with_its_column(training: str) -> None:
    with pytest.raises(FileError, match=r"cannot be done to 'prediction'"):
        fitted(training, capture={"redact": {"prediction": {"bucket": 1}}})


def test_rows_that_leave_are_known_to_the_reference(training: str) -> None:
    redact = {"rider": "hash", "age": {"bucket": 10}}
    reference = fitted(training, capture={"redact": redact})
    known = registration(reference=training, capture={"redact": redact}, schema=reference.schema)
    values: dict[str, list[Any]] = {
        "age": [37, 41],
        "rider": [1, 2],
        "prediction": ["late", "late"],
    }
    batch = predictions(["a", "b"], [NOON] * 2, [0.1] * 2, conform(values, reference.schema, n=2))
    screening = Screening(Telemetry(CollectorRegistry()), hash_key=KEY)
    leaving = screening.admit(batch, known, Destination.PREDICTIONS, now=NOON)
    profile = count(to_rows(leaving, reference.schema)[0], reference)
    counts = reference.part(profile.counts, reference.index("rider"))
    assert counts[FIRST_LEVEL:].sum() == counts.sum() == 2


def test_first_predictions_of_a_rush_hour_are_thinned_to_stand_for_equally_many() -> None:
    quiet, rush = ([f"{when}{i}" for i in range(4000)] for when in ("quiet", "rush"))
    kept = [one for one, leaves in zip(rush, chosen(rush, 4), strict=True) if leaves]
    batches = [_batch(quiet, 1), _batch(kept, 4)]
    even = evenly_sampled(batches)
    assert even[1].num_rows == len(kept)
    assert even[0].num_rows == int(chosen(quiet, 4).sum())


def test_first_predictions_are_not_redacted_twice() -> None:
    spec = registration(capture={"redact": {"rider": "hash"}}).monitor.spec
    values: dict[str, list[Any]] = {"rider": ["aa", "bb"] * 100, "prediction": [1.0, 2.0] * 100}
    ids = [str(i) for i in range(200)]
    batch = predictions(ids, [NOON] * 200, [0.1] * 200, conform(values, (), n=200))
    reference = fit_predictions([batch], spec)
    column = reference.columns[reference.index("rider")]
    assert isinstance(column, CategoryColumn)
    assert {*column.levels} == {"aa", "bb"}


def _batch(ids: list[str], weight: int) -> pa.RecordBatch:
    batch = predictions(ids, [NOON] * len(ids), [0.1] * len(ids), conform({}, (), n=len(ids)))
    return batch.append_column("dm.weight", pa.array([weight] * len(ids), pa.int32()))
