"""Believable rides of one tram line, simulated: what its vehicles would have recorded.

One row is one vehicle leaving one stop in the rush hours (7 to 9, 16 to 18) of a working day:
what its sensors and the timetable know by then, and how many seats are free, which the model
is to predict. Passengers are simulated, not drawn from a formula: they arrive at a stop at a
rate that depends on the stop, the time, the weekday, the season, the weather and what is on
nearby; the next vehicle takes them aboard and some of them leave at each stop that follows.

Every day is a function of its date and the seed alone, so two processes that simulate
overlapping stretches see the same days. Days differ at random besides; sensors fail at times.

A lockdown empties the line within three days to about 15 % of its passengers, cancels events,
thins the timetable to 45 %, takes the coupled trams off the road and flattens the rush hour. The
weather knows nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import cos, pi

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.columns import Floats
from monitor.demo.days import irregular, working_days
from monitor.demo.weather import Weather, weather

TIME = "departed_at"
TARGET = "free_seats"

STOPS = (
    "Hillside", "Orchard", "Mill Lane", "Stadium", "Harbour", "Old Town",
    "Central", "Theatre", "University", "Hospital", "Science Park", "Airport",
)  # fmt: skip
VEHICLES = ("classic", "low-floor", "coupled")
SEATS = np.array([64.0, 84.0, 150.0])
EVENTS = ("none", "match", "concert")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "stop": STOPS,
    "weekday": WEEKDAYS,
    "event_nearby": EVENTS,
    "vehicle": VEHICLES,
}
FEATURES = (
    "stop",
    "weekday",
    "minute_of_day",
    "temperature_c",
    "rain_mm",
    "event_nearby",
    "vehicle",
    "headway_min",
    "delay_s",
    "boarded_last_15min",
)

_MINUTES_BETWEEN_STOPS = 2.5
_RUSH_MINUTES = 120.0
_RUSH_STARTS = (420.0, 960.0)
# Passengers a minute who want to travel from each stop: towards the city in the morning,
# from it in the afternoon; and the share of those aboard who get out there.
_MORNING = np.array([3.8, 3.5, 3.2, 2.1, 2.4, 2.5, 3.1, 1.6, 1.4, 1.2, 0.8, 0.3])
_AFTERNOON = np.array([1.2, 1.4, 1.5, 2.0, 2.8, 3.4, 4.7, 2.9, 3.3, 2.4, 2.2, 0.5])
_ALIGHT = np.array([0.0, 0.02, 0.04, 0.06, 0.12, 0.2, 0.3, 0.22, 0.3, 0.25, 0.3, 0.35])
_EVENT_STOPS = {"match": 3, "concert": 7}

_USUAL_VEHICLES = (0.3, 0.45, 0.25)
_LOCKDOWN_VEHICLES = (0.5, 0.5, 0.0)
_LOCKDOWN_RIDERS = (0.2, 0.17, 0.15)
_LOCKDOWN_TRIPS = 0.45

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Day:
    """What holds for the whole of one day."""

    date: date
    weather: Weather
    event: str
    riders: float
    trips: float
    slow: float
    vehicles: tuple[float, ...]
    peak: float
    """How sharp the rush hour is; 0 is a flat day."""


def simulate(
    first_day: date, days: int, rows_per_day: int, seed: int, lockdown: date | None = None
) -> pa.Table:
    """The rides of the working days among `days` days from `first_day` on, in time order.

    A day of the usual timetable has about `rows_per_day` rows, a day of the lockdown 45 % of them.
    Columns: `departed_at` (UTC), then FEATURES, then the target `free_seats`; a missing
    value is null. The city keeps UTC.
    """
    trips = max(2, round(rows_per_day / len(STOPS)))
    parts = [
        _rides(_day(day, seed, lockdown), trips, np.random.default_rng((seed, day.toordinal(), 2)))
        for day in working_days(first_day, days)
    ]
    return pa.concat_tables(parts) if parts else _SCHEMA.empty_table()


def _day(day: date, seed: int, lockdown: date | None) -> _Day:
    rng = np.random.default_rng((seed, day.toordinal(), 1))
    sky, unusual = weather(day, seed), irregular(day)
    mood, event = rng.normal(0.0, 0.05), _event(day, rng)
    riders = unusual.riders * _expected_riders(day, sky) * float(np.exp(mood))
    closed = lockdown is not None and day >= lockdown
    if closed and lockdown is not None:
        riders *= _LOCKDOWN_RIDERS[min((day - lockdown).days, len(_LOCKDOWN_RIDERS) - 1)]
    return _Day(
        date=day,
        weather=sky,
        event="none" if closed else event,
        riders=riders,
        trips=unusual.trips * (_LOCKDOWN_TRIPS if closed else 1.0),
        slow=unusual.slow,
        vehicles=_LOCKDOWN_VEHICLES if closed else _USUAL_VEHICLES,
        peak=0.1 if closed else 0.5,
    )


def _expected_riders(day: date, sky: Weather) -> float:
    """The day's passengers as a share of an average day's: weekday, season, rain."""
    weekday = (1.02, 1.04, 1.03, 1.01, 0.90)[day.weekday()]
    season = 1.0 + 0.08 * cos(2 * pi * (day.timetuple().tm_yday - 30) / 365.25)
    school_holidays = 0.85 if (7, 15) <= (day.month, day.day) <= (8, 25) else 1.0
    return weekday * season * school_holidays * (1.0 + 0.1 * sky.showers)


def _event(day: date, rng: np.random.Generator) -> str:
    match = 0.2 if day.weekday() in (1, 2) else 0.03
    return str(rng.choice(EVENTS, p=(0.85 - match, match, 0.15)))


def _rides(day: _Day, planned_trips: int, rng: np.random.Generator) -> pa.Table:
    """One day's rows. Arrays are (trips, stops) unless they say otherwise."""
    start, gap = _timetable(planned_trips, day.trips)
    vehicle = rng.choice(len(VEHICLES), size=len(start), p=day.vehicles)
    delay = _delays(day, len(start), rng)
    minute = start[:, None] + _MINUTES_BETWEEN_STOPS * np.arange(len(STOPS)) + delay / 60.0
    headway = np.maximum(0.5, gap + np.diff(delay, axis=0, prepend=delay[:1]) / 60.0)
    events = np.array([_event_at(day.event, stop, start) for stop in range(len(STOPS))]).T
    boarded = rng.poisson(_arrivals(day, minute, events) * np.minimum(headway, 20.0))
    aboard = _aboard(boarded, rng)
    return _table(
        day,
        minute,
        {
            "stop": np.broadcast_to(np.arange(len(STOPS)), minute.shape),
            "event_nearby": events,
            "vehicle": np.broadcast_to(vehicle[:, None], minute.shape),
            "temperature_c": _temperature(day, minute, rng),
            "headway_min": headway.round(1),
            "delay_s": delay.round(),
            "boarded_last_15min": _last_15_minutes(boarded, minute),
            TARGET: np.maximum(0.0, SEATS[vehicle][:, None] - aboard),
        },
        rng,
    )


