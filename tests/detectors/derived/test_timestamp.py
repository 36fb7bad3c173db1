from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.columns import Coded, Column, ColumnType, Field, Floats
from detectors.derived.timestamp import DAY_S, WEEK_S, TimestampDerivation

BOOKED = Field("booked", ColumnType.TIMESTAMP)
ALL = TimestampDerivation(field=BOOKED, with_age=True, with_hour=True, with_day=True)

TIMES: Floats = np.arange(1.7e9, 1.7e9 + 3.6e6, 3600.0)

seconds = st.datetimes(timezones=st.just(UTC)).map(datetime.timestamp)
anything = st.integers(0, 20).flatmap(lambda n: arrays(np.float64, n, elements=st.floats()))


def derived(
    derivation: TimestampDerivation, column: Floats, times: Floats | None
) -> dict[str, Column]:
    names = (field.name.removeprefix("booked.") for field in derivation.fields)
    return dict(zip(names, derivation.derive(column, times).columns, strict=True))


def level(column: Column, row: int) -> str | None:
    assert isinstance(column, Coded)
    return column.levels[column.codes[row]] if column.codes[row] >= 0 else None


@given(seconds)
def test_hour_and_day_are_the_calendars(value: float) -> None:
    found = derived(ALL, np.array([value]), np.array([value + 90.0]))
    then = datetime.fromtimestamp(value, UTC)
    hours = found["hour_of_day"]
    assert not isinstance(hours, Coded)
    assert hours[0] == pytest.approx(then.hour + then.minute / 60 + then.second / 3600)
    assert level(found["day_of_week"], 0) == then.strftime("%A")


def test_age_is_how_long_before_the_event_it_was() -> None:
    found = derived(ALL, np.array([100.0, 400.0, np.nan]), np.array([300.0, 300.0, 300.0]))
    np.testing.assert_array_equal(found["age"], [200.0, -100.0, np.nan])


def test_without_event_times_ages_are_missing() -> None:
    found = derived(ALL, np.array([100.0]), None)
    np.testing.assert_array_equal(found["age"], [np.nan])


@pytest.mark.parametrize(
    ("spread_s", "names"),
    [
        (60.0, ["booked.age"]),
        (2 * DAY_S, ["booked.age", "booked.hour_of_day"]),
        (2 * WEEK_S, ["booked.age", "booked.hour_of_day", "booked.day_of_week"]),
    ],
)
def test_what_follows_the_event_repeats_no_calendar(spread_s: float, names: list[str]) -> None:
    ages = np.linspace(0, spread_s, 1000)
    fitted = TimestampDerivation.fit(BOOKED, TIMES - ages, times=TIMES)
    assert [field.name for field in fitted.fields] == names


def test_a_few_wild_ages_do_not_decide() -> None:
    column = TIMES - 60.0
    column[::50] = 0.0
    fitted = TimestampDerivation.fit(BOOKED, column, times=TIMES)
    assert [field.name for field in fitted.fields] == ["booked.age"]


def test_without_event_times_there_is_only_whether_it_is_known() -> None:
    column = np.array([1.0, np.nan, np.inf])
    fitted = TimestampDerivation.fit(BOOKED, column, times=None)
    assert [field.name for field in fitted.fields] == ["booked.known"]
    known = derived(fitted, column, TIMES[:3])["known"]
    assert [level(known, row) for row in range(3)] == ["true", "false", "false"]


@given(column=anything)
def test_whatever_comes_has_its_place_or_is_missing(column: Floats) -> None:
    fitted = TimestampDerivation.fit(BOOKED, column, times=np.zeros(len(column)))
    assert fitted.fields
    found = derived(ALL, column, np.zeros(len(column)))
    hours, finite = found["hour_of_day"], np.isfinite(column)
    assert not isinstance(hours, Coded)
    np.testing.assert_array_equal(np.isnan(hours), ~finite)
    assert ((hours[finite] >= 0) & (hours[finite] < 24)).all()


def test_text_is_no_time() -> None:
    with pytest.raises(ValueError, match="'booked' is a timestamp, but does not hold times"):
        ALL.derive(Coded(np.zeros(1, dtype=np.int32), ("noon",)), None)
