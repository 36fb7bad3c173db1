import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import ttest_ind

from detectors.columns import Coded, Floats, Rows
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from detectors.report import ColumnReport, Shift, Verdict, WindowReport
from detectors.report.compare import report
from tests.detectors.makers import traffic

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def detector(reference: Reference) -> Detector:
    return Detector(reference, window_s=HOUR_S, budget=Budget())


def numbers_of(rows: Rows, name: str) -> Floats:
    column = rows.columns[name]
    assert not isinstance(column, Coded)
    return column


def report_of(detector: Detector, profile: Profile) -> WindowReport:
    _, decision = detector.step(detector.start(), profile)
    return report(detector.reference, profile, decision)


def column_of(window: WindowReport, name: str) -> ColumnReport:
    return next(column for column in window.columns if column.name == name)


@pytest.fixture(scope="module")
def shifted(detector: Detector, reference: Reference) -> WindowReport:
    return report_of(detector, count(traffic(2_000, seed=5, shift=1.0)[0], reference))


def test_the_strongest_column_comes_first(shifted: WindowReport) -> None:
    assert shifted.verdict is Verdict.DRIFT
    assert shifted.columns[0].name in {"speed", "seats", "dm.expected_error"}
    p_values = [column.p_value for column in shifted.columns if column.p_value is not None]
    assert len(p_values) == len(shifted.columns)
    assert p_values == sorted(p_values)


def test_a_column_says_from_what_to_what_it_moved(
    shifted: WindowReport, labelled: tuple[Rows, Floats]
) -> None:
    speed = column_of(shifted, "speed")
    before = numbers_of(labelled[0], "speed")
    assert speed.reference.mean == pytest.approx(np.nanmean(before), abs=1e-3)
    assert speed.current.mean == pytest.approx(1.0, abs=0.1)
    assert speed.current.quantiles is not None
    assert speed.current.quantiles["0.5"] == pytest.approx(1.0, abs=0.1)
    assert speed.effect == pytest.approx(1.0, abs=0.1)
    assert speed.effect_unit == "sd"
    assert speed.current.missing == pytest.approx(0.05, abs=0.02)
    assert speed.named


def test_mean_shift_and_variance_ratio_are_of_the_values_not_of_their_bins(
    detector: Detector, reference: Reference, labelled: tuple[Rows, Floats]
) -> None:
    rows, _ = traffic(300, seed=7, shift=3.0)
    speed = column_of(report_of(detector, count(rows, reference)), "speed")
    before, now = numbers_of(labelled[0], "speed"), numbers_of(rows, "speed")
    expected = ttest_ind(now, before, equal_var=False, nan_policy="omit")
    assert speed.statistics["welch_mean_shift"] == pytest.approx(expected.statistic, rel=1e-3)
    ratio = np.nanvar(now, ddof=1) / np.nanvar(before, ddof=1)
    assert speed.statistics["variance_ratio"] == pytest.approx(ratio, rel=1e-3)


def test_named_columns_have_intervals_of_their_statistics_and_others_have_none(
    shifted: WindowReport,
) -> None:
    speed, weather = column_of(shifted, "speed"), column_of(shifted, "weather")
    low, high = speed.intervals["wasserstein_sd"]
    assert low < 1.0 < high
    assert speed.intervals.keys() == speed.statistics.keys()
    assert not weather.intervals


def test_of_a_quiet_window_the_strongest_column_has_intervals(
    detector: Detector, reference: Reference
) -> None:
    quiet = report_of(detector, count(traffic(2_000, seed=6)[0], reference))
    assert [bool(column.intervals) for column in quiet.columns] == [True, *[False] * 6]


def test_a_category_names_its_commonest_levels(shifted: WindowReport) -> None:
    weather = column_of(shifted, "weather")
    assert weather.current.shares is not None
    assert list(weather.current.shares) == ["sun", "rain", "snow"]
    assert sum(weather.current.shares.values()) == pytest.approx(1)
    assert weather.effect_unit == "share"
    assert not weather.named


