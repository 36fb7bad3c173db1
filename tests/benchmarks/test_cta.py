"""The one-row-a-day benchmark on days made up here."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cta import (
    Days,
    alarms,
    alarms_between,
    errors,
    evidence,
    n_known,
    read,
    scores,
)

YEAR = slice(0, 365)


def days(rng: np.random.Generator, *, memory: float = 0.0, drop: float = 0.0) -> Days:
    """Two years of noise about a slope; the second's last 30 days drop."""
    noise = rng.normal(size=730)
    for i in range(1, 730):
        noise[i] += memory * noise[i - 1]
    noise[700:] -= drop
    x = rng.normal(size=730)
    return Days(date(2000, 1, 1), 3 + 2 * x + noise, np.stack([np.ones(730), x], axis=1))


def test_errors_of_the_reference_keep_no_memory_of_the_day_before() -> None:
    error = errors(days(np.random.default_rng(1), memory=0.6), YEAR)
    usual = error[YEAR]
    assert abs(np.corrcoef(usual[1:-1], usual[2:])[0, 1]) < 0.1


def test_as_many_of_the_reference_score_high_as_of_a_normal_law() -> None:
    score = scores(np.random.default_rng(1).normal(size=400), slice(0, 400))
    assert score.shape == (2, 400)
    for limit, share in ((0.0, 0.5), (1.645, 0.05), (2.326, 0.01)):
        np.testing.assert_allclose((score >= limit).mean(axis=1), share, atol=0.005)


def test_an_alarm_comes_when_the_evidence_reaches_what_it_reached() -> None:
    score = np.tile([[0.5], [-0.5]], 40) + np.random.default_rng(1).normal(size=(2, 40)) / 4
    highest = evidence(score).max()
    assert alarms(score, threshold=highest) != []
    assert alarms(score, threshold=highest * 1.01) == []


def test_days_whose_months_differ_tell_less_of_their_mean() -> None:
    rng = np.random.default_rng(1)
    noise, months = rng.normal(size=360), np.repeat(rng.normal(size=12), 30) / 2
    independent, differing = (n_known(np.stack([x, -x])) for x in (noise, noise + months))
    assert 150 < independent <= 360
    assert 20 < differing < 90  # a month's mean has variance 1/4 + 1/30: twelve know it as 42 days


def test_what_to_expect_is_learned_from_days_that_raise_no_suspicion() -> None:
    score = np.tile([[0.8], [-0.8]], 300)
    assert evidence(score, n_known=30).max() < evidence(score).max()


def test_a_drop_is_seen_within_days() -> None:
    dropped = days(np.random.default_rng(1), memory=0.4, drop=4.0)
    assert alarms_between(dropped, YEAR, slice(700, 730))[0] <= 3


def test_quiet_years_have_at_most_an_alarm_each() -> None:
    quiet = (days(np.random.default_rng(seed), memory=0.65) for seed in range(10))
    found = [len(alarms_between(each, YEAR, slice(365, 730))) for each in quiet]
    assert sum(found) <= 10


def test_tables_with_a_gap_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cta_rides.csv").write_text("date,bus,L\n2000-01-01,1,1\n2000-01-03,1,1\n")
    (tmp_path / "cta_weather_calendar.csv").write_text("date\n2000-01-01\n2000-01-03\n")
    with pytest.raises(ValueError, match="without gaps"):
        read(tmp_path, "L", holidays=True)
