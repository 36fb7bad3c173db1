from datetime import date

import pytest

from monitor.demo.days import easter, is_working_day, working_days


@pytest.mark.parametrize(
    "sunday",
    # United States Naval Observatory, "The Date of Easter": the earliest, the latest, and ours.
    [date(1818, 3, 22), date(1943, 4, 25), date(2000, 4, 23), date(2019, 4, 21), date(2020, 4, 12)],
)
def test_easter_falls_on_its_published_dates(sunday: date) -> None:
    assert easter(sunday.year) == sunday


def test_a_week_has_five_working_days() -> None:
    assert [day.day for day in working_days(date(2020, 3, 14), 9)] == [16, 17, 18, 19, 20]


@pytest.mark.parametrize(
    "holiday", [date(2020, 1, 1), date(2020, 4, 10), date(2020, 4, 13), date(2020, 5, 21)]
)
def test_public_holidays_are_no_working_days(holiday: date) -> None:
    assert not is_working_day(holiday)
