import numpy as np
import pytest

from detectors.columns import Rows
from detectors.decision.budget import Budget
from detectors.reference import Reference
from monitor.detect.cutting import at_least_s, cut_alike, kind_of, series_of
from monitor.detect.judging import Judge
from monitor.spec.windows import Window
from tests.support.counted import HOUR, SCHEMA, monitor

N_HOURS = 60
SIZES = [100 + 10 * (hour % 7) for hour in range(N_HOURS)]


@pytest.fixture(scope="module")
def hourly() -> Reference:
    """Hours of different sizes."""
    x = np.random.default_rng(1).normal(size=sum(SIZES))
    rows = Rows({"x": x, "prediction": 2 * x}, len(x))
    times = np.repeat(np.arange(N_HOURS) * HOUR, SIZES)
    return Reference.fit(rows, SCHEMA, times=times, window_lengths_s=(HOUR,))


def test_windows_that_overlap_are_series_of_windows_that_do_not() -> None:
    one = monitor(windows=["1h", {"length": "3h", "every": "1h"}, {"rows": 500, "every": "1h"}])
    found = series_of(one, "sha256:0")
    assert [(s.window_s / HOUR, s.phase_s / HOUR, s.rows) for s in found] == [
        (1, 0, 0),
        (3, 0, 0),
        (3, 1, 0),
        (3, 2, 0),
        (0, 0, 500),
    ]
    assert [kind_of(s, one.spec) for s in found] == [one.spec.windows[i] for i in (0, 1, 1, 1, 2)]


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_the_references_windows_of_a_phase_are_sums_of_whole_steps(
    hourly: Reference, phase: int
) -> None:
    kind = Window(length=3 * HOUR, every=HOUR)
    cut = cut_alike(hourly, kind, phase * HOUR).windows[3 * HOUR]
    starts = range(phase, N_HOURS - 2, 3)
    assert [window.n for window in cut] == [sum(SIZES[at : at + 3]) for at in starts]
    assert [window.first_time for window in cut] == [at * HOUR for at in starts]
    steps = hourly.windows[HOUR]
    assert (cut[1].counts == sum(steps[at].counts for at in range(phase + 3, phase + 6))).all()


def test_the_references_windows_by_rows_hold_just_enough(hourly: Reference) -> None:
    kind = Window(rows=400, every=HOUR)
    cut = cut_alike(hourly, kind, 0.0).windows[at_least_s(kind)]
    expected, held = [], 0
    for size in SIZES:
        held += size
        if held >= 400:
            expected.append(held)
            held = 0
    assert [window.n for window in cut] == expected


def test_a_reference_without_times_says_what_it_says_as_a_whole(hourly: Reference) -> None:
    x = np.random.default_rng(1).normal(size=500)
    timeless = Reference.fit(Rows({"x": x, "prediction": x}, 500), SCHEMA, window_lengths_s=(HOUR,))
    assert cut_alike(timeless, Window(length=3 * HOUR, every=HOUR), 0.0).windows[3 * HOUR] == ()


@pytest.mark.parametrize(
    ("windows", "share"),
    [
        (["3h"], 1.0),
        ([{"length": "3h", "every": "1h"}], 1 / 3),
        (["1h", {"length": "3h", "every": "1h"}], 1 / 6),
    ],
)
def test_series_share_the_budget_of_false_alarms(
    judge: Judge, reference: Reference, windows: list[object], share: float
) -> None:
    one = monitor(windows=windows)
    series = series_of(one, reference.id)[-1]
    decision = judge.alone(series, one.spec, reference.profile)
    assert decision.threshold == pytest.approx(2 / Budget(share).per_window(3 * HOUR))