def _timetable(planned_trips: int, share: float) -> tuple[Floats, float]:
    """Minutes of the day at which trips leave the first stop, and the minutes between them."""
    each = max(1, round(planned_trips * share / len(_RUSH_STARTS)))
    gap = _RUSH_MINUTES / each
    return np.concatenate([rush + gap * np.arange(each) for rush in _RUSH_STARTS]), gap


def _delays(day: _Day, trips: int, rng: np.random.Generator) -> Floats:
    """Seconds behind the timetable: they grow along the line, more so in rain and snow."""
    scale = (
        6.0 * day.slow * (1.0 + 0.5 * day.weather.showers) * (0.35 + 0.65 * min(day.riders, 1.2))
    )
    late_start = rng.exponential(30.0 * day.slow, size=(trips, 1))
    grown = np.cumsum(rng.gamma(1.5, scale, size=(trips, len(STOPS))), axis=1)
    return np.asarray(late_start + grown)


def _event_at(event: str, stop: int, start: Floats) -> Ints:
    """Codes of EVENTS by trip: an event is felt in the afternoon, at its stop and beside it."""
    if event == "none" or abs(stop - _EVENT_STOPS[event]) > 1:
        return np.zeros(len(start), dtype=np.int64)
    return np.where(start > 720.0, EVENTS.index(event), 0)


