"""Whom a change hits: each segment beside its own rows of the reference."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from detectors.columns import Coded, Floats, Rows, rows_at
from detectors.profile import Profile, count, count_labels
from detectors.profile.segments import split
from detectors.reference import Reference
from detectors.report import SegmentReport
from detectors.report.segments import segments
from tests.detectors.makers import SCHEMA, traffic


@cache
def fitted() -> Reference:
    rows, labels = traffic(2_000, seed=3)
    return Reference.fit(
        rows, SCHEMA, prediction="seats", label=labels, segments=("weather", "event")
    )


def profiles_of(rows: Rows, labels: Floats | None = None) -> list[Profile]:
    reference, where = fitted(), dict(split(rows, fitted().segments))
    found = []
    for i in range(len(reference.segments)):
        at = where.get(i, np.empty(0, np.intp))
        part = rows_at(rows, at)
        profile = count(part, reference)
        if labels is not None:
            profile += count_labels(part.columns["seats"], labels[at], reference)
        found.append(profile)
    return found


def told(rows: Rows, labels: Floats | None = None) -> dict[str | None, SegmentReport]:
    """By value, of the weather."""
    found = segments(fitted(), profiles_of(rows, labels))
    return {one.value: one for one in found if one.column == "weather"}


def numbers(rows: Rows, name: str) -> Floats:
    column = rows.columns[name]
    assert isinstance(column, np.ndarray)
    return column


def has(rows: Rows, code: int) -> NDArray[np.bool_]:
    """Where the weather is of that code: 2 is snow."""
    weather = rows.columns["weather"]
    assert isinstance(weather, Coded)
    return np.equal(weather.codes, code)


def slower_in_snow(n: int, seed: int) -> Rows:
    rows = traffic(n, seed)[0]
    speed = numbers(rows, "speed") - 2.0 * has(rows, 2)
    return Rows({**rows.columns, "speed": speed}, rows.n)


def test_what_moved_for_some_rows_alone_is_said_of_their_segment() -> None:
    rows = slower_in_snow(3_000, seed=5)
    found = told(rows)
    snow = found["snow"].moved[0]
    assert (snow.name, snow.what, snow.effect_unit) == ("speed", "mean", "sd")
    assert (found["sun"].n_moved, found["rain"].n_moved) == (0, 0)
    assert "weather" not in {one.name for one in found["snow"].moved}


def test_the_effect_and_its_p_value_are_those_of_the_rows_of_the_segment() -> None:
    rows, before = slower_in_snow(3_000, seed=5), traffic(2_000, seed=3)[0]
    both = [numbers(side, "speed")[has(side, 2)] for side in (before, rows)]
    known, seen = (speed[~np.isnan(speed)] for speed in both)
    snow = told(rows)["snow"].moved[0]
    sd = np.nanstd(numbers(before, "speed"))
    assert snow.effect == pytest.approx(wasserstein_distance(known, seen) / sd, rel=0.1)
    assert snow.current == pytest.approx(seen.mean(), abs=1e-3)
    assert snow.reference == pytest.approx(known.mean(), abs=1e-3)
    raw = ks_2samp(known, seen, method="asymp").pvalue
    assert snow.p_value == pytest.approx(2 * raw * len(SCHEMA), rel=100)  # adjusted, of bins
    assert max(raw, snow.p_value) < 1e-15


def test_shares_are_of_all_rows_now_and_in_the_reference() -> None:
    found = told(traffic(1_000, seed=6)[0])
    assert sum(one.share for one in found.values()) == pytest.approx(1)
    assert found["sun"].reference_share == pytest.approx(0.6, abs=0.05)
    assert found["sun"].n_rows == round(1_000 * found["sun"].share)


def test_the_model_is_measured_on_the_segment_and_on_that_of_the_reference() -> None:
    rows, labels = traffic(1_500, seed=7)
    snow = told(rows, labels)["snow"]
    before, truth = traffic(2_000, seed=3)
    errors = [
        float(np.abs(numbers(side, "seats") - true)[has(side, 2)].mean())
        for side, true in ((before, truth), (rows, labels))
    ]
    assert snow.realised is not None
    assert (snow.realised.reference, snow.realised.value) == pytest.approx(errors, rel=0.01)
    assert snow.expected is not None
    assert snow.realised.others == {}


def test_quiet_segments_are_hardly_ever_said_to_move() -> None:
    said = sum(
        any(one.n_moved for one in segments(fitted(), profiles_of(traffic(400, 1_000 + seed)[0])))
        for seed in range(20)
    )
    assert said <= 2


def test_a_value_that_the_reference_lacks_is_told_with_what_is_known() -> None:
    rows = traffic(300, seed=8)[0]
    hail = Coded(np.full(300, 3, np.int32), ("sun", "rain", "snow", "hail"))
    found = told(Rows({**rows.columns, "weather": hail}, 300))
    assert (found[None].n_rows, found[None].share, found[None].reference_share) == (300, 1.0, 0.0)
    assert found[None].moved == ()
    assert (found["sun"].n_rows, found["sun"].n_outliers) == (0, None)


def test_missing_values_are_what_moved_where_there_are_more_of_them() -> None:
    rows = traffic(2_000, seed=9)[0]
    lost = np.where(has(rows, 1), np.nan, numbers(rows, "speed"))
    rain = told(Rows({**rows.columns, "speed": lost}, rows.n))["rain"].moved[0]
    assert (rain.name, rain.what, rain.current) == ("speed", "missing", 1.0)
    assert rain.reference == pytest.approx(0.05, abs=0.03)


def test_a_reference_without_segments_has_none() -> None:
    rows, labels = traffic(400, seed=1)
    assert segments(Reference.fit(rows, SCHEMA, prediction="seats", label=labels), []) == ()
