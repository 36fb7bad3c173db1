"""When nobody is told."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts.matchers import Matcher
from alerts.silences import DAYS, Silence, Weekly

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def weekly(from_: str, until: str, *days: str, zone: ZoneInfo | None = None) -> Weekly:
    return Weekly(
        days=frozenset(day for day in DAYS if day in days),
        from_=time.fromisoformat(from_),
        until=time.fromisoformat(until),
        zone=zone or ZoneInfo("UTC"),
    )


@pytest.mark.parametrize(
    ("moment", "is_covered"),
    [
        ("2026-11-21 01:59", False),  # a Saturday
        ("2026-11-21 02:00", True),
        ("2026-11-21 03:59", True),
        ("2026-11-21 04:00", False),
        ("2026-11-22 03:00", False),
    ],
)
def test_hours_of_a_day_of_the_week(moment: str, is_covered: bool) -> None:
    assert weekly("02:00", "04:00", "sat").covers(at(moment)) is is_covered


@pytest.mark.parametrize(
    ("moment", "is_covered"),
    [
        ("2026-11-21 21:59", False),
        ("2026-11-21 22:00", True),
        ("2026-11-22 01:59", True),
        ("2026-11-22 02:00", False),
        ("2026-11-22 23:00", False),
        ("2026-11-21 01:00", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, is_covered: bool) -> None:
    assert weekly("22:00", "02:00", "sat").covers(at(moment)) is is_covered


def test_from_and_to_the_same_hour_is_a_whole_day() -> None:
    whole = weekly("00:00", "00:00", "sun")
    covered = [whole.covers(at(f"2026-11-{day} 12:00")) for day in (21, 22, 23)]
    assert covered == [False, True, False]


def test_the_clock_on_the_wall_decides_in_summer_and_in_winter() -> None:
    early = weekly("02:00", "04:00", *DAYS, zone=BERLIN)
    assert early.covers(at("2026-01-10 01:30"))  # 02:30 CET
    assert not early.covers(at("2026-07-10 02:30"))  # 04:30 CEST
    assert early.covers(at("2026-07-10 00:30"))  # 02:30 CEST


def test_a_silence_hushes_what_it_matches_while_it_lasts() -> None:
    silence = Silence(id="s", matchers=(Matcher("team", "=", "a"),), starts_at=10.0, ends_at=20.0)
    hushed = [now for now in (9.0, 10.0, 19.0, 20.0) if silence.hushes({"team": "a"}, now)]
    assert hushed == [10.0, 19.0]
    assert not silence.hushes({"team": "b"}, 15.0)
