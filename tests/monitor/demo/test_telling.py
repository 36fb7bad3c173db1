from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from monitor.demo.events import AlertMoved, ErrorKnown, Reported
from monitor.demo.narrator import Narrator
from monitor.demo.telling import Storyteller, retrain_line, summary_table

LOCKDOWN = date(2020, 3, 16)


def column(name: str, before: float, after: float, *, named: bool = True) -> dict[str, Any]:
    sides = [{"n": 9, "quantiles": {"0.5": value}, "shares": None} for value in (before, after)]
    return {
        "name": name,
        "named": named,
        "reference": sides[0],
        "current": sides[1],
        "effect": 1.25,
        "effect_unit": "sd",
    }


EXPLANATION = {"shift": "covariate shift", "because": "inputs moved: boarded"}


def report(day: date, verdict: str = "quiet", **other: Any) -> dict[str, Any]:
    return {
        "window": {"start": f"{day}T00:00:00Z"},
        "n_rows": 500,
        "verdict": verdict,
        "reason": "within reference" if verdict == "quiet" else "strong window",
        "p_value": 0.5 if verdict == "quiet" else 1e-9,
        "expected": {"reference": 5.6, "value": 5.6 if verdict == "quiet" else 8.1},
        "realised": {"reference": 5.6, "value": 5.0},
        "outliers": {"n_scored": 500, "n_flagged": 0 if verdict == "quiet" else 100},
        "columns": [column("boarded", 36.0, 13.0), column("rain_mm", 0.0, 0.0, named=False)],
        "explanation": None if verdict == "quiet" else EXPLANATION,
        **other,
    }


@pytest.fixture
def written() -> StringIO:
    return StringIO()


@pytest.fixture
def teller(written: StringIO) -> Storyteller:
    return Storyteller(Narrator(Console(file=written, width=100)), LOCKDOWN, lambda: 12.0)


def tell_quiet_week(teller: Storyteller) -> None:
    for offset in range(5):
        day = date(2020, 3, 9) + timedelta(days=offset)
        teller.tell(Reported(day, report(day)))
        teller.tell(ErrorKnown(day, report(day)))


def test_a_quiet_week_is_one_line(teller: Storyteller, written: StringIO) -> None:
    tell_quiet_week(teller)
    assert written.getvalue() == ""
    teller.tell(Reported(LOCKDOWN, report(LOCKDOWN)))
    assert written.getvalue().splitlines()[0] == (
        "  Mon  9 Mar – Fri 13 Mar   5 of 5 days quiet, 2 500 rides, the model errs by 5.0 seats"
    )
    assert (teller.quiet_days, teller.false_alarms) == (5, 0)


def test_a_false_alarm_before_the_lockdown_is_told_and_counted(
    teller: Storyteller, written: StringIO
) -> None:
    day = date(2020, 3, 10)
    teller.tell(Reported(day, report(day, "drift")))
    assert "Tue 10 Mar   drift" in written.getvalue()
    assert (teller.quiet_days, teller.false_alarms) == (0, 1)


def test_the_first_drift_says_what_moved_and_what_to_expect(
    teller: Storyteller, written: StringIO
) -> None:
    teller.tell(Reported(LOCKDOWN, report(LOCKDOWN, "drift")))
    text = written.getvalue()
    assert "A lockdown begins on Monday 16 March 2020" in text
    assert "boarded   median 36 → 13   1.25 sd" in text
    assert "rain_mm" not in text
    assert "100 of 500 rides (20.0 %) are outliers" in text
    assert "it looks like a covariate shift: inputs moved: boarded" in text
    assert "before any label: 5.6 → 8.1 seats" in text


def test_the_story_remembers_when_what_happened(teller: Storyteller) -> None:
    teller.today(LOCKDOWN)
    teller.tell(Reported(LOCKDOWN, report(LOCKDOWN, "drift")))
    for state in ("pending", "firing", "resolved"):
        teller.tell(AlertMoved(state, {"cause": "drift", "reason": "strong window"}))
    assert [what for _, _, what in summary_table(teller.moments)] == [
        "the lockdown begins",
        "drift, seen in 500 rides",
        "alert pending",
        "alert firing",
        "alert resolved",
    ]
    assert summary_table(teller.moments)[0][:2] == ("Mon 16 Mar 2020", " 12.0 s")


def test_days_are_counted_from_the_alerts_end(teller: Storyteller) -> None:
    teller.tell(Reported(LOCKDOWN, report(LOCKDOWN, "drift")))
    assert teller.days_since_resolved == -1
    teller.tell(AlertMoved("resolved", {"cause": "drift", "reason": None}))
    teller.tell(Reported(LOCKDOWN + timedelta(days=1), report(LOCKDOWN)))
    assert teller.days_since_resolved == 1


def test_what_labels_say_is_told_and_what_drift_explains_is_not(
    teller: Storyteller, written: StringIO
) -> None:
    because = "mae went from 5.6 to 21.8"
    for state in ("pending", "firing", "resolved"):
        for cause in ("concept drift", "estimated performance"):
            teller.tell(AlertMoved(state, {"cause": cause, "because": because}))
    assert written.getvalue().splitlines() == [
        "  labels agree: mae went from 5.6 to 21.8, concept drift alert",
        "  concept drift alert resolved",
    ]
    assert teller.days_since_resolved == -1


@pytest.mark.parametrize(
    ("promoted", "told"),
    [
        (None, "requested → running"),
        ({"result": None}, "requested → running"),
        ({"result": {"helped": True}}, "requested → running, and it helped"),
    ],
)
def test_what_became_of_the_retrain_is_summed_up(
    promoted: dict[str, Any] | None, told: str
) -> None:
    history = [{"state": "requested"}, {"state": "running"}]
    assert retrain_line({"history": history, "promoted": promoted}) == told


def test_it_says_what_the_story_waits_for(teller: Storyteller) -> None:
    assert teller.missing() == "the lockdown had not begun"
    teller.today(LOCKDOWN)
    assert teller.missing() == "no drift was found"
    teller.tell(AlertMoved("pending", {"cause": "drift", "reason": None}))
    assert teller.missing() == "the alert was not firing"


def test_steps_of_the_retraining_are_told(teller: Storyteller, written: StringIO) -> None:
    teller.step({"step": "trained", "error_before": 24.0, "error_after": 5.25})
    assert "retraining: error 24.0 → 5.2 seats" in written.getvalue()


def test_a_narrator_without_a_terminal_shows_no_progress(written: StringIO) -> None:
    with Narrator(Console(file=written)) as narrator:
        narrator.progress("working")
        narrator.line("x" * 200)
    assert written.getvalue() == "  " + "x" * 200 + "\n"


def test_a_narrator_on_a_terminal_shows_progress_and_takes_it_away(written: StringIO) -> None:
    console = Console(file=written, force_terminal=True)
    with Narrator(console) as narrator:
        narrator.progress("working")
        narrator.heading("[Not] markup")
    assert "working" in written.getvalue()
    assert "[Not] markup" in written.getvalue()
