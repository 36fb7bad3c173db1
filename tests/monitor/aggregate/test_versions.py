"""Versions of a model, each counted by itself."""

from monitor.aggregate.segments import MAX_MODEL_VERSIONS, OTHER_VERSIONS, Segments
from monitor.kafka.messages import Header
from monitor.kafka.records import Record
from tests.support.aggregated import World, labelled, predicted


def by(version: str, record: Record) -> Record:
    """The message, as by that version of the model."""
    header = (Header.MODEL_VERSION.value, version.encode())
    return record._replace(headers=[*record.headers, header])


def counted(world: World, topic: str = "t.predictions") -> dict[str, int]:
    """Rows, or labels, by the version that they are counted under."""
    world.flush()
    totals: dict[str, int] = {}
    for segment, profile in world.published.values():
        if segment.topic == topic:
            n = profile.n if topic.endswith("predictions") else profile.n_labelled
            totals[segment.model_version] = totals.get(segment.model_version, 0) + n
    return totals


def test_each_version_has_segments_of_its_own(world: World) -> None:
    world.read(
        by("1", predicted(0, ["a", "b"], [1.0, 2.0])),
        by("2", predicted(1, ["c"], [3.0])),
        predicted(2, ["d"], [4.0]),
    )
    assert counted(world) == {"1": 2, "2": 1, "": 1}


def test_a_label_is_counted_under_the_version_of_its_prediction(world: World) -> None:
    world.read(labelled(0, ["c"], [1.0]))
    world.read(by("1", predicted(0, ["a"], [1.0])), by("2", predicted(1, ["b", "c"], [2.0, 3.0])))
    world.read(labelled(1, ["a", "b"], [1.0, 2.0]))
    assert counted(world, "t.labels") == {"1": 1, "2": 2}


def test_beyond_so_many_versions_of_a_stretch_they_are_counted_together() -> None:
    segments = Segments("predictions", 0, first=0, size=1_000)
    names = [segments.model_version(0, "seats", str(i)) for i in range(MAX_MODEL_VERSIONS + 2)]
    assert names[-2:] == [OTHER_VERSIONS] * 2
    assert names[:-2] == [str(i) for i in range(MAX_MODEL_VERSIONS)]
    assert segments.model_version(0, "seats", "0") == "0"
    assert segments.model_version(0, "trams", "9") == "9"
    assert segments.model_version(1_000, "seats", "9") == "9"
