from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Coded, Rows, rows_at
from detectors.profile import Profile, count
from detectors.profile.segments import Segment, Segments, count_segments
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, traffic

COLUMNS = ("weather", "event")


@cache
def fitted() -> Reference:
    return Reference.fit(traffic(400, seed=3)[0], SCHEMA)


def weather_of(rows: Rows) -> list[str]:
    column = rows.columns["weather"]
    assert isinstance(column, Coded)
    return [column.levels[code] for code in column.codes]


def test_every_value_has_the_profile_of_its_rows() -> None:
    rows = traffic(200, seed=4)[0]
    segments = count_segments(rows, fitted(), ["weather"]).profiles
    weather = np.array(weather_of(rows))
    assert {s.value: p.n for s, p in segments.items()} == Counter(weather.tolist())
    snow = rows_at(rows, np.flatnonzero(weather == "snow"))
    assert segments[Segment("weather", "snow")] == count(snow, fitted())


def test_the_segments_of_a_column_add_up_to_the_whole() -> None:
    rows, ids = traffic(200, seed=4)[0], [f"id{i}" for i in range(200)]
    whole = count(rows, fitted(), times=np.arange(200.0), ids=ids)
    profiles = count_segments(rows, fitted(), COLUMNS, times=np.arange(200.0), ids=ids).profiles
    for column in COLUMNS:
        parts = [p for segment, p in profiles.items() if segment.column == column]
        assert sum(parts, Profile.empty(fitted())) == whole


@settings(max_examples=20)
@given(st.integers(0, 100), st.integers(0, 3))
def test_segments_of_two_partitions_add_up_to_those_of_both(cut: int, seed: int) -> None:
    rows = traffic(100, seed)[0]
    first, second = (
        count_segments(rows_at(rows, part), fitted(), COLUMNS)
        for part in np.split(np.arange(100), [cut])
    )
    assert first + second == second + first == count_segments(rows, fitted(), COLUMNS)


def test_values_beyond_the_commonest_share_a_segment_with_the_unknown_and_the_missing() -> None:
    codes = np.array([0, 1, 2, 3, -1], np.int32)
    rows = Rows({"weather": Coded(codes, ("snow", "sun", "rain", "hail"))}, 5)
    segments = count_segments(rows, fitted(), ["weather"], n_values=2).profiles
    assert {s.value: p.n for s, p in segments.items()} == {"sun": 1, "rain": 1, None: 3}


def test_rows_without_the_column_are_in_one_segment() -> None:
    segments = count_segments(Rows({}, 3), fitted(), ["weather"]).profiles
    assert {s: p.n for s, p in segments.items()} == {Segment("weather", None): 3}


@pytest.mark.parametrize("column", ["speed", "colour"])
def test_a_column_without_categories_is_refused_by_name(column: str) -> None:
    with pytest.raises(ValueError, match=f"'{column}' has no categories"):
        count_segments(traffic(9, seed=4)[0], fitted(), [column])


def test_bytes_come_back_as_the_segments() -> None:
    segments = count_segments(traffic(200, seed=4)[0], fitted(), COLUMNS)
    content = segments.to_bytes()
    assert Segments.from_bytes(content, fitted()) == segments
    backwards = Segments(dict(reversed(list(segments.profiles.items()))))
    assert backwards.to_bytes() == content


@pytest.mark.parametrize("pairs", [[], [["weather", 1]], [["weather"]], [1], None])
def test_damaged_segments_are_refused(pairs: object) -> None:
    rows = Rows({}, 3)
    artifact = unpack("segments", count_segments(rows, fitted(), ["weather"]).to_bytes())
    wrong = Artifact({**artifact.meta, "segments": pairs}, artifact.arrays)
    with pytest.raises(ArtifactError):
        Segments.from_bytes(pack("segments", wrong), fitted())


def test_segments_of_another_reference_are_refused() -> None:
    other = Reference.fit(traffic(300, seed=5)[0], SCHEMA)
    content = count_segments(traffic(9, seed=4)[0], other, COLUMNS).to_bytes()
    with pytest.raises(ArtifactError, match="segments of sha256:"):
        Segments.from_bytes(content, fitted())
