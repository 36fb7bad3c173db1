"""Rows that stand for others are counted as often as they say, and so are their labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest

from detectors.profile import evened
from detectors.reference import Reference
from monitor.batches import WEIGHT
from monitor.kafka.records import Record
from monitor.sql.store import References
from tests.support.aggregated import World, hash_of, labelled
from tests.support.counted import HOUR, predictions, record

TOPIC = "t.predictions"


@pytest.fixture
def world(reference: Reference, references: References) -> Iterator[World]:
    world = World(reference, references)
    yield world
    world.aggregator.close()


def sampled(
    offset: int, ids: Sequence[str], times: Sequence[float], *, weight: int = 1, one_in: int = 1
) -> Record:
    """A message as a collector makes it of a monitor that wants a sample."""
    batch = predictions(ids, times, np.array([hash_of(i) for i in ids]))
    batch = batch.replace_schema_metadata({"one_in": str(one_in)})
    if weight > 1:
        batch = batch.append_column(WEIGHT, pa.array([weight] * len(ids), pa.int32()))
    return record(TOPIC, offset, batch)


def test_rows_count_as_often_as_they_say(world: World) -> None:
    world.read(
        sampled(0, ["a", "b"], [1.0, HOUR], weight=4, one_in=10),
        sampled(1, ["c"], [2.0], one_in=10),
    )
    world.flush()
    panes = world.panes()
    assert panes[0.0].census.tolist() == [2, 4**2 + 1, 10 * (4 + 1), 0]
    assert panes[HOUR].census.tolist() == [1, 4**2, 10 * 4, 0]
    assert (panes[0.0].n, evened(panes[0.0], world.reference).n) == (5, 25 // 17)


def test_the_tally_tells_rows_and_not_weights(world: World) -> None:
    world.read(sampled(0, ["a", "b"], [1.0, 2.0], weight=4))
    labels = {"monitor": "seats", "topic": TOPIC}
    name = "driftmeter_aggregate_rows_total"
    assert world.metrics.get_sample_value(name, labels) == 2


@pytest.mark.parametrize("label_first", [False, True])
def test_a_label_counts_as_often_as_its_prediction(world: World, label_first: bool) -> None:
    rows = [sampled(0, ["a"], [1.0], weight=4), sampled(1, ["b"], [1.0])]
    labels = [labelled(0, ["a", "b"], [5.0, 5.0])]
    for records in (labels, rows) if label_first else (rows, labels):
        world.read(*records)
    world.flush()
    assert world.panes()[0.0].n_labelled == 4 + 1


def test_a_corrected_label_leaves_nothing_of_the_first(world: World) -> None:
    world.read(sampled(0, ["a"], [1.0], weight=4))
    world.read(labelled(0, ["a"], [5.0]), labelled(1, ["a"], [6.0]))
    world.flush()
    assert world.panes()[0.0].n_labelled == 4


def test_rows_with_columns_that_the_reference_lacks_are_counted_in_their_panes(
    world: World,
) -> None:
    batch = predictions(["a", "b", "c"], [1.0, 2.0, HOUR], np.zeros(3))
    told = batch.replace_schema_metadata({"unknown": b'{"colour": 3}'})
    world.read(record(TOPIC, 0, told), sampled(1, ["d"], [1.0]))
    world.flush()
    counted = {start: int(profile.census[3]) for start, profile in world.panes().items()}
    assert counted == {0.0: 2, HOUR: 1}
