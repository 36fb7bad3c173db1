"""Whether an incident is a reason to ask for a retrain: one pure decision with a reason.

A retrain costs money and changes what a model says. So it is asked for once an incident, one at a
time for a monitor, not sooner than the cooldown allows and never more often than the daily limit.
"""

from dataclasses import dataclass
from enum import StrEnum

from alerts.state import Alert
from alerts.words import Cause, Severity, State

DAY_S = 86_400.0


class Answer(StrEnum):
    """What a subscription answers to an incident. The first three make a request."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting approval"
    DRY_RUN = "dry run"
    NOT_FIRING = "not firing"
    GOOD_WINDOW = "the latest window is good"
    ANSWERED = "a retrain has answered it"
    OTHER_CAUSE = "other cause"
    LOW_SEVERITY = "severity too low"
    TOO_FEW_WINDOWS = "too few windows"
    SAME_INCIDENT = "asked for in this incident"
    IN_FLIGHT = "another retrain is in flight"
    COOLDOWN = "cooldown"
    DAILY_LIMIT = "daily limit"

    @property
    def is_request(self) -> bool:
        return self in (Answer.REQUESTED, Answer.AWAITING_APPROVAL, Answer.DRY_RUN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What somebody wants to be asked for, and how often at most. Times are event time.

    per_day: requests in any 24 hours; None is no limit but the cooldown's.
    n_windows, of_windows: so many of the last so many windows must show the cause.
    """

    name: str
    causes: frozenset[str] = frozenset({Cause.DRIFT, Cause.CONCEPT_DRIFT})
    severity: Severity = Severity.INFO
    cooldown_s: float = 7 * DAY_S
    per_day: int | None = None
    n_windows: int = 1
    of_windows: int = 1
    needs_approval: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What has been asked for of a monitor before.

    requested_at: event times of its requests, in any order.
    is_asked: whether this incident has made a request already.
    n_windows: how many of the last `of_windows` windows showed the cause, the present one included.
    is_answered: whether a model was promoted since, with a reference of its own: the window is
        the former one's, as labels that come late may say of it.
    """

    requested_at: tuple[float, ...] = ()
    is_asked: bool = False
    is_in_flight: bool = False
    n_windows: int = 1
    is_answered: bool = False


def decide(subscription: Subscription, alert: Alert, history: History) -> Answer:
    """What the subscription answers to a monitor's alert after its latest window."""
    if alert.state is not State.FIRING:
        return Answer.NOT_FIRING
    if alert.updated_at != alert.window.end:
        return Answer.GOOD_WINDOW
    if history.is_answered:
        return Answer.ANSWERED
    if alert.cause.value not in subscription.causes:
        return Answer.OTHER_CAUSE
    if alert.severity.rank < subscription.severity.rank:
        return Answer.LOW_SEVERITY
    return _held(subscription, alert.window.end, history) or _granted(subscription)


def _held(subscription: Subscription, at: float, history: History) -> Answer | None:
    """What keeps back a request that is otherwise wanted; None if nothing does."""
    if history.is_asked:
        return Answer.SAME_INCIDENT
    if history.is_in_flight:
        return Answer.IN_FLIGHT
    if history.n_windows < subscription.n_windows:
        return Answer.TOO_FEW_WINDOWS
    ages = [at - before for before in history.requested_at]
    if any(age < subscription.cooldown_s for age in ages):
        return Answer.COOLDOWN
    if subscription.per_day is not None and sum(a < DAY_S for a in ages) >= subscription.per_day:
        return Answer.DAILY_LIMIT
    return None


def _granted(subscription: Subscription) -> Answer:
    if subscription.is_dry_run:
        return Answer.DRY_RUN
    return Answer.AWAITING_APPROVAL if subscription.needs_approval else Answer.REQUESTED
