"""From an alert to requests for retrains, in the transaction of the window that moved it."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select

from alerts.notification import Origin
from alerts.retraining import event
from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.policy import DAY_S, Answer, History, Subscription, decide
from alerts.state import Alert, deterministic_id
from alerts.words import State
from monitor.retraining import records, subscriptions, trouble
from monitor.spec.model import Monitor
from monitor.spec.retraining import Retrain
from monitor.sql import tables
from monitor.sql.database import insert_new, upsert
from monitor.sql.seen import seen

_STATES = {
    Answer.REQUESTED: RetrainState.REQUESTED,
    Answer.AWAITING_APPROVAL: RetrainState.AWAITING_APPROVAL,
    Answer.DRY_RUN: RetrainState.DRY_RUN,
}

_logger = logging.getLogger(__name__)


def consider(
    connection: Connection,
    alert: Alert,
    monitor: Monitor,
    origin: Origin,
    *,
    now: float,
    revision: int,
    model_version: str | None = None,
) -> list[Answer]:
    """What every subscription of the monitor answers to its alert after a window.

    revision: of the document by which the window was judged.
    model_version: the version that made most of the window's predictions, None if nobody says.
    Requests are kept with ids that follow from the alert, so that doing it again changes nothing.
    """
    if alert.state is State.RESOLVED:
        trouble.incident_over(connection, alert, now=now)
        return []
    wanted = list(subscriptions.of_monitor(connection, monitor))
    _remember(connection, alert, most=max((s.of_windows for s, _ in wanted), default=1))
    model = {"name": monitor.model_name, "version": model_version}
    return [
        _answer(connection, alert, origin, subscription, settings, model, revision, now)
        for subscription, settings in wanted
    ]


def _answer(
    connection: Connection,
    alert: Alert,
    origin: Origin,
    subscription: Subscription,
    settings: Retrain,
    model: Mapping[str, str | None],
    revision: int,
    now: float,
) -> Answer:
    retrain_id = _id(alert, subscription)
    history = _history(connection, alert, subscription, retrain_id, revision)
    answer = decide(subscription, alert, history)
    if answer.is_request:
        made = event.request(alert, origin, subscription=subscription.name, model=model)
        records.put(
            connection,
            id=retrain_id,
            request=made,
            settings=settings,
            state=_STATES[answer],
            now=now,
        )
    _note(connection, alert, subscription, answer)
    return answer


def _id(alert: Alert, subscription: Subscription) -> str:
    """A dry run is not the request: another subscription may yet make that."""
    if subscription.is_dry_run:
        return deterministic_id("retrain", alert.id, "dry run", subscription.name)
    return event.request_id(alert)


def _history(
    connection: Connection,
    alert: Alert,
    subscription: Subscription,
    retrain_id: str,
    revision: int,
) -> History:
    since = alert.window.end - max(subscription.cooldown_s, DAY_S)
    dry = subscription.name if subscription.is_dry_run else ""
    return History(
        requested_at=tuple(records.requested_at(connection, alert.monitor, since=since, dry=dry)),
        is_asked=records.get(connection, retrain_id) is not None,
        is_in_flight=records.is_in_flight(connection, alert.monitor),
        n_windows=_n_windows(connection, alert, subscription.of_windows),
        is_answered=records.promoted_revision(connection, alert.monitor) > revision,
    )


def _remember(connection: Connection, alert: Alert, *, most: int) -> None:
    """Keeps that this window showed the cause, as long as somebody asks for several."""
    if most == 1 or alert.updated_at != alert.window.end:
        return
    t = tables.retrain_windows
    series = {
        "monitor": alert.monitor,
        "cause": alert.cause.value,
        "window_s": alert.window.length_s,
    }
    insert_new(connection, t, [{**series, "window_end": alert.window.end}])
    mine = [t.c[name] == value for name, value in series.items()]
    too_old = t.c.window_end <= alert.window.end - most * alert.window.length_s
    connection.execute(delete(t).where(*mine, too_old))


def _n_windows(connection: Connection, alert: Alert, of_windows: int) -> int:
    """How many of the last so many windows, up to the alert's latest, showed its cause."""
    if of_windows == 1:
        return 1
    t = tables.retrain_windows
    query = select(func.count()).where(
        t.c.monitor == alert.monitor,
        t.c.cause == alert.cause.value,
        t.c.window_s == alert.window.length_s,
        t.c.window_end > alert.updated_at - of_windows * alert.window.length_s,
    )
    return connection.scalar(query) or 0


def _note(connection: Connection, alert: Alert, subscription: Subscription, answer: Answer) -> None:
    row = {
        "monitor": alert.monitor,
        "subscription": subscription.name,
        "alert": alert.id,
        "at": alert.updated_at,
        "answer": answer.value,
    }
    upsert(connection, tables.retrain_decisions, [row])
    _logger.info("%s: retrain by %s: %s", alert.monitor, subscription.name, answer)


def decisions(connection: Connection, monitor: str | None = None) -> list[dict[str, Any]]:
    """What every subscription answered last, by monitor."""
    t = tables.retrain_decisions
    query = select(t).where(seen(connection, t.c.monitor)).order_by(t.c.monitor, t.c.subscription)
    if monitor is not None:
        query = query.where(t.c.monitor == monitor)
    return [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001  its public name
