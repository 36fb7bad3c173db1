"""The demo's story: what is seen of the monitor, put into words as it happens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from monitor.demo.events import AlertMoved, Document, ErrorKnown, Event, Reported
from monitor.demo.narrator import Narrator
from monitor.server import wording

_MOST_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened: in the simulated city, and in seconds since the demo began."""

    day: date
    elapsed_s: float
    what: str


class Storyteller:
    """Tells events in order; keeps what the closing summary needs.

    lockdown: the day before which all is as usual.
    elapsed: seconds since the demo began.
    """

    def __init__(self, out: Narrator, lockdown: date, elapsed: Callable[[], float]) -> None:
        self._out = out
        self._lockdown = lockdown
        self._elapsed = elapsed
        self._week: list[Document] = []
        self._errors: dict[date, float] = {}
        self._today = date.min
        self._lockdown_told = False
        self._drift_told = False
        self._outliers_told = False
        self._error_told = False
        self.moments: list[Moment] = []
        self.quiet_days = 0
        """Quiet days before the lockdown."""
        self.false_alarms = 0
        """Days before the lockdown that were called drift."""
        self.days_since_resolved = -1
        """Days reported since the alert was resolved; -1 while it is not."""

    def tell(self, event: Event) -> None:
        """Puts one event into words."""
        match event:
            case Reported(day, report):
                self._reported(day, report)
            case ErrorKnown(day, report):
                self._error_known(day, report)
            case AlertMoved(state, alert):
                self._alert(state, alert)

    def today(self, day: date) -> None:
        """Takes notice that a day of traffic is over."""
        if self._today < self._lockdown <= day:
            self._remember(day, "the lockdown begins")
        self._today = day

    def step(self, step: Mapping[str, Any]) -> None:
        """Tells a step of the retraining pipeline."""
        told = f"retraining: {_PIPELINE[step['step']].format(**step)}"
        self._out.line(told, style="cyan")
        if step["step"] in _REMEMBERED:
            self._remember(self._today, told)

    def missing(self) -> str:
        """What the story still waits for."""
        told = {moment.what for moment in self.moments}
        for what, sentence in _WAITED_FOR.items():
            if what not in told:
                return sentence
        return "the days after the incident were not reported"

    def _remember(self, day: date, what: str) -> None:
        self.moments.append(Moment(day, self._elapsed(), what))

    def _reported(self, day: date, report: Document) -> None:
        if self.days_since_resolved >= 0:
            self.days_since_resolved += 1
        if day < self._lockdown:
            self._usual_day(day, report)
            return
        if not self._lockdown_told:
            self._end_week()
            self._begin_lockdown()
        self._out.line(day_line(day, report), style=_STYLES.get(report["verdict"], ""))
        if report["verdict"] == "drift" and not self._drift_told:
            self._first_drift(day, report)
        if (line := outlier_line(report)) and not self._outliers_told:
            self._outliers_told = True
            self._out.line(line, margin=6)

    def _usual_day(self, day: date, report: Document) -> None:
        if self._week and _monday(self._week[0]) != _monday(report):
            self._end_week()
        self._week.append(report)
        if report["verdict"] == "drift":
            self.false_alarms += 1
            self._out.line(day_line(day, report), style="red")
        else:
            self.quiet_days += 1

    def _begin_lockdown(self) -> None:
        self._lockdown_told = True
        self._out.heading(f"A lockdown begins on {long_day(self._lockdown)}", style="bold yellow")
        self._out.line("The city knows; the model and its monitor do not.", style="dim")

    def _end_week(self) -> None:
        if self._week:
            self._out.line(week_line(self._week, self._errors))
        self._week = []

    def _first_drift(self, day: date, report: Document) -> None:
        self._drift_told = True
        self._remember(day, f"drift, seen in {report['n_rows']} rides")
        self._out.table(moved_table(report), margin=6)
        for line in (explanation_line(report), expected_line(report)):
            if line:
                self._out.line(line, margin=6)

    def _error_known(self, day: date, report: Document) -> None:
        realised = report["realised"]
        self._errors[day] = realised["value"]
        if day < self._lockdown:
            return
        if not self._error_told:
            self._error_told = True
            told = f"labels: the model erred by {_from_to(realised)} seats"
            self._out.line(f"{told} on {short_day(day)}", style="bold")
            self._remember(self._today, f"{told} on {short_day(day)}")

    def _alert(self, state: str, alert: Document) -> None:
        """Of drift and of what labels say: what drift explains, people are not told."""
        if alert["cause"] == "concept drift":
            self._concept_drift(state, alert)
        elif alert["cause"] == "drift":
            self._drift_alert(state, alert)

    def _concept_drift(self, state: str, alert: Document) -> None:
        if state == "firing":
            self._out.line(
                f"labels agree: {alert['because']}, concept drift alert", style="bold red"
            )
        elif state == "resolved":
            self._out.line("concept drift alert resolved", style="bold green")

    def _drift_alert(self, state: str, alert: Document) -> None:
        style = {"pending": "yellow", "firing": "bold red", "resolved": "bold green"}[state]
        why = f": {alert['reason']}" if state == "pending" and alert["reason"] else ""
        self._out.line(f"alert {state}{why}", style=style)
        self._remember(self._today, f"alert {state}")
        if state == "resolved":
            self.days_since_resolved = 0


