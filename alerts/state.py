"""From what windows say to alert states: pending, firing, resolved. A pure state machine.

Time is that of events, so that a stretch of the log makes the same alerts whenever it is read.
Only silence is a matter of our clock: who says nothing has no events.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from alerts.facts import Facts
from alerts.words import Cause, Grounds, Ruling, Severity, State, grounds
from detectors.report import Verdict, WindowReport

__all__ = [
    "Alert",
    "Cause",
    "Observation",
    "Policy",
    "Ruling",
    "Severity",
    "State",
    "Step",
    "Transition",
    "Window",
    "deterministic_id",
    "step",
    "withdrawn",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient an alert is: `for` and `keep_firing_for` as Prometheus means them, and so many
    of the latest windows as CloudWatch does.

    for_s: how long windows must have been bad, since the end of the first, before it fires.
    keep_firing_s: how long windows must have been good, since the end of the last bad one,
        before it is resolved.
    enough, of: how many of how many latest decided windows must be bad for it to fire; it is
        resolved when fewer are.
    """

    for_s: float = 0.0
    keep_firing_s: float = 0.0
    enough: int = 1
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An interval of event time, seconds since 1970."""

    start: float
    end: float

    @property
    def length_s(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one window said of one cause.

    verdict: DRIFT where the cause is there, whatever it is.
    holds: of a quiet window, that it is bad enough for an open alert to go on (hysteresis).
    rule: the name of the threshold, of causes that may be asked about more than once.
    """

    monitor: str
    window: Window
    verdict: Verdict
    reason: Grounds
    facts: Facts
    cause: Cause = Cause.DRIFT
    rule: str = ""
    severity: Severity = Severity.WARNING
    holds: bool = False

    @classmethod
    def of(cls, report: WindowReport, *, monitor: str, window: Window) -> Self:
        """What a report says of drift."""
        return cls(
            monitor=monitor,
            window=window,
            verdict=report.verdict,
            reason=report.reason,
            facts=Facts.of(report),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One incident: a cause that set in, and what became of it. All times are event time.

    started_at: the end of the first bad window; first_window: that window.
    window, reason, facts, severity: of the latest bad window.
    updated_at: the end of the latest window that was taken into account.
    recent: whether the latest windows were bad, the newest last; as many as the policy looks at.
    ruling: what the latest window made of it.
    firing_at: None if it never fired. resolved_at: None while it is open.
    """

    id: str
    monitor: str
    cause: Cause
    state: State
    first_window: Window
    window: Window
    updated_at: float
    reason: Grounds
    facts: Facts
    rule: str = ""
    severity: Severity = Severity.WARNING
    recent: tuple[bool, ...] = ()
    ruling: Ruling = Ruling.BEGAN
    firing_at: float | None = None
    resolved_at: float | None = None

    @property
    def started_at(self) -> float:
        return self.first_window.end

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "monitor": self.monitor,
            "cause": self.cause.value,
            "rule": self.rule,
            "severity": self.severity.value,
            "state": self.state.value,
            "ruling": self.ruling.value,
            "recent": list(self.recent),
            "started_at": self.started_at,
            "updated_at": self.updated_at,
            "firing_at": self.firing_at,
            "resolved_at": self.resolved_at,
            "reason": self.reason.value,
            "first_window": {"start": self.first_window.start, "end": self.first_window.end},
            "window": {"start": self.window.start, "end": self.window.end},
            **self.facts.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        own = dict(body)
        return cls(
            id=own.pop("id"),
            monitor=own.pop("monitor"),
            cause=Cause(own.pop("cause")),
            rule=own.pop("rule"),
            severity=Severity(own.pop("severity")),
            state=State(own.pop("state")),
            ruling=Ruling(own.pop("ruling")),
            recent=tuple(own.pop("recent")),
            first_window=Window(**own.pop("first_window")),
            window=Window(**own.pop("window")),
            updated_at=own.pop("updated_at"),
            reason=grounds(own.pop("reason")),
            firing_at=own.pop("firing_at"),
            resolved_at=own.pop("resolved_at"),
            facts=Facts.from_json({k: v for k, v in own.items() if k != "started_at"}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An alert came into a state. The id is a function of the alert and the state."""

    id: str
    state: State
    at: float

    @classmethod
    def of(cls, alert: Alert, state: State, at: float) -> Self:
        return cls(id=deterministic_id("transition", alert.id, state), state=state, at=at)


@dataclass(frozen=True, slots=True)
class Step:
    """alert: as it is now, None if there is none. ruling: what was decided.
    transitions: what changed, oldest first."""

    alert: Alert | None
    ruling: Ruling
    transitions: tuple[Transition, ...] = field(default=())


def step(alert: Alert | None, observation: Observation, policy: Policy) -> Step:
    """What a window makes of a monitor's latest alert; None if it had none yet.

    Keep one alert per monitor, cause, rule and window length: an hour's quiet says nothing of a
    day's drift. An undecided window changes nothing, nor does one that is not newer than what
    the alert has seen, so that windows may be shown again after a crash.
    """
    if alert is not None and observation.window.end <= alert.updated_at:
        return Step(alert, Ruling.SEEN)
    if observation.verdict is Verdict.UNDECIDED:
        return Step(alert, Ruling.UNDECIDED)
    is_bad = observation.verdict is Verdict.DRIFT
    if alert is None or not alert.is_open:
        if not is_bad:
            return Step(alert, Ruling.QUIET)
        alert = _begun(observation)
    is_bad = is_bad or observation.holds
    recent = (*alert.recent, is_bad)[-policy.of :]
    alert = replace(alert, recent=recent, updated_at=observation.window.end)
    return _bad(alert, observation, policy) if is_bad else _good(alert, policy)


def withdrawn(alert: Alert, *, now: float) -> Step:
    """The end of an open alert whose monitor, or whose rule, is no more; by our clock, for what
    ended it is no event."""
    ended = replace(alert, updated_at=max(now, alert.updated_at))
    return _moved(replace(ended, resolved_at=ended.updated_at), State.RESOLVED, Ruling.WITHDRAWN)


def _begun(observation: Observation) -> Alert:
    window = observation.window
    name = (observation.monitor, observation.cause, observation.rule, window.length_s, window.end)
    return Alert(
        id=deterministic_id("alert", *name),
        monitor=observation.monitor,
        cause=observation.cause,
        rule=observation.rule,
        severity=observation.severity,
        state=State.PENDING,
        first_window=window,
        window=window,
        updated_at=window.start,  # nothing taken into account yet
        reason=observation.reason,
        facts=observation.facts,
    )


def _bad(alert: Alert, observation: Observation, policy: Policy) -> Step:
    """The alert after one more bad window, which is among its `recent` already."""
    window = observation.window
    latest = replace(
        alert,
        window=window,
        reason=observation.reason,
        facts=_with_cause(observation.facts, alert.facts.probable_cause),
        severity=observation.severity,
    )
    if alert.state is State.PENDING:
        ruling = _waits(latest, policy)
        if ruling is None:
            return _moved(replace(latest, firing_at=window.end), State.FIRING, Ruling.FIRED)
        if window == alert.first_window:
            return _moved(latest, State.PENDING, Ruling.BEGAN)
        return Step(replace(latest, ruling=ruling), ruling)
    ruling = Ruling.GOES_ON if observation.verdict is Verdict.DRIFT else Ruling.HELD
    return Step(replace(latest, ruling=ruling), ruling)


def _with_cause(facts: Facts, known: str | None) -> Facts:
    """What probably caused an alert is known when it begins, and stays known."""
    return facts if facts.probable_cause else replace(facts, probable_cause=known)


def _waits(alert: Alert, policy: Policy) -> Ruling | None:
    """Why a pending alert does not fire by a bad window; None if it does."""
    if sum(alert.recent) < policy.enough:
        return Ruling.TOO_FEW_WINDOWS
    return Ruling.TOO_SHORT if alert.window.end - alert.started_at < policy.for_s else None


def _good(alert: Alert, policy: Policy) -> Step:
    """The alert after one more good window."""
    now = alert.updated_at
    if alert.state is State.PENDING and any(alert.recent):
        return Step(replace(alert, ruling=Ruling.TOO_FEW_WINDOWS), Ruling.TOO_FEW_WINDOWS)
    if alert.state is State.FIRING:
        is_patient = now - alert.window.end < policy.keep_firing_s
        if is_patient or sum(alert.recent) >= policy.enough:
            return Step(replace(alert, ruling=Ruling.KEPT), Ruling.KEPT)
    return _moved(replace(alert, resolved_at=now), State.RESOLVED, Ruling.OVER)


def _moved(alert: Alert, state: State, ruling: Ruling) -> Step:
    moved = replace(alert, state=state, ruling=ruling)
    return Step(moved, ruling, (Transition.of(alert, state, alert.updated_at),))


def deterministic_id(kind: str, *parts: object) -> str:
    """The same id for the same parts, in every process; letters, digits and "_" only."""
    text = "\x1f".join(str(part) for part in (kind, *parts))
    return f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
