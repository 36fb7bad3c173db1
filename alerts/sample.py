"""A made-up incident, for those who want to see what they would be told."""

from dataclasses import replace

from alerts.facts import Facts, Movement, Quality
from alerts.notification import Notification, Origin, announce
from alerts.state import Alert, Cause, State, Transition, Window, deterministic_id
from detectors.report import Reason

HOUR = 3600.0


def sample(monitor: str, origin: Origin, *, key: str, now: float) -> tuple[Notification, ...]:
    """That an alert of the last hour fires, and that it is over again.

    Their data say `test`. key: what tells this incident from other samples.
    """
    window = Window(start=now - HOUR, end=now)
    alert = Alert(
        id=deterministic_id("test", monitor, key),
        monitor=monitor,
        cause=Cause.DRIFT,
        state=State.FIRING,
        first_window=window,
        window=window,
        updated_at=now,
        firing_at=now,
        reason=Reason.STRONG_WINDOW,
        facts=FACTS,
    )
    over = replace(alert, state=State.RESOLVED, resolved_at=now + 0.001)
    return tuple(_told(one, origin, at) for one, at in ((alert, now), (over, now + 0.001)))


FACTS = Facts(
    n_rows=1000,
    evidence=120.0,
    threshold=90.0,
    columns=(
        Movement(
            name="example",
            role="feature",
            what="mean",
            reference=12.0,
            current=18.0,
            effect=1.5,
            effect_unit="sd",
            share=1.0,
        ),
    ),
    expected=Quality(metric="mae", reference=4.0, value=9.0),
    shift="covariate shift",
    because="nothing happened, this is a test",
)


def _told(alert: Alert, origin: Origin, at: float) -> Notification:
    told = announce(alert, Transition.of(alert, alert.state, at), origin)
    assert told is not None  # it fires
    return replace(told, data={**told.data, "test": True})
