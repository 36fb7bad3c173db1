"""What windows make of the causes that a monitor's document asks about."""

from dataclasses import replace

import pytest

from alerts.words import Finding, Ruling
from detectors.report import Performance, VersionReport, WindowReport
from monitor.detect import alarms
from monitor.detect.alarms import Decided
from monitor.detect.clock import Mark
from monitor.sql.database import Database
from tests.alerts.reports import QUIET, drifting
from tests.monitor.detect.house import House, rulings
from tests.support.counted import HOUR

PERFORMANCE = ("concept drift", "estimated performance")

WORSE = replace(
    QUIET,
    realised=Performance(
        metric="mae", value=9.0, reference=4.0, n=500, others={}, coverage=0.9, interval=(8.5, 9.5)
    ),
)


@pytest.fixture
def house(database: Database) -> House:
    made = House(database)
    made.apply()
    return made


def test_what_has_no_limit_of_taste_is_asked_about_unless_the_document_says_otherwise(
    house: House,
) -> None:
    assert rulings(house.hour(0, drifting())) == {
        "drift": Ruling.FIRED,
        "data quality": Ruling.QUIET,
        "concept drift": Ruling.UNDECIDED,
        "estimated performance": Ruling.UNDECIDED,
        "error rate": Ruling.UNDECIDED,
    }
    off = {name: {"enabled": False} for name in ("drift", *PERFORMANCE, "error rate")}
    house.apply(causes={**off, "outlier rate": {"above": 0.2}})
    assert set(rulings(house.hour(1, drifting()))) == {"data quality", "outlier rate"}


def test_worse_performance_alerts_by_itself_where_the_references_windows_tell_what_is_usual(
    house: House,
) -> None:
    assert rulings(house.hour(0, WORSE))["concept drift"] is Ruling.UNDECIDED
    assert WORSE.realised is not None
    told = replace(WORSE, realised=replace(WORSE.realised, p_value=0.2))
    assert rulings(house.hour(1, told))["concept drift"] is Ruling.QUIET
    told = replace(WORSE, realised=replace(WORSE.realised, p_value=1e-9))
    assert rulings(house.hour(2, told))["concept drift"] is Ruling.FIRED
    # A new reference, of too few windows: as good as on that is an end, and worse is none.
    assert rulings(house.hour(3, WORSE))["concept drift"] is Ruling.UNDECIDED
    as_good = replace(WORSE, realised=replace(WORSE.realised, value=4.1, interval=(3.9, 4.3)))
    assert rulings(house.hour(4, as_good))["concept drift"] is Ruling.OVER


def test_labels_that_come_late_are_asked_what_labels_say(house: House) -> None:
    house.apply(causes=["concept drift"])
    house.hour(0, QUIET)
    assert rulings(house.hour(0, WORSE, revised=True)) == {"concept drift": Ruling.FIRED}
    assert rulings(house.hour(0, WORSE, revised=True)) == {"concept drift": Ruling.SEEN}


def test_a_threshold_alerts_under_its_name(house: House) -> None:
    limits = [{"name": "few", "statistic": "n_rows", "below": 1000, "severity": "critical"}]
    house.apply(thresholds=limits, causes={"drift": {"enabled": False}})
    (alert,) = [one.alert for one in house.hour(0, QUIET) if one.alert]
    assert (alert.rule, alert.severity, alert.reason) == ("few", "critical", Finding.BELOW)


def test_the_label_severity_says_it_for_every_cause(house: House) -> None:
    house.apply(labels={"severity": "info"})
    (alert,) = [one.alert for one in house.hour(0, drifting()) if one.alert]
    assert alert.severity == "info"


def test_a_cause_may_be_more_patient_than_the_others(house: House) -> None:
    house.apply(causes={"drift": {"windows": "2 of 2", "keep_firing_for": "1h"}})
    made = [house.hour(i, report) for i, report in enumerate([drifting(), drifting(), QUIET])]
    assert [rulings(one)["drift"] for one in made] == [
        Ruling.BEGAN,
        Ruling.FIRED,
        Ruling.OVER,
    ]


def test_a_model_that_was_rolled_out_is_named_as_the_probable_cause(house: House) -> None:
    def of(version: str, report: WindowReport) -> WindowReport:
        return replace(report, versions=(VersionReport(version=version, n_rows=500),))

    house.hour(0, of("v3", QUIET))
    house.keep(0, of("v3", QUIET))
    (fired,) = [one.alert for one in house.hour(1, of("v4", drifting())) if one.alert]
    said = "model version 'v4' began to answer, where 'v3' had"
    assert fired.facts.probable_cause == said
    house.keep(1, of("v4", drifting()))
    (goes_on,) = [one.alert for one in house.hour(2, of("v4", drifting())) if one.alert]
    assert goes_on.facts.probable_cause == said


def listen(house: House, heard: float) -> list[Decided]:
    with house.database.write() as connection:
        return alarms.listen(
            connection,
            house.registrations,
            {"seats": [Mark(event_time=0.0, seen_at=heard)]},
            now=house.now,
            started_at=1e9,
        )


def test_a_monitor_without_predictions_alerts_once_and_is_quiet_when_they_come(
    house: House,
) -> None:
    house.apply(causes={"silence": {"for": "1h"}})
    house.now = 1e9 + HOUR - 1
    assert listen(house, heard=1e9) == []
    house.now += 2
    assert rulings(listen(house, heard=1e9)) == {"silence": Ruling.FIRED}
    assert rulings(listen(house, heard=1e9)) == {"silence": Ruling.SEEN}
    assert rulings(listen(house, heard=house.now)) == {"silence": Ruling.OVER}
    assert listen(house, heard=house.now) == []


def test_silence_before_we_began_to_listen_is_not_held_against_anybody(house: House) -> None:
    house.apply(causes={"silence": {"for": "1h"}})
    house.now = 1e9 + 60
    assert listen(house, heard=1e9 - 9 * HOUR) == []
