"""What a tick of the keeper says of windows: their reports, what follows from them for alerts, and
the evidence that the next window begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from alerts.state import Alert
from detectors.decision import Decision
from detectors.profile import Profile
from detectors.report import WindowReport
from monitor.detect import alarms, examinations, state
from monitor.detect.alarms import Decided
from monitor.detect.ending import Bounds
from monitor.detect.judging import Judge, WrittenReport, beside, report_id
from monitor.detect.state import Closed, Part, Series
from monitor.detect.succession import of_revision
from monitor.kafka.messages import Registration
from monitor.spec.model import Spec

MAX_WINDOWS = 50
"""Closed in one tick, so that nobody waits long for the database; the next tick goes on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick has done, now that it is committed.

    closed, revised: reports of windows that closed, and of closed windows that changed.
    decided: what was decided about alerts, and why.
    too_late: segments that can no longer change anything, by monitor.
    max_closed: how many windows may close.
    """

    closed: list[WrittenReport] = field(default_factory=list)
    revised: list[WrittenReport] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    too_late: dict[str, int] = field(default_factory=dict)
    max_closed: int = MAX_WINDOWS

    @property
    def is_done(self) -> bool:
        """False if more windows may have ended than one tick closes."""
        return len(self.closed) < self.max_closed

    @property
    def alerts(self) -> list[Alert]:
        """Those that came into another state."""
        return [one.alert for one in self.decided if one.alert is not None and one.moved]


@dataclass(frozen=True, slots=True)
class Tick:
    """What the steps of one tick share."""

    connection: Connection
    registrations: Mapping[str, Registration]
    closed: dict[Series, Closed]
    now: float
    outcome: Outcome


class Reporting:
    """Judges windows and writes what it finds.

    base_url: where people reach the pages, for links in notifications.
    """

    def __init__(self, judge: Judge, *, base_url: str | None) -> None:
        self._judge = judge
        self._base_url = base_url

    def close(
        self, tick: Tick, series: Series, registration: Registration, bounds: Bounds
    ) -> Closed:
        """The first report of a window, with the evidence of those before it."""
        before, start = tick.closed.get(series), bounds.start
        parts = _parts(tick, series, bounds)
        profile = self._judge.whole(series, parts)
        begun = of_revision(
            tick.connection, registration, min(part.monitor_revision for part in parts)
        )
        spec, earlier = begun.monitor.spec, before.evidence if before else None
        decide = self._judge.paused if registration.monitor.spec.paused else self._judge.step
        evidence, decision = decide(series, spec, earlier, profile)
        written = WrittenReport(
            series=series,
            start=start,
            revision=1,
            monitor_revision=begun.revision,
            decision=decision,
            report=self._report(tick, series, spec, start, profile, decision, parts),
            parts=parts,
            evidence_before=earlier,
            over_at=bounds.end,
        )
        closed = Closed(written.end, evidence)
        _write(tick, written, profile)
        state.write_closed(tick.connection, series, closed)
        tick.outcome.closed.append(written)
        self._observe(tick, written, registration)
        return closed

    def revise(self, tick: Tick, series: Series, bounds: Bounds) -> None:
        """The report of a closed window again, with the decision that was made."""
        registration, start = tick.registrations[series.monitor], bounds.start
        parts = _parts(tick, series, bounds)
        profile = self._judge.whole(series, parts)
        known = state.read_report(tick.connection, report_id(series, start))
        if profile.n == 0 and not profile.served.any():
            return  # labels of predictions of another reference, or of before a deletion
        begun = of_revision(
            tick.connection, registration, known.monitor_revision if known else None
        )
        spec = begun.monitor.spec
        decision = self._judge.again(series, spec, profile, known.decision if known else None)
        written = WrittenReport(
            series=series,
            start=start,
            revision=known.revision + 1 if known else 1,
            monitor_revision=begun.revision,
            decision=decision,
            report=self._report(tick, series, spec, start, profile, decision, parts),
            parts=parts,
            over_at=bounds.end,
        )
        _write(tick, written, profile)
        tick.outcome.revised.append(written)
        self._observe(tick, written, registration, revised=True)

    def _observe(
        self,
        tick: Tick,
        written: WrittenReport,
        registration: Registration,
        *,
        revised: bool = False,
    ) -> None:
        tick.outcome.decided.extend(
            alarms.observe(
                tick.connection,
                written,
                registration,
                now=tick.now,
                base_url=self._base_url,
                revised=revised,
            )
        )

    def _report(
        self,
        tick: Tick,
        series: Series,
        spec: Spec,
        start: float,
        profile: Profile,
        decision: Decision,
        parts: Sequence[Part],
    ) -> WindowReport:
        """The report, compared with past windows where the monitor asks for it; its own window is
        kept then, for as long as later ones, or their late labels, may ask for it."""
        report = self._judge.report(series, spec, profile, decision)
        report = self._judge.apart(report, series, spec, parts)
        span_s = max((beside(w).span_s for w in spec.compared_with), default=0.0)
        if span_s == 0 or profile.n == 0:
            return report
        state.write_past(tick.connection, series, start, profile.to_bytes())
        kept_s = span_s + spec.label_horizon + spec.lateness
        state.drop_past(tick.connection, series, before=start - kept_s)
        past = state.read_past(tick.connection, series, before=start, span_s=span_s)
        return replace(report, comparisons=self._judge.compare(series, spec, start, profile, past))


def _parts(tick: Tick, series: Series, bounds: Bounds) -> list[Part]:
    pane_s = tick.registrations[series.monitor].monitor.pane_s
    start, end = bounds
    return state.parts(tick.connection, series, start=start, end=end, pane_s=pane_s)


def _write(tick: Tick, written: WrittenReport, profile: Profile) -> None:
    """The report; tests of the window's rows, if any are asked for, are left to others."""
    state.write_report(tick.connection, written.row(tick.now))
    monitor = written.series.monitor
    examinations.wait_for_tests(
        tick.connection,
        tick.registrations[monitor].monitor.spec.detection,
        report=written.id,
        monitor=monitor,
        profile=profile,
        now=tick.now,
    )
