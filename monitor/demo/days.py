"""The days of the simulated city: when people work, and the days on which nothing was usual."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Irregular:
    """How a day differed from what its date would suggest.

    riders: passengers as a share of the usual ones. trips: departures as a share of the plan.
    slow: by how much everything was later than usual.
    """

    riders: float
    trips: float = 1.0
    slow: float = 1.0


_STRIKE = Irregular(riders=0.6, trips=0.6)
_SNOW = Irregular(riders=0.65, trips=0.8, slow=4.0)
_POWER_FAILURE = Irregular(riders=0.2, trips=0.5)
_CHRISTMAS = Irregular(riders=0.65, trips=0.8)

_IRREGULAR_DAYS = {
    date(2018, 2, 20): _SNOW,
    date(2018, 9, 25): _STRIKE,
    date(2019, 2, 12): _SNOW,
    date(2019, 3, 5): _POWER_FAILURE,
    date(2019, 3, 27): _STRIKE,
    date(2019, 11, 19): _SNOW,
    **{date(year, 12, day): _CHRISTMAS for year in (2018, 2019) for day in (23, 24, 27, 30, 31)},
    **{date(year, 1, day): _CHRISTMAS for year in (2019, 2020) for day in (2, 3, 4)},
}


def irregular(day: date) -> Irregular:
    """What was unusual about the day; most days have nothing of it."""
    return _IRREGULAR_DAYS.get(day, Irregular(riders=1.0))


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus, Nature 13, 1876, 487)."""
    century = year // 100
    golden = year % 19
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon -= (moon // 28) * (1 - (29 // (moon + 1)) * ((21 - golden) // 11))
    sunday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    offset = moon - sunday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))


def is_working_day(day: date) -> bool:
    """Monday to Friday, public holidays left out."""
    fixed = {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}
    movable = {timedelta(days=offset) for offset in (-2, 1, 39, 50)}
    return (
        day.weekday() < 5
        and (day.month, day.day) not in fixed
        and day - easter(day.year) not in movable
    )


def working_days(first_day: date, days: int) -> Iterator[date]:
    """The working days among `days` days from `first_day` on."""
    for offset in range(days):
        day = first_day + timedelta(days=offset)
        if is_working_day(day):
            yield day
