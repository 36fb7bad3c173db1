import pytest

from detectors.decision.budget import DAY_S, Budget


def test_one_alarm_in_ninety_days_is_a_ninetieth_per_daily_window() -> None:
    assert Budget(alarms=1, period_s=90 * DAY_S).per_window(DAY_S) == pytest.approx(1 / 90)


def test_shorter_windows_get_less_each_so_that_the_promise_stays_the_same() -> None:
    budget = Budget()
    assert 24 * budget.per_window(3600) == pytest.approx(budget.per_window(DAY_S))


def test_a_window_longer_than_the_period_still_needs_evidence() -> None:
    assert Budget(alarms=1, period_s=DAY_S).per_window(30 * DAY_S) == 0.5


@pytest.mark.parametrize(("alarms", "period_s"), [(0, 1.0), (1, 0.0), (-1, 1.0), (float("nan"), 1)])
def test_a_budget_without_alarms_or_time_is_refused(alarms: float, period_s: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Budget(alarms=alarms, period_s=period_s)
