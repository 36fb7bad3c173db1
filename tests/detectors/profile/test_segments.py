from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.columns import Coded, Rows, rows_at
from detectors.profile import Profile, count, count_labels
from detectors.profile.segments import Segment, read_segments, segments_of, split
from detectors.reference import Reference
from detectors.schema import ReferenceError as DataError
from tests.detectors.makers import SCHEMA, traffic

COLUMNS = ("weather", "event")


@cache
def fitted(*columns: str) -> Reference:
    rows, labels = traffic(400, seed=3)
    return Reference.fit(rows, SCHEMA, prediction="seats", label=labels, segments=columns)


def weather_of(rows: Rows) -> list[str]:
    column = rows.columns["weather"]
    assert isinstance(column, Coded)
    return [column.levels[code] for code in column.codes]


def found(rows: Rows, *columns: str, n_values: int = 20) -> dict[Segment, int]:
    segments = segments_of(fitted().declared, columns, n_values=n_values)
    return {segments[i]: len(where) for i, where in split(rows, segments)}


def test_every_value_has_the_rows_that_have_it() -> None:
    rows = traffic(200, seed=4)[0]
    weather = np.array(weather_of(rows))
    assert {s.value: n for s, n in found(rows, "weather").items()} == Counter(weather.tolist())
    segments = fitted("weather").segments
    for i, where in split(rows, segments):
        assert set(weather[where]) == {segments[i].value}


@settings(max_examples=20)
@given(st.integers(0, 120), st.integers(0, 3))
def test_the_segments_of_every_column_are_all_rows_each_once(n: int, seed: int) -> None:
    rows, reference = traffic(n, seed)[0], fitted(*COLUMNS)
    parts = dict(split(rows, reference.segments))
    for column in COLUMNS:
        own = [where for i, where in parts.items() if reference.segments[i].column == column]
        assert sorted(np.concatenate([*own, []]).tolist()) == list(range(n))


def test_values_beyond_the_commonest_share_a_segment_with_the_unknown_and_the_missing() -> None:
    codes = np.array([0, 1, 2, 3, -1], np.int32)
    rows = Rows({"weather": Coded(codes, ("snow", "sun", "rain", "hail"))}, 5)
    told = {s.value: n for s, n in found(rows, "weather", n_values=2).items()}
    assert told == {"sun": 1, "rain": 1, None: 3}


def test_rows_without_the_column_are_in_one_segment() -> None:
    assert found(Rows({}, 3), "weather") == {Segment("weather", None): 3}


@pytest.mark.parametrize("column", ["speed", "colour"])
def test_a_column_without_categories_is_refused_by_name(column: str) -> None:
    with pytest.raises(DataError, match=f"'{column}' has no categories"):
        fitted(column)


def test_a_reference_keeps_its_own_rows_segment_by_segment_with_their_labels() -> None:
    reference, (rows, labels) = fitted(*COLUMNS), traffic(400, seed=3)
    where = dict(split(rows, reference.segments))
    for i, profile in enumerate(reference.segment_profiles):
        part = rows_at(rows, where.get(i, np.empty(0, np.intp)))
        own = labels[where[i]] if i in where else labels[:0]
        told = count(part, reference) + count_labels(part.columns["seats"], own, reference)
        assert np.array_equal(profile.counts, told.counts)
        assert np.array_equal(profile.outcomes, told.outcomes)


def test_segments_come_back_with_the_reference_and_are_known_when_rows_are_counted() -> None:
    reference = fitted(*COLUMNS)
    again = Reference.from_bytes(reference.to_bytes())
    assert again.segments == reference.segments
    assert again.segment_profiles == reference.segment_profiles
    counting = reference.for_counting()
    assert (counting.segments, counting.segment_profiles) == (reference.segments, ())
    assert counting.joined_columns == ("seats", "weather", "event")


def test_a_reference_without_segments_has_the_bytes_that_it_had() -> None:
    reference = fitted()
    assert reference.segments == ()
    assert reference.joined_columns == ("seats",)
    assert b"segments" not in reference.to_bytes()


def test_what_a_segment_holds_adds_up_to_the_whole() -> None:
    reference = fitted(*COLUMNS)
    weather = [
        profile
        for segment, profile in zip(reference.segments, reference.segment_profiles, strict=True)
        if segment.column == "weather"
    ]
    assert sum(weather, Profile.empty(reference)) == reference.profile


@pytest.mark.parametrize("pairs", [[["weather", 1]], [["weather"]], [[1, "sun"]]])
def test_what_is_no_segment_is_refused(pairs: list[list[object]]) -> None:
    with pytest.raises(ValueError, match="no segment"):
        read_segments(pairs)