def _arrivals(day: _Day, minute: Floats, events: Ints) -> Floats:
    """Passengers a minute who come to each stop."""
    morning = minute < 720.0
    peak = np.where(morning, 480.0, 1020.0)
    wave = 1.0 + day.peak * (np.exp(-(((minute - peak) / 35.0) ** 2)) - 0.5)
    going_out = np.array([1.0, 2.2, 1.6])[events]
    return np.asarray(np.where(morning, _MORNING, _AFTERNOON) * wave * going_out * day.riders)


def _aboard(boarded: Ints, rng: np.random.Generator) -> Floats:
    """Passengers in the vehicle as it leaves each stop."""
    aboard = np.zeros(boarded.shape)
    load = np.zeros(len(boarded), dtype=np.int64)
    for stop, share in enumerate(_ALIGHT):
        load = load - rng.binomial(load, share) + boarded[:, stop]
        aboard[:, stop] = load
    return aboard


def _last_15_minutes(boarded: Ints, minute: Floats) -> Floats:
    """Who boarded at the stop in the 15 minutes up to the departure, this vehicle included."""
    ago = minute[:, None, :] - minute[None, :, :]
    recent = (ago >= 0.0) & (ago < 15.0)
    return np.asarray(np.einsum("ijs,js->is", recent, boarded), dtype=np.float64)


def _table(
    day: _Day, minute: Floats, recorded: Mapping[str, Floats | Ints], rng: np.random.Generator
) -> pa.Table:
    """Rows in time order, with what no vehicle measures, and without what was not counted."""
    order = np.argsort(minute, axis=None, kind="stable")
    flat = {name: values.reshape(-1)[order] for name, values in recorded.items()}
    minutes = minute.reshape(-1)[order]
    n = len(minutes)
    midnight = datetime(day.date.year, day.date.month, day.date.day, tzinfo=UTC)
    micros = np.int64(midnight.timestamp() * 1e6) + (minutes * 60e6).astype(np.int64)
    flat[TIME] = micros
    flat["weekday"] = np.full(n, day.date.weekday())
    flat["minute_of_day"] = np.floor(minutes)
    raining = rng.random(size=n) < day.weather.showers  # showers are short and local
    flat["rain_mm"] = np.where(raining, 0.1 + rng.exponential(1.2, size=n), 0.0).round(1)
    outage = rng.random(size=n) < 0.02
    flat["boarded_last_15min"] = np.where(outage, np.nan, flat["boarded_last_15min"])
    return pa.Table.from_arrays(
        [_array(name, flat[name]) for name in _SCHEMA.names], schema=_SCHEMA
    )


def _temperature(day: _Day, minute: Floats, rng: np.random.Generator) -> Floats:
    """°C by trip and stop, as each vehicle's own sensor has it: in sun and shade, warmer in the
    afternoon; one in thirty is broken.
    """
    sunny = 2.5 * np.where(minute > 720.0, 1.0, -1.0) + rng.normal(0.0, 2.0, size=minute.shape)
    broken = rng.random(size=(len(minute), 1)) < 1 / 30
    return np.where(broken, np.nan, (day.weather.temperature + sunny).round(1))


def _array(name: str, values: Floats | Ints) -> pa.Array:
    if name == TIME:
        return pa.array(values, type=pa.timestamp("us", tz="UTC"))
    if name in CATEGORIES:
        return pa.array(np.array(CATEGORIES[name], dtype=object)[values], type=pa.string())
    return pa.array(values, from_pandas=True)


_SCHEMA = pa.schema(
    [
        (TIME, pa.timestamp("us", tz="UTC")),
        *((name, pa.string() if name in CATEGORIES else pa.float64()) for name in FEATURES),
        (TARGET, pa.float64()),
    ]
)


def day_of(table: pa.Table) -> list[date]:
    """The distinct days of a table of rides, in order."""
    micros = table[TIME].cast(pa.int64()).to_numpy()
    first = date(1970, 1, 1)
    return [first + timedelta(days=int(n)) for n in np.unique(micros // 86_400_000_000)]
