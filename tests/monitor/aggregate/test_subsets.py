"""Segments of the rows, each counted once more by itself: predictions, and labels with them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.output import Output
from detectors.performance import realised
from detectors.profile import Profile, count, count_labels, rows_at
from detectors.profile.segments import split
from detectors.reference import Reference
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.segments import MAX_PROFILES, Pane, Segments
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import Header, Segment
from monitor.kafka.records import Partition, Record
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.detectors.performance.makers import binary
from tests.monitor.aggregate.test_classification import FIELDS, TOPICS, TRAFFIC, log_of
from tests.support.counted import keep, monitor, registered

Published = dict[bytes, tuple[Segment, Profile]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    said = binary(2_000)
    output = Output("said", probabilities={"yes": "p"})
    return Reference.fit(said.rows, FIELDS, prediction=output, label=said.labels, segments=["sex"])


@pytest.fixture
def aggregator(reference: Reference, tmp_path: Path) -> Iterator[Aggregator]:
    references = References(keep(reference, tmp_path), for_counting=True)
    opened = Aggregator(TOPICS, references, Tally(Instruments(CollectorRegistry())))
    for topic in (TOPICS.predictions, TOPICS.labels):
        opened.assign(Partition(topic, 0), first=0, reading_from=0)
    yield opened
    opened.close()


def published(reference: Reference, aggregator: Aggregator, log: Sequence[Record]) -> Published:
    document = monitor(label="truth", prediction="said", segments=["sex"])
    for one in log:
        aggregator.read([one], lambda _: {"seats": registered(reference, document)}, 0.0)
    return {segment.key: (segment, profile) for segment, profile in aggregator.changed()}


def total(found: Published, reference: Reference, subset: int) -> Profile:
    parts = [profile for segment, profile in found.values() if segment.subset == subset]
    return sum(parts, start=Profile.empty(reference))


def test_every_segment_holds_its_own_predictions_and_labels(
    reference: Reference, aggregator: Aggregator
) -> None:
    found = published(reference, aggregator, log_of(TRAFFIC))
    columns = TRAFFIC.rows.columns
    for index, where in split(TRAFFIC.rows, reference.segments):
        rows = rows_at(TRAFFIC.rows, where)
        labels = type(TRAFFIC.labels)(TRAFFIC.labels.codes[where], TRAFFIC.labels.levels)
        told = count(rows, reference) + count_labels(
            rows.columns["said"], labels, reference, beside=rows.columns
        )
        mine = total(found, reference, index + 1)
        assert np.array_equal(mine.counts, told.counts)
        assert np.array_equal(mine.outcomes, told.outcomes)
        assert realised(mine, reference) is not None
    assert total(found, reference, 0).n == len(columns["said"])


def test_the_versions_of_a_model_share_a_segment(
    reference: Reference, aggregator: Aggregator
) -> None:
    log = [
        one._replace(headers=[*one.headers, (Header.MODEL_VERSION.value, str(i % 2).encode())])
        for i, one in enumerate(log_of(TRAFFIC))
    ]
    found = published(reference, aggregator, log)
    versions = {(s.subset > 0, s.model_version) for s, _ in found.values()}
    assert versions == {(False, "0"), (False, "1"), (True, "")}


def test_segments_take_no_room_from_the_whole(reference: Reference) -> None:
    segments = Segments("predictions", 0, first=0, size=1_000)
    whole, nothing = Pane("seats", reference.id, 0.0, 3600.0), Profile.empty(reference)
    for index in range(MAX_PROFILES):
        segments.add(0, whole.of_segment(index), nothing, n=0)
    assert segments.has_room(0, whole.of_segment(1))
    assert not segments.has_room(0, whole.of_segment(MAX_PROFILES))
    assert segments.has_room(0, whole)
