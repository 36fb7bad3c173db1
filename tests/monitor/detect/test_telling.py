"""Who is told of what, whatever stands between: nothing is lost, and nothing is said twice."""

from dataclasses import replace

import pytest

from alerts.words import Telling
from detectors.report import Explanation, Reason, Shift
from monitor.sql.database import Database
from tests.alerts.reports import QUIET, drifting
from tests.monitor.detect.house import House

BROKEN = replace(
    drifting(),
    explanation=Explanation(shift=Shift.DATA_QUALITY, because="half are missing", movements=()),
)
FIRES, ENDS = ("pager", "drift", "firing"), ("pager", "drift", "resolved")


@pytest.fixture
def house(database: Database) -> House:
    made = House(database)
    made.apply()
    return made


def test_an_alert_is_told_once_and_so_is_its_end(house: House) -> None:
    house.hour(0, drifting())
    assert house.tellings() == [Telling.TOLD]
    house.hour(1, drifting())
    assert house.tellings() == []
    house.hour(2, QUIET)
    house.tell()
    assert house.told() == [FIRES, ENDS]


def test_what_is_over_before_anybody_was_told_is_not_told(house: House) -> None:
    house.hour(0, drifting())
    house.hour(1, QUIET)
    assert house.tellings() == [Telling.NEVER_TOLD]
    assert house.told() == []


def test_broken_data_are_told_and_the_drift_that_they_cause_is_not(house: House) -> None:
    house.hour(0, BROKEN)
    assert sorted(house.tellings()) == [Telling.INHIBITED, Telling.TOLD]
    assert house.told() == [("pager", "data quality", "firing")]


def test_drift_that_outlasts_the_broken_data_is_told(house: House) -> None:
    house.hour(0, BROKEN)
    house.tell()
    house.hour(1, drifting())
    house.tell()
    broke = "pager", "data quality"
    assert sorted(house.told()) == sorted([(*broke, "firing"), (*broke, "resolved"), FIRES])


def test_evidence_that_broken_data_left_is_explained_by_them_for_three_windows(
    house: House,
) -> None:
    left = replace(drifting(), reason=Reason.ACCUMULATED_EVIDENCE)
    house.hour(0, BROKEN)
    house.tell()
    for hour in (1, 2, 3):
        house.hour(hour, left)
        house.tell()
        assert FIRES not in house.told()
    house.hour(4, left)
    house.tell()
    assert FIRES in house.told()


def test_what_causes_what_is_told_is_not_told(house: House) -> None:
    house.apply(causes=["outlier rate", "estimated performance"])
    house.hour(0, drifting())
    house.tell()
    assert house.told() == [FIRES]


def test_a_route_decides_who_is_told_and_what_none_takes_goes_to_all(database: Database) -> None:
    house = House(database)
    both = [{"name": one, "url": "https://example.org", "secret_file": "/s"} for one in ("a", "b")]
    routes = [{"match": ["cause=drift", "team=~s.*"], "channels": ["b"]}]
    house.apply(labels={"team": "seats"}, webhooks=both, routes=routes)
    house.apply("other", webhooks=both, routes=routes)
    for name in ("seats", "other"):
        house.hour(0, drifting(), name)
        house.tell()
    assert sorted(endpoint for endpoint, _, _ in house.told()) == ["a", "b", "b"]


def test_nobody_to_tell_is_a_reason_until_there_is_somebody(house: House) -> None:
    house.apply(webhooks=[])
    house.hour(0, drifting())
    assert house.tellings() == [Telling.NO_CHANNEL]
    assert house.tellings() == []
    house.apply()
    assert house.tellings() == [Telling.TOLD]


def test_the_end_is_told_to_those_who_know_of_the_beginning(house: House) -> None:
    house.hour(0, drifting())
    house.tell()
    other = {"name": "other", "url": "https://example.org/other", "secret_file": "/secret"}
    house.apply(webhooks=[other])
    house.hour(1, QUIET)
    house.tell()
    assert house.told() == [FIRES, ENDS]


def test_the_alert_of_a_deleted_monitor_ends_and_that_is_told(house: House) -> None:
    house.hour(0, drifting())
    house.tell()
    house.delete()
    house.tell()
    assert house.told() == [FIRES, ENDS]


def test_the_alert_of_a_cause_that_is_switched_off_ends(house: House) -> None:
    house.hour(0, drifting())
    house.tell()
    house.apply(causes={"drift": {"enabled": False}})
    house.tell()
    assert house.told() == [FIRES, ENDS]


def test_in_maintenance_nobody_is_told_and_afterwards_everybody_is(house: House) -> None:
    """1e9 is Sunday, 9 September 2001, 01:46:40 UTC."""
    house.apply(maintenance=[{"days": ["sat"], "from": "22:00", "to": "02:00"}])
    house.hour(0, drifting())
    assert house.tellings() == [Telling.MAINTENANCE]
    house.now += 13 * 60
    assert house.tellings() == []
    house.now += 2 * 60
    assert house.tellings() == [Telling.TOLD]
    assert house.told() == [FIRES]


def test_in_a_silence_nobody_is_told_and_afterwards_everybody_is(house: House) -> None:
    house.silence("cause=drift", for_s=600)
    house.hour(0, drifting())
    assert house.tellings() == [Telling.SILENCED]
    house.now += 600
    assert house.tellings() == [Telling.TOLD]
    assert house.told() == [FIRES]


def test_an_end_in_a_silence_is_told_after_it(house: House) -> None:
    house.hour(0, drifting())
    house.tell()
    house.silence("monitor=seats", for_s=600)
    house.hour(1, QUIET)
    assert house.tellings() == [Telling.SILENCED]
    house.now += 600
    assert house.tellings() == [Telling.TOLD]
    assert house.told() == [FIRES, ENDS]


def test_what_began_and_ended_in_a_silence_is_not_told(house: House) -> None:
    house.silence("monitor=seats", for_s=600)
    house.hour(0, drifting())
    house.tell()
    house.hour(1, QUIET)
    assert house.tellings() == [Telling.NEVER_TOLD]
    house.now += 600
    assert house.tellings() == []
    assert house.told() == []


CHAT = {"name": "chat", "slack": {"url_file": "/url"}}


def test_many_monitors_at_once_are_one_message_to_people_and_one_each_to_programs(
    house: House,
) -> None:
    names = [f"m{i}" for i in range(8)]
    for name in names:
        house.apply(name, channels=[CHAT])
        house.hour(0, drifting(), name)
    house.tell()
    told = house.told()
    assert [one for one in told if one[0] == "pager"] == [FIRES] * 8
    assert [one[0] for one in told if one[0] != "pager"] == ["digest"]
    (digest,) = house.digests()
    assert sorted(one["monitor"] for one in digest) == names


def test_a_digest_gathers_for_a_minute_and_what_comes_later_is_in_the_next(house: House) -> None:
    for i in range(12):
        house.apply(f"m{i}", channels=[CHAT])
        house.hour(0, drifting(), f"m{i}")
        house.tell()
        house.now += 10
    alone = [one for one in house.told() if one[0] == "chat"]
    assert len(alone) == 5
    assert sum(len(digest) for digest in house.digests()) == 7
    assert len(house.digests()) == 2


def test_a_few_monitors_are_told_of_one_by_one(house: House) -> None:
    for i in range(3):
        house.apply(f"m{i}", channels=[CHAT])
        house.hour(0, drifting(), f"m{i}")
    house.tell()
    assert house.digests() == []
