"""Charts are in their places: checked against plain arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.server.charts import HEIGHT, Axis, Scale, Series, line, power_of_ten

DAY = 86_400.0
MARCH = 1_583_020_800.0  # 2020-03-01


def test_a_linear_scale_holds_zero_and_its_round_ticks() -> None:
    scale = Scale.linear([4.0, None, 10.0])
    assert scale.y(0.0) == HEIGHT
    assert [tick.label for tick in scale.ticks()] == ["0", "5", "10"]
    assert scale.y(5.0) == pytest.approx(HEIGHT * (1 - 5 / 10.8))


def test_a_logarithmic_scale_has_powers_of_ten_at_equal_distances() -> None:
    ticks = Scale.logarithmic([1e4], least=0.1).ticks()
    assert [tick.label for tick in ticks] == ["0.1", "10", "10³"]
    assert ticks[0].at - ticks[1].at == pytest.approx(ticks[1].at - ticks[2].at)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_every_value_and_every_tick_is_inside(values: list[float]) -> None:
    scale = Scale.linear(values)
    places = [scale.y(value) for value in values] + [tick.at for tick in scale.ticks()]
    assert all(-1e-6 <= y <= HEIGHT + 1e-6 for y in places)


@given(st.floats(60.0, 3e9), st.floats(0, 4e9))
def test_times_are_few_and_in_order(span: float, first: float) -> None:
    ticks = Axis(first, first + span).ticks()
    assert len(ticks) <= 7
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)


def test_a_quarter_is_told_by_its_weeks_and_a_year_by_its_months() -> None:
    quarter = Axis(MARCH, MARCH + 80 * DAY).ticks()
    assert [tick.label for tick in quarter][:2] == ["5 Mar", "19 Mar"]
    year = Axis(MARCH - DAY, MARCH + 300 * DAY).ticks()
    assert [tick.label for tick in year][:3] == ["1 Mar", "1 May", "1 Jul"]


def test_a_gap_parts_a_line_and_its_band() -> None:
    values: list[float | None] = [1.0, 2.0, None, 3.0]
    axis, scale = Axis(0.0, 3.0), Scale.linear(values)
    drawn = line(Series("realised", values, values, values), [0.0, 1.0, 2.0, 3.0], axis, scale)
    assert (len(drawn.paths), len(drawn.dots)) == (1, 1)
    assert drawn.band.count("M") == 1
    assert drawn.paths[0].startswith(f"0.0,{scale.y(1.0):.2f} 333.3,")


def test_a_single_moment_is_in_the_middle() -> None:
    assert Axis(MARCH, MARCH).percent(MARCH) == 50.0


def test_less_than_a_tenth_of_evidence_is_none() -> None:
    assert power_of_ten(0.0) == -1.0
    assert power_of_ten(1000.0) == pytest.approx(3.0)
