import re

import pytest

from monitor.consume.sources import Kind, Source, SourceError, Sources

SOURCES = Sources.of_flags(["scores=free-seats", "plain"], ["truths=free-seats"], ["seldon.ns"])


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("scores", Source(Kind.PREDICTIONS, "free-seats")),
        ("plain", Source(Kind.PREDICTIONS, None)),
        ("truths", Source(Kind.LABELS, "free-seats")),
        ("seldon.ns.model.iris.inputs", Source(Kind.REQUESTS, "iris")),
        ("seldon.ns.model.iris.v2.outputs", Source(Kind.ANSWERS, "iris.v2")),
        ("seldon.ns.pipeline.iris.outputs", None),
        ("seldon.ns.errors.errors", None),
        ("seldon.other.model.iris.inputs", None),
        ("seldonXns.model.iris.inputs", None),
        ("scores2", None),
        ("a.scores", None),
    ],
)
def test_a_topic_says_what_is_in_it(topic: str, expected: Source | None) -> None:
    assert SOURCES.of(topic) == expected
    assert (re.match(SOURCES.pattern, topic) is not None) == (expected is not None)


def test_without_seldon_nothing_is_seldon_s() -> None:
    plain = Sources.of_flags(["scores"], [], [])
    assert plain.of(".model.iris.inputs") is None
    assert re.match(plain.pattern, "scores")


def test_nothing_to_consume_is_an_error() -> None:
    with pytest.raises(SourceError, match="nothing to consume"):
        Sources.of_flags([], [], [])


def test_a_topic_is_named_once() -> None:
    with pytest.raises(SourceError, match="twice"):
        Sources.of_flags(["a=x"], ["a=y"], [])
