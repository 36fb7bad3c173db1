"""From verdicts to alert states: pending, firing, resolved. A pure state machine in event time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from alerts.facts import Facts
from detectors.report import Reason, Verdict, WindowReport


class State(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Cause(StrEnum):
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient an alert is, as Prometheus means `for` and `keep_firing_for`, in event time.

    for_s: how long windows must have drifted, since the end of the first, before it fires.
    keep_firing_s: how long windows must have been quiet, since the end of the last drifting
        one, before it is resolved.
    """

    for_s: float = 0.0
    keep_firing_s: float = 0.0


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
    """What one window said of one cause."""

    monitor: str
    window: Window
    verdict: Verdict
    reason: Reason
    facts: Facts
    cause: Cause = Cause.DRIFT

    @classmethod
    def of(cls, report: WindowReport, *, monitor: str, window: Window) -> Self:
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

    started_at: the end of the first drifting window; first_window: that window.
    window, reason, facts: of the latest drifting window.
    updated_at: the end of the latest window that was taken into account.
    firing_at: None if it never fired. resolved_at: None while it is open.
    """

    id: str
    monitor: str
    cause: Cause
    state: State
    first_window: Window
    window: Window
    updated_at: float
    reason: Reason
    facts: Facts
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
            "state": self.state.value,
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
            state=State(own.pop("state")),
            first_window=Window(**own.pop("first_window")),
            window=Window(**own.pop("window")),
            updated_at=own.pop("updated_at"),
            reason=Reason(own.pop("reason")),
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


@dataclass(frozen=True, slots=True)
class Step:
    """alert: as it is now, None if there is none. transitions: what changed, oldest first."""

    alert: Alert | None
    transitions: tuple[Transition, ...] = ()


def step(alert: Alert | None, observation: Observation, policy: Policy) -> Step:
    """What a window makes of a monitor's latest alert; None if it had none yet.

    Keep one alert per monitor, cause and window length: an hour's quiet says nothing of a
    day's drift. An undecided window changes nothing, nor does one that is not newer than what
    the alert has seen, so that windows may be shown again after a crash.
    """
    seen = alert is not None and observation.window.end <= alert.updated_at
    if seen or observation.verdict is Verdict.UNDECIDED:
        return Step(alert)
    if observation.verdict is Verdict.DRIFT:
        return _drifted(
            alert if alert and alert.is_open else _begun(observation), observation, policy
        )
    if alert is not None and alert.is_open:
        return _quieted(alert, observation.window.end, policy)
    return Step(alert)


def _begun(observation: Observation) -> Alert:
    window = observation.window
    name = (observation.monitor, observation.cause, window.length_s, window.end)
    return Alert(
        id=deterministic_id("alert", *name),
        monitor=observation.monitor,
        cause=observation.cause,
        state=State.PENDING,
        first_window=window,
        window=window,
        updated_at=window.start,  # nothing taken into account yet
        reason=observation.reason,
        facts=observation.facts,
    )


def _drifted(alert: Alert, observation: Observation, policy: Policy) -> Step:
    window = observation.window
    is_new = alert.updated_at < alert.started_at
    latest = replace(
        alert,
        window=window,
        updated_at=window.end,
        reason=observation.reason,
        facts=observation.facts,
    )
    if alert.state is State.PENDING and window.end - alert.started_at >= policy.for_s:
        return _moved(replace(latest, firing_at=window.end), State.FIRING)
    return _moved(latest, State.PENDING) if is_new else Step(latest)


def _quieted(alert: Alert, now: float, policy: Policy) -> Step:
    latest = replace(alert, updated_at=now)
    patient = alert.state is State.FIRING and now - alert.window.end < policy.keep_firing_s
    if patient:
        return Step(latest)
    return _moved(replace(latest, resolved_at=now), State.RESOLVED)


def _moved(alert: Alert, state: State) -> Step:
    transition = Transition(
        id=deterministic_id("transition", alert.id, state), state=state, at=alert.updated_at
    )
    return Step(replace(alert, state=state), (transition,))


def deterministic_id(kind: str, *parts: object) -> str:
    """The same id for the same parts, in every process; letters, digits and "_" only."""
    text = "\x1f".join(str(part) for part in (kind, *parts))
    return f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
