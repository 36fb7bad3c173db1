"""Who is told of which alert: what people know is brought up to what is, in every tick.

What is told goes into the outbox and is noted in one transaction; so a crash at any point tells
the same again, under the same ids, or nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlalchemy import Connection

from alerts import telling
from alerts.matchers import Matcher
from alerts.notification import Notification, announce
from alerts.silences import Silence
from alerts.state import Alert, State, Transition
from alerts.telling import EXPLAINED_BY, Route
from alerts.words import Telling
from monitor.detect import digests
from monitor.detect.alarms import Decided, origin_of
from monitor.kafka.messages import Registration
from monitor.spec.alerting import Alerts
from monitor.spec.channels import Channel, Endpoint, Webhook
from monitor.sql import alerts, registry, silences
from monitor.sql.alerts import Known
from monitor.tenants.namespaces import namespace_of

_EXPLAINING = frozenset(chain.from_iterable(EXPLAINED_BY.values()))

_logger = logging.getLogger(__name__)


def tell(
    connection: Connection,
    registrations: Mapping[str, Registration],
    *,
    now: float,
    base_url: str | None,
) -> list[Decided]:
    """Tells what is to be told, and gives the alerts of which the reason has changed why they
    are told, or are not."""
    waiting = alerts.unsettled(connection)
    if not waiting:
        return []
    monitors = {known.alert.monitor for known in waiting}
    teller = _Teller(
        connection,
        _last_registrations(connection, registrations, monitors),
        silences.active(connection, now),
        alerts.by_monitor(alerts.fired(connection, monitors, _EXPLAINING)),
        now,
        base_url,
    )
    said = [(known, teller.tell(known)) for known in waiting]
    digests.put(connection, teller.told, now=now)
    return [_decided(known.alert, why) for known, why in said if why is not known.telling]


def _last_registrations(
    connection: Connection, registrations: Mapping[str, Registration], monitors: set[str]
) -> dict[str, Registration]:
    """Of a monitor that was deleted, its last document says who is to be told."""
    found = {name: registrations.get(name) or registry.get(connection, name) for name in monitors}
    return {name: one for name, one in found.items() if one is not None}


@dataclass(frozen=True, slots=True)
class _Teller:
    """silences: those whose time has come. others: alerts that fired and may explain another.
    told: what is to be said, and where, in the order of the telling."""

    connection: Connection
    registrations: Mapping[str, Registration]
    silences: Sequence[Silence]
    others: Mapping[str, Sequence[Alert]]
    now: float
    base_url: str | None
    told: list[tuple[Notification, Endpoint]] = field(default_factory=list)

    def tell(self, known: Known) -> Telling:
        """Why somebody is told of an alert now, or nobody is."""
        endpoints = self._endpoints(known)
        reason = self._hushed(known) or (Telling.TOLD if endpoints else Telling.NO_CHANNEL)
        if reason is Telling.TOLD:
            self.told.extend((self._notification(known.alert), one) for one in endpoints)
            alerts.settle(self.connection, known, reason, told_to=endpoints)
        elif reason is not known.telling:
            alerts.settle(self.connection, known, reason)
        return reason

    def _hushed(self, known: Known) -> Telling | None:
        alert = known.alert
        if alert.state is State.RESOLVED and known.told is None:
            return Telling.NEVER_TOLD
        return telling.hushed(
            alert,
            self._labels(alert),
            silences=[
                *self.silences,
                *silences.of_monitor(alert.monitor, self._said(alert).maintenance),
            ],
            others=self.others.get(alert.monitor, ()),
            now=self.now,
        )

    def _endpoints(self, known: Known) -> list[Endpoint]:
        """Where an alert is told; its end where its beginning was, at the present address if the
        channel has another one now."""
        said = self._said(known.alert)
        every: tuple[Webhook | Channel, ...] = (*said.webhooks, *said.channels)
        channels = {one.name: one.endpoints() for one in every}
        if known.told is not None:
            present = {one.name: one for one in chain.from_iterable(channels.values())}
            return [present.get(one.name, one) for one in known.told_to]
        names = telling.routed(_routes(said), self._labels(known.alert), channels)
        return [endpoint for name in names for endpoint in channels[name]]

    def _notification(self, alert: Alert) -> Notification:
        registration = self.registrations[alert.monitor]
        origin = origin_of(registration, registration.reference_id, self.base_url)
        made = announce(alert, _transition(alert), origin)
        assert made is not None  # it fires, or did
        return made

    def _said(self, alert: Alert) -> Alerts:
        return self.registrations[alert.monitor].monitor.spec.alerts

    def _labels(self, alert: Alert) -> dict[str, str]:
        labels = self.registrations[alert.monitor].monitor.metadata.labels
        return telling.labels_of(alert, {"namespace": namespace_of(alert.monitor), **labels})


def _routes(said: Alerts) -> list[Route]:
    return [
        Route(
            matchers=tuple(Matcher.parse(text) for text in one.match),
            channels=one.channels,
            goes_on=one.continue_,
        )
        for one in said.routes
    ]


def _transition(alert: Alert) -> Transition:
    at = alert.firing_at if alert.state is State.FIRING else alert.resolved_at
    assert at is not None  # it came into that state
    return Transition.of(alert, alert.state, at)


def _decided(alert: Alert, reason: Telling) -> Decided:
    _logger.info(
        "alert %s: %s of %s, %s: %s", alert.id, alert.cause, alert.monitor, alert.state, reason
    )
    return Decided(alert.cause, reason, alert)
