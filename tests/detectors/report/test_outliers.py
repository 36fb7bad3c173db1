import numpy as np

from detectors.columns import Rows
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report.outliers import outliers
from tests.detectors.makers import traffic


def test_rows_far_from_the_reference_are_flagged(reference: Reference) -> None:
    rows, _ = traffic(1_000, seed=31)
    speed, stops = np.array(rows.columns["speed"]), np.array(rows.columns["stops"])
    speed[:100], stops[:100] = 9.0, 40.0
    report = outliers(
        count(Rows({**rows.columns, "speed": speed, "stops": stops}, 1_000), reference), reference
    )
    assert (report.n_scored, report.false_discovery_rate) == (1_000, 0.1)
    assert 100 <= report.n_flagged <= 120


def test_rows_like_the_reference_are_hardly_ever_flagged(reference: Reference) -> None:
    profiles = [count(traffic(500, seed)[0], reference) for seed in range(100, 150)]
    flagged = [outliers(profile, reference).n_flagged for profile in profiles]
    assert sum(n > 0 for n in flagged) <= 12  # 5 of 50 are expected at a rate of 0.1


def test_the_columns_that_set_them_apart_are_named(reference: Reference) -> None:
    rows, _ = traffic(1_000, seed=32)
    speed, stops = np.array(rows.columns["speed"]), np.array(rows.columns["stops"])
    speed[:100], stops[:100] = 9.0, 40.0
    apart = Rows({**rows.columns, "speed": speed, "stops": stops}, 1_000)
    causes = outliers(count(apart, reference), reference).causes
    assert set(list(causes)[:2]) == {"speed", "stops"}
    assert causes["speed"] + causes["stops"] > 0.8
    assert list(causes.values()) == sorted(causes.values(), reverse=True)
    assert sum(causes.values()) <= 1.0 + 1e-9


def test_where_every_row_is_flagged_the_columns_are_named_too(reference: Reference) -> None:
    rows, _ = traffic(300, seed=33)
    far = Rows({**rows.columns, "speed": np.full(300, 50.0), "stops": np.full(300, 60.0)}, 300)
    found = outliers(count(far, reference), reference)
    assert found.n_flagged == 300
    assert set(list(found.causes)[:2]) == {"speed", "stops"}


def test_no_rows_flag_none(reference: Reference) -> None:
    found = outliers(Profile.empty(reference), reference)
    assert (found.n_flagged, found.causes) == (0, {})
