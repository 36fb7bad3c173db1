from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.demo.rides import CATEGORIES, FEATURES, STOPS, TARGET, TIME, simulate
from monitor.demo.weather import weather

LOCKDOWN = date(2020, 3, 16)


@pytest.fixture(scope="module")
def spring() -> pa.Table:
    return simulate(date(2020, 2, 10), 70, 600, seed=7, lockdown=LOCKDOWN)


def before(rides: pa.Table) -> pa.Table:
    return rides.filter(pc.less(rides[TIME], pa.scalar(datetime(2020, 3, 16, tzinfo=UTC))))


def after(rides: pa.Table) -> pa.Table:
    return rides.filter(pc.greater(rides[TIME], pa.scalar(datetime(2020, 3, 18, tzinfo=UTC))))


def test_the_same_seed_gives_the_same_rides() -> None:
    first, second = (simulate(date(2020, 2, 10), 7, 100, seed=1) for _ in range(2))
    assert first.equals(second)
    assert not first.equals(simulate(date(2020, 2, 10), 7, 100, seed=2))


@settings(max_examples=20, deadline=None)
@given(skip=st.integers(0, 20), days=st.integers(0, 10))
def test_a_stretch_of_days_is_part_of_any_longer_one(skip: int, days: int) -> None:
    whole = simulate(date(2020, 3, 1), 30, 60, seed=3, lockdown=LOCKDOWN)
    start = date(2020, 3, 1) + timedelta(days=skip)
    part = simulate(start, days, 60, seed=3, lockdown=LOCKDOWN)
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    within = pc.and_(
        pc.greater_equal(whole[TIME], pa.scalar(begin)),
        pc.less(whole[TIME], pa.scalar(begin + timedelta(days=days))),
    )
    assert whole.filter(within).equals(part)


def test_a_usual_day_has_as_many_rows_as_asked_for(spring: pa.Table) -> None:
    assert simulate(date(2020, 2, 10), 1, 600, seed=7).num_rows == 600


def test_rows_are_in_time_order_and_in_the_rush_hours(spring: pa.Table) -> None:
    moments = spring[TIME].cast(pa.int64()).to_numpy()
    hours = pc.hour(spring[TIME]).to_numpy()
    assert np.all(np.diff(moments) >= 0)
    assert set(hours) <= {7, 8, 9, 16, 17, 18}


def test_categories_hold_their_levels_and_nothing_else(spring: pa.Table) -> None:
    for name, levels in CATEGORIES.items():
        assert set(spring[name].unique().to_pylist()) <= set(levels)
    assert set(spring["stop"].unique().to_pylist()) == set(STOPS)


def test_only_sensors_miss_values(spring: pa.Table) -> None:
    with_nulls = {name for name in spring.column_names if spring[name].null_count}
    assert with_nulls == {"temperature_c", "boarded_last_15min"}
    assert spring["boarded_last_15min"].null_count / spring.num_rows == pytest.approx(0.02, rel=0.2)


def test_free_seats_are_between_none_and_all(spring: pa.Table) -> None:
    assert pc.min(spring[TARGET]).as_py() == 0
    assert pc.max(spring[TARGET]).as_py() <= 150


def test_a_lockdown_empties_the_line(spring: pa.Table) -> None:
    usual, closed = before(spring), after(spring)
    share = (
        pc.mean(closed["boarded_last_15min"]).as_py() / pc.mean(usual["boarded_last_15min"]).as_py()
    )
    assert share == pytest.approx(0.15, abs=0.05)
    assert pc.mean(closed["headway_min"]).as_py() == pytest.approx(
        pc.mean(usual["headway_min"]).as_py() / 0.45, rel=0.15
    )
    assert set(closed["event_nearby"].unique().to_pylist()) == {"none"}
    assert set(closed["vehicle"].unique().to_pylist()) == {"classic", "low-floor"}


def test_the_weather_knows_nothing_of_a_lockdown(spring: pa.Table) -> None:
    open_city = simulate(date(2020, 3, 16), 30, 600, seed=7)
    closed = simulate(date(2020, 3, 16), 30, 600, seed=7, lockdown=LOCKDOWN)
    for column in ("temperature_c", "rain_mm"):
        assert pc.mean(closed[column]).as_py() == pytest.approx(
            pc.mean(open_city[column]).as_py(), abs=0.3
        )


def test_winter_is_colder_than_summer_and_weather_has_a_memory() -> None:
    days = [date(2019, 1, 1) + timedelta(days=i) for i in range(365)]
    degrees = np.array([weather(day, seed=5).temperature for day in days])
    assert degrees[:59].mean() < degrees[151:243].mean() - 6
    rain = np.array([weather(day, seed=5).showers for day in days])
    assert np.corrcoef(rain[1:], rain[:-1])[0, 1] > 0.3


def test_no_days_is_an_empty_table_with_all_columns() -> None:
    assert simulate(date(2020, 2, 10), 0, 600, seed=1).column_names == [TIME, *FEATURES, TARGET]
