import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import Comparison, Reason, Verdict
from detectors.report.past import Beside, Past, Seasonal, Trailing, expecting
from tests.detectors.makers import traffic

HOUR_S = 3600.0
DAY = Trailing("the last 24h", 24 * HOUR_S)


def window(reference: Reference, seed: int, *, shift: float = 0.0, rows: int = 500) -> Profile:
    return count(traffic(rows, seed, shift=shift)[0], reference)


@pytest.fixture(scope="module")
def past(reference: Reference) -> list[tuple[float, Profile]]:
    """A day whose traffic is not the reference's: it has moved by one, and stayed there."""
    return [(HOUR_S * (i + 1), window(reference, 100 + i, shift=1.0)) for i in range(24)]


def compared(
    reference: Reference,
    profile: Profile,
    past: list[tuple[float, Profile]],
    beside: Beside = DAY,
) -> Comparison:
    """The window that began at midnight, in 1970."""
    chosen = [window for age_s, window in past if beside.chooses(age_s, 0.0)]
    fitted = Past.fit(reference, chosen, window_s=HOUR_S, budget=Budget(), minimum_rows=100)
    return fitted.compare(profile, name=beside.name)


def test_what_has_moved_since_the_reference_may_be_what_it_was_yesterday(
    reference: Reference, past: list[tuple[float, Profile]]
) -> None:
    now = window(reference, 3, shift=1.0)
    detector = Detector(reference, window_s=HOUR_S, budget=Budget())
    assert detector.step(detector.start(), now)[1].verdict is Verdict.DRIFT
    found = compared(reference, now, past)
    assert (found.name, found.n_windows) == ("the last 24h", 24)
    assert (found.verdict, found.columns) == (Verdict.QUIET, ())


def test_what_is_as_the_reference_may_differ_from_yesterday(
    reference: Reference, past: list[tuple[float, Profile]]
) -> None:
    found = compared(reference, window(reference, 4), past)
    assert found.verdict is Verdict.DRIFT
    assert "speed" in found.columns


def test_a_season_compares_with_the_same_phase_alone(reference: Reference) -> None:
    cycles = [(6 * HOUR_S * (i + 1), window(reference, 200 + i, shift=1.0)) for i in range(4)]
    others = [(HOUR_S * (6 * i + 1), window(reference, 300 + i)) for i in range(4)]
    season = Seasonal("the same time", cycle_s=6 * HOUR_S, n_cycles=4)
    found = compared(reference, window(reference, 5, shift=1.0), cycles + others, season)
    assert (found.n_windows, found.verdict) == (4, Verdict.QUIET)


def test_windows_older_than_asked_for_are_left_out(
    reference: Reference, past: list[tuple[float, Profile]]
) -> None:
    short = Trailing("the last 5h", 5 * HOUR_S)
    assert compared(reference, window(reference, 6), past, short).n_windows == 5


@given(st.integers(0, 100_000), st.integers(1, 60))
def test_trailing_windows_are_so_many_and_change_but_28_times_a_span(
    number: int, n_hours: int
) -> None:
    trailing = Trailing("", n_hours * HOUR_S)

    def chosen(at: float) -> list[float]:
        ages = np.arange(1, trailing.span_s // HOUR_S + 1) * HOUR_S
        return [at - age_s for age_s in ages.tolist() if trailing.chooses(age_s, at)]

    at = number * HOUR_S
    assert n_hours - 1 <= len(chosen(at)) <= n_hours + 1
    assert all(0 < at - start <= trailing.span_s for start in chosen(at))
    sets = {tuple(chosen(at + i * HOUR_S)) for i in range(n_hours)}
    assert len(sets) <= 30


def test_too_few_windows_or_rows_are_no_ground_for_a_verdict(
    reference: Reference, past: list[tuple[float, Profile]]
) -> None:
    found = compared(reference, window(reference, 7), past[:2])
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.TOO_FEW_WINDOWS)
    found = compared(reference, window(reference, 7, rows=50), past)
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.TOO_FEW_ROWS)


def test_the_expected_is_the_sum_of_the_windows(
    reference: Reference, past: list[tuple[float, Profile]]
) -> None:
    windows = [profile for _, profile in past]
    expected = expecting(reference, windows, window_s=HOUR_S)
    assert expected.profile.n == 24 * 500
    counted = np.sum([profile.counts for profile in windows], axis=0)
    assert np.array_equal(expected.profile.counts, counted)
    assert expected.id == reference.id