_WAITED_FOR = {
    "the lockdown begins": "the lockdown had not begun",
    "alert pending": "no drift was found",
    "alert firing": "the alert was not firing",
    "alert resolved": "the alert was not resolved",
}

_STYLES = {"drift": "red", "undecided": "dim"}

_PIPELINE = {
    "webhook verified": "webhook received, its signature verified",
    "refused": "a request was refused: {reason}",
    "waiting": "waiting for {days} days of labels since {since}",
    "training": "learning from {rows} rides of {days} days",
    "trained": "error {error_before:.1f} → {error_after:.1f} seats, on days not learned from",
    "reference promoted": "new reference in force, revision {revision} of the monitor",
    "model promoted": "model version {version} deployed overnight",
    "failed": "failed: {reason}",
}
_REMEMBERED = {"webhook verified", "trained", "model promoted", "reference promoted"}


def long_day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    return f"{day:%a} {day.day:2d} {day:%b}"


def day_line(day: date, report: Document) -> str:
    """One day: its verdict and why, and the error that was expected of the model."""
    why = [report["reason"]]
    if report["p_value"] is not None and report["verdict"] == "drift":
        why.append(f"p {_p(report['p_value'])}")
    if report["expected"] is not None:
        why.append(f"expected error {wording.figure(report['expected']['value'])} seats")
    return f"{short_day(day)}   {report['verdict']:<9}   {', '.join(why)}"


def week_line(reports: Sequence[Document], errors: Mapping[date, float]) -> str:
    """A week of days: how many of them were quiet, and how good the model was."""
    first, last = _day(reports[0]), _day(reports[-1])
    quiet = sum(report["verdict"] == "quiet" for report in reports)
    n = sum(report["n_rows"] for report in reports)
    known = [errors[day] for day in map(_day, reports) if day in errors]
    error = f", the model errs by {sum(known) / len(known):.1f} seats" if known else ""
    return (
        f"{short_day(first)} – {short_day(last)}   {quiet} of {len(reports)} days quiet, "
        f"{wording.count(n)} rides{error}"
    )


def moved_table(report: Document) -> list[tuple[str, str, str]]:
    """The columns that moved, the strongest first: name, from what to what, how far."""
    named = [column for column in report["columns"] if column["named"]]
    rows = [
        (wording.title_of(column["name"]), wording.moved(column), _effect(column))
        for column in named[:_MOST_COLUMNS]
    ]
    if len(named) > _MOST_COLUMNS:
        rows.append((f"and {len(named) - _MOST_COLUMNS} more", "", ""))
    return rows


def outlier_line(report: Document) -> str | None:
    """How many rides were unlike the reference's; None if none was."""
    outliers = report["outliers"]
    if outliers is None or not outliers["n_flagged"]:
        return None
    share = wording.percent(outliers["n_flagged"] / outliers["n_scored"])
    return (
        f"{outliers['n_flagged']} of {outliers['n_scored']} rides ({share}) are outliers, "
        "unlike those of the reference"
    )


def explanation_line(report: Document) -> str | None:
    explanation = report["explanation"]
    if explanation is None or explanation["shift"] is None:
        return None
    return f"it looks like {wording.with_article(explanation['shift'])}: {explanation['because']}"


def expected_line(report: Document) -> str | None:
    expected = report["expected"]
    if expected is None or expected["value"] is None:
        return None
    return f"error expected of the model, before any label: {_from_to(expected)} seats"


def retrain_line(retrain: Document) -> str:
    """What became of a retrain, and whether it helped."""
    result = (retrain["promoted"] or {}).get("result") or {}
    words = {True: ", and it helped", False: ", and it did not help", None: ""}
    helped = words[result.get("helped")]
    return " → ".join(entry["state"] for entry in retrain["history"]) + helped


def summary_table(moments: Sequence[Moment]) -> list[tuple[str, str, str]]:
    return [
        (f"{short_day(moment.day)} {moment.day.year}", f"{moment.elapsed_s:5.1f} s", moment.what)
        for moment in moments
    ]


def _from_to(performance: Document) -> str:
    return f"{wording.figure(performance['reference'])} → {wording.figure(performance['value'])}"


def _effect(column: Document) -> str:
    if column["effect"] is None:
        return ""
    if column["effect_unit"] == "share":
        return f"{wording.percent(column['effect'])} of rides"
    return f"{wording.figure(column['effect'])} {column['effect_unit']}"


def _p(value: float) -> str:
    text = wording.p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _day(report: Document) -> date:
    return date.fromisoformat(report["window"]["start"][:10])


def _monday(report: Document) -> tuple[int, int]:
    return _day(report).isocalendar()[:2]
