import json
from dataclasses import asdict

import numpy as np
import pytest

from detectors.columns import Coded, Column, Rows
from detectors.profile import Profile, count, count_faults
from detectors.reference import Reference
from detectors.report import Fault, QualityIssue
from detectors.report.quality import quality
from tests.detectors.makers import SCHEMA, WEATHER, traffic


def issues(profile: Profile, reference: Reference) -> dict[tuple[Fault, str | None], QualityIssue]:
    return {(one.fault, one.column): one for one in quality(profile, reference).issues}


def changed(rows: Rows, **columns: Column) -> Rows:
    return Rows({**rows.columns, **columns}, rows.n)


def beyond(profile: Profile, reference: Reference) -> set[tuple[Fault, str | None]]:
    return {key for key, one in issues(profile, reference).items() if one.beyond}


def test_ordinary_rows_are_not_beyond_the_reference(reference: Reference) -> None:
    for seed in range(20):
        assert beyond(count(traffic(300, seed=900 + seed)[0], reference), reference) == set()


def test_faults_that_the_reference_has_as_well_are_told(rows: Rows, reference: Reference) -> None:
    found = issues(count(rows, reference), reference)[Fault.MISSING, "speed"]
    speed = rows.columns["speed"]
    assert not isinstance(speed, Coded)
    assert (found.n, found.share) == (np.isnan(speed).sum(), np.isnan(speed).mean())
    assert found.reference == pytest.approx(0.05, abs=0.01)
    assert not found.beyond


def test_more_missing_values_than_any_window_had_are_beyond(
    rows: Rows, reference: Reference
) -> None:
    known = np.random.default_rng(0).normal(size=rows.n)
    speed = np.where(np.arange(rows.n) % 4, known, np.nan)
    assert beyond(count(changed(rows, speed=speed), reference), reference) == {
        (Fault.MISSING, "speed")
    }


def test_values_that_were_never_seen_are_beyond(rows: Rows, reference: Reference) -> None:
    hail = Coded(np.arange(rows.n, dtype=np.int32) % 10 // 9, ("sun", "hail"))
    stops = np.where(np.arange(rows.n) % 10, 4.0, 1e9)
    stops[1] = -np.inf
    found = issues(count(changed(rows, weather=hail, stops=stops), reference), reference)
    unseen, outside = found[Fault.UNSEEN, "weather"], found[Fault.OUT_OF_RANGE, "stops"]
    assert (unseen.share, unseen.reference, unseen.beyond) == (0.1, 0.0, True)
    assert (outside.n, outside.reference, outside.beyond) == (51, 0.0, True)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("seats", np.full(500, 3.25)),
        ("stops", np.full(500, 4.0)),
        ("weather", Coded(np.zeros(500, dtype=np.int32), WEATHER)),
    ],
)
def test_a_column_that_stands_still_is_constant(
    name: str, values: Column, rows: Rows, reference: Reference
) -> None:
    profile = count(changed(rows, **{name: values}), reference)
    assert (Fault.CONSTANT, name) in beyond(profile, reference)


def test_a_column_that_often_stands_still_is_not_beyond(reference: Reference) -> None:
    few, _ = traffic(3, seed=4)
    profile = count(changed(few, event=Coded(np.zeros(3, np.int32), ("false",))), reference)
    found = issues(profile, reference)[Fault.CONSTANT, "event"]
    assert found.reference == pytest.approx(0.9**3, abs=0.05)
    assert not found.beyond


def test_values_within_one_bin_are_no_constant(rows: Rows, reference: Reference) -> None:
    edges = reference.columns[reference.index("seats")].edges  # type: ignore[union-attr]  # numeric
    seats = np.linspace(edges[3], edges[4], 502)[1:-1]
    profile = count(changed(rows, seats=seats), reference)
    spread = np.ptp(seats) / reference.columns[reference.index("seats")].unit  # type: ignore[union-attr]
    assert spread > 0.05
    assert (Fault.CONSTANT, "seats") not in issues(profile, reference)


def test_values_of_another_type_and_repeated_ids_are_counted(
    rows: Rows, reference: Reference
) -> None:
    faults = count_faults(reference, mismatched={"stops": 40, "unknown": 9}, n_repeated=25)
    found = issues(count(rows, reference) + faults, reference)
    mismatch, repeated = found[Fault.TYPE_MISMATCH, "stops"], found[Fault.DUPLICATE_IDS, None]
    assert (mismatch.n, mismatch.share, mismatch.beyond) == (40, 0.08, True)
    assert (repeated.n, repeated.share, repeated.beyond) == (25, 0.05, True)


def test_what_is_beyond_comes_first(rows: Rows, reference: Reference) -> None:
    speed = np.full(rows.n, np.nan)
    faults = count_faults(reference, mismatched={}, n_repeated=1)
    told = quality(count(changed(rows, speed=speed), reference) + faults, reference).issues
    assert [one.beyond for one in told] == sorted((one.beyond for one in told), reverse=True)


def test_without_rows_nothing_is_wrong(reference: Reference) -> None:
    assert quality(Profile.empty(reference), reference).issues == ()


def test_a_reference_of_one_window_knows_its_own_shares() -> None:
    rows, _ = traffic(1_000, seed=1)
    reference = Reference.fit(rows, SCHEMA)
    assert beyond(count(traffic(500, seed=5)[0], reference), reference) == set()


def test_faults_travel_with_profiles(rows: Rows, reference: Reference) -> None:
    faults = count_faults(reference, mismatched={"stops": 2}, n_repeated=3)
    profile = count(rows, reference) + faults
    assert Profile.from_bytes(profile.to_bytes(), reference) == profile
    assert faults + faults == count_faults(reference, mismatched={"stops": 4}, n_repeated=6)


def test_a_report_of_quality_is_plain_data(rows: Rows, reference: Reference) -> None:
    assert json.loads(json.dumps(asdict(quality(count(rows, reference), reference))))["n_rows"]


def test_rows_with_columns_that_the_reference_lacks_are_told(
    rows: Rows, reference: Reference
) -> None:
    with_new = count_faults(reference, mismatched={}, n_repeated=0, n_with_new=rows.n // 2)
    found = issues(count(rows, reference) + with_new, reference)[Fault.NEW_COLUMNS, None]
    assert (found.n, found.share, found.reference, found.beyond) == (rows.n // 2, 0.5, 0.0, True)
