from datetime import date
from pathlib import Path
from typing import Any

from monitor.demo.events import AlertMoved, ErrorKnown, Following, Lines, Reported


def report(day: str, coverage: float | None = None) -> dict[str, Any]:
    realised = None if coverage is None else {"value": 5.0, "coverage": coverage}
    return {"window": {"start": f"{day}T00:00:00Z"}, "realised": realised}


def alert(state: str, firing_at: str | None = None) -> dict[str, Any]:
    return {"id": "a", "state": state, "firing_at": firing_at}


def states(following: Following, *alerts: dict[str, Any]) -> list[str]:
    return [event.state for event in following.alerted(alerts) if isinstance(event, AlertMoved)]


def test_days_are_told_once_and_oldest_first() -> None:
    following = Following()
    newest_first = [report("2020-03-17"), report("2020-03-16")]
    told = list(following.reported(newest_first))
    assert [event.day.day for event in told if isinstance(event, Reported)] == [16, 17]
    assert list(following.reported(newest_first)) == []


def test_an_error_is_told_when_the_labels_of_nearly_all_rows_are_there() -> None:
    following = Following()
    list(following.reported([report("2020-03-16")]))
    assert list(following.reported([report("2020-03-16", coverage=0.5)])) == []
    (event,) = following.reported([report("2020-03-16", coverage=1.0)])
    assert event == ErrorKnown(date(2020, 3, 16), report("2020-03-16", coverage=1.0))


def test_states_that_nobody_looked_at_are_told_too() -> None:
    following = Following()
    assert states(following, alert("firing", firing_at="2020-03-17")) == ["pending", "firing"]
    assert states(following, alert("firing", firing_at="2020-03-17")) == []
    assert states(following, alert("resolved", firing_at="2020-03-17")) == ["resolved"]


def test_an_alert_that_never_fired_is_not_told_as_firing() -> None:
    assert states(Following(), alert("resolved")) == ["pending", "resolved"]


def test_whole_json_lines_are_read_once(tmp_path: Path) -> None:
    log = tmp_path / "traffic.log"
    lines = Lines(log)
    assert list(lines.new()) == []
    log.write_text('a warning\n{"day": 1}\n{"da')
    assert list(lines.new()) == [{"day": 1}]
    log.write_text(log.read_text() + 'y": 2}\n')
    assert list(lines.new()) == [{"day": 2}]
    assert list(lines.new()) == []
