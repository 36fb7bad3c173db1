"""Chicago's ridership: a model of daily boardings, and the lockdown that it was not told of.

    python -m benchmarks.cta --data FOLDER [--out FILE.json]

FOLDER holds two tables by day: cta_rides.csv (date, bus, L), which is the City of Chicago's "CTA -
Ridership - Daily Boarding Totals", and cta_weather_calendar.csv (date, avg_temp, precipitation,
snow, is_holiday). Neither is part of this project.

A linear model of log boardings - weekday, two annual harmonics, weather - is fitted on a year, its
reference. A window is one day, so all that it says is the model's error on that day. What errors
are usual is learned from the reference's own days, each predicted by a model that was fitted
without its month: how much of an error returns on the next day, how the rest ranks among the
reference's, how well its months tell the mean, and how far the evidence has ever risen within
the reference, which no alarm may lie below. Budget: one false alarm a year.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.rules import command_line, print_table
from detectors.columns import Floats
from detectors.conformal import p_values
from detectors.decision import SUSPICION
from detectors.decision.evidence import BETS, accumulate, by_component, gains, stakes, start_sums
from detectors.decision.tails import signed

MODES: Final = ("L", "bus", "both")
LEAST_THRESHOLD: Final = 2 * 365
"""The evidence that alarms at half of a budget of once in 365 windows, as in the detector."""
FOLDS: Final = 12
SMALLEST_BET: Final = 1.0
"""One year cannot tell by how much years differ: ridership's level moves by up to 0.6 standard
deviations from one to the next, and a bet on 0.75 of them alarms at that."""
WEATHER: Final = ("avg_temp", "precipitation", "snow", "is_holiday")
CONTROL_YEARS: Final = range(2012, 2020)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridership:
    """holidays: whether the model is told of them. first_alarm: from March 2020 on.
    false_alarms: in the year before. per_year: over 2012-2019, each year against the one before.
    """

    boardings: str
    holidays: str
    first_alarm: str
    false_alarms: float
    per_year: float


@dataclass(frozen=True, slots=True)
class Days:
    """Successive days. log_boardings: (days,). features: (days, features)."""

    first: date
    log_boardings: Floats
    features: Floats

    def span(self, start: date, end: date) -> slice:
        return slice((start - self.first).days, (end - self.first).days)


def read(folder: Path, mode: str, *, holidays: bool) -> Days:
    """Raises ValueError where a day is missing from either table."""
    rides, weather = (_table(folder / name) for name in ("cta_rides", "cta_weather_calendar"))
    dates = [date.fromisoformat(row["date"]) for row in rides]
    steps = {(after - before).days for before, after in pairwise(dates)}
    if steps != {1} or [row["date"] for row in rides] != [row["date"] for row in weather]:
        raise ValueError("the two tables must hold the same days, without gaps")
    modes = MODES[:2] if mode == "both" else (mode,)
    boardings = np.array([sum(float(row[name]) for name in modes) for row in rides])
    of_weather = {name: np.array([float(row[name]) for row in weather]) for name in WEATHER}
    return Days(dates[0], np.log(boardings), _features(dates, of_weather, holidays=holidays))


def _table(path: Path) -> list[dict[str, str]]:
    with path.with_suffix(".csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def _features(dates: list[date], weather: dict[str, Floats], *, holidays: bool) -> Floats:
    weekday = np.array([day.weekday() for day in dates])
    turn = 2 * np.pi * np.array([day.timetuple().tm_yday for day in dates]) / 365.25
    warmth = weather["avg_temp"] / 10
    features = [
        *(weekday[:, np.newaxis] == np.arange(7)).T,
        *(wave(k * turn) for k in (1, 2) for wave in (np.sin, np.cos)),
        warmth,
        warmth**2,
        np.log1p(weather["precipitation"]),
        np.log1p(weather["snow"]),
        *([weather["is_holiday"]] if holidays else []),
    ]
    return np.stack(features, axis=1).astype(np.float64)


def errors(days: Days, reference: slice) -> Floats:
    """(days,) of the log boardings, less what the day before lets expect of them.

    Those of the reference's days are by models that have not seen their month.
    """
    size = reference.stop - reference.start
    month = np.full(len(days.log_boardings), -1)
    month[reference] = np.arange(size) * FOLDS // size
    error = days.log_boardings - predicted(days, month >= 0)
    for held_out in range(FOLDS):
        of = month == held_out
        error[of] = (days.log_boardings - predicted(days, (month >= 0) & ~of))[of]
    usual = error[reference]
    memory = float((usual[:-1] @ usual[1:]) / (usual[:-1] @ usual[:-1]))
    the_day_before = np.concatenate([np.zeros(1), error[:-1]])
    return error - memory * the_day_before


def predicted(days: Days, fitted: NDArray[np.bool_]) -> Floats:
    """(days,) of the log boardings, by least squares on the days that are `fitted` on."""
    weights, *_ = np.linalg.lstsq(days.features[fitted], days.log_boardings[fitted], rcond=None)
    return np.asarray(days.features @ weights, dtype=np.float64)


def scores(error: Floats, reference: slice) -> Floats:
    """(2, days) normal scores of a rise and of a fall: conformal ranks among the reference's."""
    usual = error[reference]
    rise, fall = p_values(np.sort(usual), error), p_values(np.sort(-usual), -error)
    both: Floats = -ndtri(np.stack([rise, fall]))
    return both


