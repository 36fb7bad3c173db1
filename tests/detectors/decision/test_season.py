from itertools import islice

import numpy as np
import pytest

from benchmarks import wide_streams
from benchmarks.streams import DAY_S, World, reference_of
from benchmarks.wide_streams import Shift, WideWorld
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Rows, rows_at
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.components import Components, Kind, Measurement, fit_components
from detectors.decision.season import Season, fit_season
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import Verdict

YEARLY = Budget(alarms=1, period_s=365 * DAY_S)
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def components() -> Components:
    return fit_components(reference_of(World(), 2, np.random.default_rng(1)))


def fitted(components: Components, values: Floats, *, window_s: float = DAY_S) -> Season:
    windows = Measurement(values, np.full(values.shape, 1_000.0))
    times: Floats = (np.arange(float(len(values))) + 0.5) * window_s
    return fit_season(components, windows, times, window_s=window_s)


def noise(components: Components, n_windows: int, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    return 0.5 + rng.normal(size=(n_windows, components.kind.size)) * 0.03


def wave(n_windows: int, period: int) -> Floats:
    return np.sin(2 * np.pi * np.arange(n_windows) / period)[:, np.newaxis] * 0.1


def test_a_weekly_wave_is_found_where_it_is_and_nowhere_else(components: Components) -> None:
    numbers = components.population == Kind.LOCATION
    season = fitted(components, noise(components, 30) + wave(30, 7) * numbers)
    assert [len(w) for w in season.waves] == [7]
    np.testing.assert_array_equal(season.n_means, np.where(numbers, 7, 1))
    np.testing.assert_allclose(
        season.waves[0][:, numbers].mean(axis=1), wave(7, 7)[:, 0], atol=0.02
    )


def test_hours_know_the_day_and_the_week_apart(components: Components) -> None:
    values = noise(components, 600) + wave(600, 24) + 0.5 * wave(600, 168)
    season = fitted(components, values, window_s=HOUR_S)
    assert [len(w) for w in season.waves] == [24, 168]
    windows = Measurement(values, np.ones(values.shape))
    rest = season.adjusted(windows, np.arange(600.0) * HOUR_S).values
    assert rest.std() == pytest.approx(0.03, rel=0.2)


def test_what_has_no_cycle_is_given_none(components: Components) -> None:
    found = [fitted(components, noise(components, 30, seed)).waves for seed in range(100)]
    assert sum(bool(waves) for waves in found) <= 2


@pytest.mark.parametrize("n_windows", [2, 20])
def test_fewer_than_three_weeks_show_no_week(components: Components, n_windows: int) -> None:
    assert fitted(components, noise(components, n_windows) + wave(n_windows, 7)).waves == ()


def test_without_times_there_are_no_phases(components: Components) -> None:
    values = noise(components, 30) + wave(30, 7)
    windows = Measurement(values, np.ones(values.shape))
    season = fit_season(components, windows, np.full(30, np.nan), window_s=DAY_S)
    assert season.waves == ()
    known = fitted(components, values)
    unknown = known.adjusted(Measurement(values[0], windows.n[0]), np.array(np.nan))
    np.testing.assert_array_equal(unknown.values, values[0])


def test_a_share_that_is_adjusted_is_still_a_share(components: Components) -> None:
    values = np.abs(noise(components, 30) - 0.5) + 0.12 + wave(30, 7)
    season = fitted(components, values)
    nothing = Measurement(np.zeros((30, values.shape[1])), np.ones(values.shape))
    adjusted = season.adjusted(nothing, np.arange(30.0) * DAY_S).values
    assert adjusted[:, components.is_share].min() >= 0


def run(detector: Detector, windows: list[Profile]) -> list[Decision]:
    evidence, decisions = detector.start(), list[Decision]()
    for window in windows:
        evidence, decision = detector.step(evidence, window)
        decisions.append(decision)
    return decisions


def test_a_week_of_a_fifth_of_a_sd_neither_alarms_nor_blinds() -> None:
    world, rng = WideWorld(season=0.2, rows=500), np.random.default_rng(2)
    reference = wide_streams.reference_of(world, 30, rng)
    detector = Detector(reference, window_s=DAY_S, budget=YEARLY)
    quiet = list(islice(wide_streams.profiles(world, reference, rng, first=30), 60))
    assert sum(d.verdict is Verdict.DRIFT for d in run(detector, quiet)) <= 1
    days = wide_streams.profiles(world, reference, rng, shift=Shift.MEAN, first=90)
    assert Verdict.DRIFT in [d.verdict for d in run(detector, list(islice(days, 4)))]


def seasonal(n_windows: int, *, shift: float, seed: int) -> tuple[Rows, Floats]:
    """Hours of 200 rows, every fifth a holiday's with a speed of its own."""
    rng = np.random.default_rng(seed)
    holiday = np.repeat(np.arange(n_windows) % 5 == 0, 200)
    speed = rng.normal(size=holiday.size) + 1.5 * holiday + shift
    columns: dict[str, Column] = {
        "speed": speed,
        "holiday": Coded(holiday.astype(np.int32), ("false", "true")),
    }
    times = np.repeat(np.arange(float(n_windows)), 200) * HOUR_S + np.tile(
        np.arange(200.0), n_windows
    )
    return Rows(columns, holiday.size), times


SEASONAL = (Field("speed", ColumnType.FLOAT), Field("holiday", ColumnType.BOOLEAN))


@pytest.fixture(scope="module")
def holidays() -> Reference:
    rows, times = seasonal(60, shift=0.0, seed=1)
    return Reference.fit(rows, SEASONAL, times=times, window_lengths_s=(HOUR_S,))


def verdicts(holidays: Reference, *, shift: float, match_by: str | None) -> list[Verdict]:
    detector = Detector(holidays, window_s=HOUR_S, budget=YEARLY, match_by=match_by)
    rows, times = seasonal(5, shift=shift, seed=2)
    windows = [rows_at(rows, slice(200 * i, 200 * (i + 1))) for i in range(5)]
    profiles = [
        count(window, holidays, times=times[200 * i : 200 * (i + 1)])
        for i, window in enumerate(windows)
    ]
    return [detector.step(detector.start(), profile)[1].verdict for profile in profiles]


def test_windows_that_a_column_tells_apart_are_matched_by_it(holidays: Reference) -> None:
    assert verdicts(holidays, shift=0.0, match_by="holiday") == [Verdict.QUIET] * 5
    assert verdicts(holidays, shift=0.6, match_by="holiday") == [Verdict.DRIFT] * 5
    assert Verdict.DRIFT not in verdicts(holidays, shift=0.6, match_by=None)


def test_a_level_of_hardly_any_window_is_compared_with_all(components: Components) -> None:
    values = noise(components, 30)
    levels = np.array([0] * 28 + [1, 1])
    windows = Measurement(values, np.full(values.shape, 1_000.0))
    times = np.full(30, np.nan)
    season = fit_season(components, windows, times, window_s=DAY_S, levels=levels)
    assert len(season.levels) == 0
    unknown = season.adjusted(windows, times, np.full(30, 7))
    np.testing.assert_array_equal(unknown.values, values)


@pytest.mark.parametrize(
    ("name", "why"), [("nobody", "no such column"), ("speed", "no categories")]
)
def test_what_cannot_match_windows_is_refused(holidays: Reference, name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Detector(holidays, window_s=HOUR_S, budget=YEARLY, match_by=name)
