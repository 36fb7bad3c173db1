"""A classifier's traffic: its probabilities, groups and faults reach the profile."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from detectors.columns import ColumnType, Field, Role
from detectors.output import Output
from detectors.performance import expected, fairness, realised
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from detectors.report import Fault
from detectors.report.quality import quality
from monitor import batches
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import Topics
from monitor.kafka.records import Partition, Record
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.detectors.performance.makers import Classified, binary
from tests.support.counted import HOUR, keep, monitor, record, registered

TOPICS = Topics("t.")
FIELDS = (
    Field("said", ColumnType.CATEGORY, Role.PREDICTION),
    Field("p", ColumnType.FLOAT, Role.PREDICTION),
    Field("sex", ColumnType.CATEGORY),
)
TRAFFIC = binary(600, seed=5)


@pytest.fixture(scope="module")
def reference() -> Reference:
    said = binary(2_000)
    output = Output("said", probabilities={"yes": "p"}, groups=("sex",))
    return Reference.fit(said.rows, FIELDS, prediction=output, label=said.labels)


def predictions(said: Classified, where: slice, **changes: Any) -> pa.RecordBatch:
    numbers = range(said.rows.n)[where]
    columns: dict[str, Sequence[object]] = {
        "said": said.predicted[where],
        "p": said.probabilities[where, 1].tolist(),
        "sex": [("f", "m")[code] for code in said.rows.columns["sex"].codes[where]],  # type: ignore[union-attr]  # coded
        **changes,
    }
    conformed = batches.conform(columns, FIELDS, n=len(numbers))
    ids, times = [f"{i}" for i in numbers], [10.0 * i for i in numbers]
    return batches.predictions(ids, times, [None] * len(numbers), conformed)


def labels(said: Classified, where: slice) -> pa.RecordBatch:
    ids = [f"{i}" for i in range(said.rows.n)[where]]
    return batches.labels(ids, [0.0] * len(ids), said.true[where])


def counted(reference: Reference, folder: Path, records: Sequence[Record]) -> dict[float, Profile]:
    """By pane, what an aggregate publishes of a log."""
    references = References(keep(reference, folder))
    aggregator = Aggregator(TOPICS, references, Tally(Instruments(CollectorRegistry())))
    for topic in (TOPICS.predictions, TOPICS.labels):
        aggregator.assign(Partition(topic, 0), first=0, reading_from=0)
    document = monitor(label="truth", prediction="said")
    for one in records:
        aggregator.read([one], lambda _: {"seats": registered(reference, document)}, 0.0)
    panes: dict[float, Profile] = {}
    changed = aggregator.changed()
    aggregator.close()
    for segment, profile in changed:
        start = segment.pane_start
        panes[start] = panes[start] + profile if start in panes else profile
    return panes


def log_of(said: Classified) -> list[Record]:
    parts = [slice(i, i + 100) for i in range(0, said.rows.n, 100)]
    told = [record(TOPICS.predictions, i, predictions(said, w)) for i, w in enumerate(parts)]
    true = [record(TOPICS.labels, i, labels(said, w)) for i, w in enumerate(parts)]
    return [*true[:2], *told, *true[2:]]


def test_what_is_counted_of_the_log_is_what_the_rows_say(
    reference: Reference, tmp_path: Path
) -> None:
    panes = counted(reference, tmp_path, log_of(TRAFFIC))
    assert set(panes) == {0.0, HOUR}
    found = sum(panes.values(), start=Profile.empty(reference))
    columns = TRAFFIC.rows.columns
    whole = count(TRAFFIC.rows, reference) + count_labels(
        columns["said"],
        TRAFFIC.labels,
        reference,
        beside=columns,
        delays_s=np.zeros(TRAFFIC.rows.n),
    )
    np.testing.assert_array_equal(found.outcomes, whole.outcomes)
    np.testing.assert_array_equal(found.delays, whole.delays)
    assert realised(found, reference) == realised(whole, reference)
    assert expected(found, reference) == expected(whole, reference)
    assert fairness(found, reference) == fairness(whole, reference)
    assert not found.faults.any()


def test_values_of_another_type_and_repeated_ids_are_faults(
    reference: Reference, tmp_path: Path
) -> None:
    half = slice(0, 50)
    odd = predictions(TRAFFIC, half, p=[0.5] * 40 + ["high"] * 10)
    panes = counted(
        reference,
        tmp_path,
        [
            record(TOPICS.predictions, 0, odd),
            record(TOPICS.predictions, 1, predictions(TRAFFIC, slice(30, 100))),
        ],
    )
    found = {(one.fault, one.column): one.n for one in quality(panes[0.0], reference).issues}
    assert found == {
        (Fault.MISSING, "p"): 10,
        (Fault.TYPE_MISMATCH, "p"): 10,
        (Fault.DUPLICATE_IDS, None): 20,
    }


def test_arrow_of_another_type_is_a_fault_too(reference: Reference, tmp_path: Path) -> None:
    sound = predictions(TRAFFIC, slice(0, 20))
    position = sound.schema.get_field_index("p")
    odd = sound.set_column(position, "p", pa.array(["0.5"] * 20))
    panes = counted(reference, tmp_path, [record(TOPICS.predictions, 0, odd)])
    found = {(one.fault, one.column): one.n for one in quality(panes[0.0], reference).issues}
    assert found[Fault.TYPE_MISMATCH, "p"] == 20