def n_known(score: Floats) -> float:
    """How many independent days tell as much of the mean as these, (2, days), some of whose months
    may lie higher than others: by batch means (Conway 1963)."""
    months = [part.mean() for part in np.array_split(signed(score), FOLDS)]
    return min(float(score.shape[1]), FOLDS / float(np.var(months, ddof=1)))


def evidence(score: Floats, *, n_known: float = np.inf, threshold: float = np.inf) -> Floats:
    """(2, days) -> (days,) accumulated; it begins anew after a day that reached the threshold.

    n_known: days' worth of what is known of the mean, which is learned on from every day that
    raises no suspicion, as the detector does.
    """
    sums, gathered, mean, n = start_sums(1), np.zeros(score.shape[1]), 0.0, n_known
    for day, value in enumerate(signed(score)):
        beyond = (score[:, day] - (mean, -mean)) / np.sqrt(1 + 1 / n)
        stake = stakes(np.array([n])) * (BETS >= SMALLEST_BET)[:, np.newaxis]
        sums = accumulate(sums, gains(beyond[:, np.newaxis]), stake)
        gathered[day] = by_component(sums)[0]
        if gathered[day] >= threshold:
            sums, mean, n = start_sums(1), 0.0, n_known
        elif gathered[day] < SUSPICION:
            n += 1
            mean += (value - mean) / n
    return gathered


def alarms_between(days: Days, reference: slice, judged: slice) -> list[int]:
    """Days from the first that is judged to each alarm."""
    score = scores(errors(days, reference), reference)
    known = n_known(score[:, reference])
    threshold = max(LEAST_THRESHOLD, evidence(score[:, reference], n_known=known).max())
    return alarms(score[:, judged], n_known=known, threshold=threshold)


def alarms(score: Floats, *, threshold: float, n_known: float = np.inf) -> list[int]:
    reached = evidence(score, n_known=n_known, threshold=threshold) >= threshold
    return [int(day) for day in np.flatnonzero(reached)]


def ridership(folder: Path, mode: str, *, holidays: bool) -> Ridership:
    days = read(folder, mode, holidays=holidays)
    trained = days.span(date(2018, 3, 1), date(2019, 3, 1))
    quiet = days.span(date(2019, 3, 1), date(2020, 3, 1))
    spring = days.span(date(2020, 3, 1), date(2020, 6, 1))
    lockdown = alarms_between(days, trained, spring)
    first = date.fromordinal(date(2020, 3, 1).toordinal() + lockdown[0]) if lockdown else None
    counts = [
        len(alarms_between(days, _year(days, year - 1), _year(days, year)))
        for year in CONTROL_YEARS
    ]
    return Ridership(
        boardings=mode,
        holidays="told" if holidays else "not told",
        first_alarm=str(first),
        false_alarms=len(alarms_between(days, trained, quiet)),
        per_year=float(np.mean(counts)),
    )


def _year(days: Days, year: int) -> slice:
    return days.span(date(year, 1, 1), date(year + 1, 1, 1))


def run(folder: Path) -> Iterator[Ridership]:
    for holidays in (False, True):
        for mode in MODES:
            yield ridership(folder, mode, holidays=holidays)


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two tables")
    arguments = parser.parse_args()
    print_table(run(arguments.data), arguments)