def test_unseen_levels_are_reported(detector: Detector, reference: Reference) -> None:
    rows, _ = traffic(500, seed=6)
    weather = rows.columns["weather"]
    assert isinstance(weather, Coded)
    renamed = Coded(weather.codes, ("sun", "rain", "hail"))
    window = report_of(detector, count(Rows({**rows.columns, "weather": renamed}, 500), reference))
    column = column_of(window, "weather")
    assert column.unseen == pytest.approx((weather.codes == 2).mean())
    assert "unseen" in column.distribution.bars


def test_how_far_beyond_the_reference_values_lie_is_seen_in_the_distance(
    detector: Detector, reference: Reference
) -> None:
    rows, _ = traffic(500, seed=7)
    far = np.where(np.isnan(numbers_of(rows, "speed")), np.nan, 50.0)
    window = report_of(detector, count(Rows({**rows.columns, "speed": far}, 500), reference))
    assert column_of(window, "speed").effect == pytest.approx(50, rel=0.05)


def test_the_expected_error_rises_before_any_label_and_the_realised_one_with_them(
    detector: Detector, reference: Reference
) -> None:
    rows, labels = traffic(2_000, seed=8, shift=1.5)
    profile = count(rows, reference)
    early = report_of(detector, profile)
    assert early.realised is None
    assert early.expected is not None
    assert early.expected.value is not None
    assert early.expected.reference is not None
    assert early.expected.value > 1.3 * early.expected.reference
    profile += count_labels(rows.columns["seats"], labels, reference)
    late = report_of(detector, profile)
    assert late.realised is not None
    assert late.realised.value == pytest.approx(np.abs(numbers_of(rows, "seats") - labels).mean())
    assert late.realised.coverage == 1.0
    assert column_of(late, "dm.error").current.n == 2_000


def test_a_column_that_comes_with_labels_is_absent_without_them(shifted: WindowReport) -> None:
    assert "dm.error" not in [column.name for column in shifted.columns]


def test_labels_that_arrive_later_change_the_report_and_not_the_decision(
    detector: Detector, reference: Reference
) -> None:
    rows, labels = traffic(500, seed=9)
    profile = count(rows, reference)
    _, decision = detector.step(detector.start(), profile)
    with_labels = profile + count_labels(rows.columns["seats"], labels, reference)
    early, late = (report(reference, p, decision) for p in (profile, with_labels))
    assert (early.verdict, early.p_value) == (late.verdict, late.p_value)
    assert late.realised is not None


def test_a_report_is_plain_json_even_of_nothing(
    detector: Detector, reference: Reference, shifted: WindowReport
) -> None:
    empty = report_of(detector, Profile.empty(reference))
    assert empty.verdict is Verdict.UNDECIDED
    for window in (empty, shifted):
        json.dumps(asdict(window), allow_nan=False)


def test_a_window_of_missing_values_is_reported_as_such(
    detector: Detector, reference: Reference
) -> None:
    window = report_of(detector, count(Rows({}, 500), reference))
    assert window.verdict is Verdict.DRIFT
    speed = column_of(window, "speed")
    assert speed.current.missing == 1.0
    assert speed.current.mean is None
    assert set(speed.statistics) == {"two_proportion"}
    assert speed.effect is None


def test_outliers_are_counted(detector: Detector, reference: Reference) -> None:
    rows, _ = traffic(500, seed=10)
    speed, stops = numbers_of(rows, "speed").copy(), numbers_of(rows, "stops").copy()
    speed[:50], stops[:50] = 40.0, 90.0
    strange = {**rows.columns, "speed": speed, "stops": stops}
    window = report_of(detector, count(Rows(strange, 500), reference))
    assert window.outliers is not None
    assert window.outliers.n_scored == 500
    assert 30 <= window.outliers.n_flagged <= 70


def test_a_drifting_window_is_explained_and_a_quiet_one_is_not(
    detector: Detector, reference: Reference, shifted: WindowReport
) -> None:
    assert shifted.explanation is not None
    assert shifted.explanation.shift is Shift.COVARIATE
    quiet = report_of(detector, count(traffic(2_000, seed=6)[0], reference))
    assert quiet.explanation is None
