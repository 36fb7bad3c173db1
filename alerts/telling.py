"""Whether anybody is told of an alert now, and if not, why not.

What people know is compared with what is, again and again: an alert that is firing and was not
told is told as soon as nothing speaks against it, and one whose beginning was told is told to be
over, however long a silence lies between. So nothing is lost by not being told at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.matchers import Matcher, all_match
from alerts.silences import Silence
from alerts.state import Alert, State
from alerts.words import Cause, Telling
from detectors.report import Reason

EXPLAINED_BY: Mapping[Cause, frozenset[Cause]] = {
    Cause.DRIFT: frozenset({Cause.DATA_QUALITY}),
    Cause.OUTLIERS: frozenset({Cause.DATA_QUALITY, Cause.DRIFT}),
    Cause.ESTIMATED_PERFORMANCE: frozenset({Cause.DATA_QUALITY, Cause.DRIFT}),
}
"""What is not told while another alert of the monitor explains it. That labels say the model is
worse is told in any case, as is what somebody set a limit for."""

LASTS = 3
"""So many windows the evidence that broken data leave may take to come down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where alerts go whose labels match; `goes_on` lets later routes have them too."""

    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    goes_on: bool = False


def labels_of(alert: Alert, labels: Mapping[str, str]) -> dict[str, str]:
    """By which routes and silences know an alert: its monitor's labels, and its own."""
    own = {
        "monitor": alert.monitor,
        "cause": alert.cause.value,
        "severity": alert.severity.value,
    }
    return {**labels, **own, **({"rule": alert.rule} if alert.rule else {})}


def hushed(
    alert: Alert,
    labels: Mapping[str, str],
    *,
    silences: Iterable[Silence],
    others: Iterable[Alert],
    now: float,
) -> Telling | None:
    """Why an alert, or its end, is not told now; None if it is.

    labels: by `labels_of`. others: alerts of the same monitor. now: our clock.
    """
    active = [silence for silence in silences if silence.hushes(labels, now)]
    if active:
        return min((silence.telling for silence in active), key=list(Telling).index)
    if alert.state is State.FIRING and explained(alert, others):
        return Telling.INHIBITED
    return None


def explained(alert: Alert, others: Iterable[Alert]) -> bool:
    """Whether another alert of the same monitor is what is behind this one."""
    return any(_explains(other, alert) for other in others)


def _explains(other: Alert, alert: Alert) -> bool:
    """Whether the other fired of a cause behind this one, at the time of its latest bad window."""
    is_accumulated = alert.reason is Reason.ACCUMULATED_EVIDENCE
    reach_s = LASTS * alert.window.length_s if is_accumulated else 0.0
    return (
        other.cause in EXPLAINED_BY.get(alert.cause, ())
        and other.firing_at is not None
        and other.first_window.start < alert.window.end
        and alert.window.start < other.window.end + reach_s
    )


def routed(
    routes: Sequence[Route], labels: Mapping[str, str], channels: Iterable[str]
) -> tuple[str, ...]:
    """The channels that an alert goes to, in order. What no route takes goes to all of them."""
    matching = [route for route in routes if all_match(route.matchers, labels)]
    if not matching:
        return tuple(channels)
    last = next((i for i, route in enumerate(matching) if not route.goes_on), len(matching))
    names = (name for route in matching[: last + 1] for name in route.channels)
    return tuple(dict.fromkeys(names))
