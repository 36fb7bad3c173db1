"""What a channel of a document would say of a made-up incident, printed or sent from here."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson

from alerts import channels
from alerts.channels.template import words
from alerts.delivery import Result
from alerts.guard import Guard
from alerts.notification import Notification, Origin
from alerts.sample import sample
from monitor.apply.client import ApiError
from monitor.spec import documents
from monitor.spec.channels import Channel, Webhook
from monitor.spec.model import Monitor

ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""From here it is the user who connects, who could do so without us."""

EVENTS = frozenset({"kafka", "webhook"})
"""Kinds that are told events, not words."""


def from_file(path: Path, name: str, *, printed: bool, now: float) -> int:
    """Prints or sends what the channel of that name says, of the one monitor in a file that has
    it. Secrets are read here. Raises ApiError if there is none."""
    monitor, told = _named(documents.load(path), name)
    samples = _samples(monitor, now)
    if printed:
        return _print(told, samples)
    return _send(told, samples, now)


def of_document(document: Mapping[str, Any], name: str, *, now: float) -> int:
    """Prints what the channel of that name of a document says."""
    monitor, told = _named([Monitor.model_validate(document)], name)
    return _print(told, _samples(monitor, now))


def _named(monitors: list[Monitor], name: str) -> tuple[Monitor, Webhook | Channel]:
    for monitor in monitors:
        for told in monitor.spec.alerts.told:
            if told.name == name:
                return monitor, told
    raise ApiError(f"no monitor of these has a channel {name!r}")


def _samples(monitor: Monitor, now: float) -> tuple[Notification, ...]:
    alerting = monitor.spec.alerts
    origin = Origin(
        labels=monitor.metadata.labels, dashboard=alerting.dashboard, runbook=alerting.runbook
    )
    return sample(monitor.name, origin, key=str(now), now=now)


def _print(told: Webhook | Channel, samples: tuple[Notification, ...]) -> int:
    target = told.target()
    for notification in samples:
        if target["kind"] in EVENTS:
            shown = orjson.dumps(notification.to_json(), option=orjson.OPT_INDENT_2).decode()
        else:
            message = words(target)(notification)
            shown = f"{message.title}\n\n{message.text()}\n"
        print(shown)
    return 0


def _send(told: Webhook | Channel, samples: tuple[Notification, ...], now: float) -> int:
    failed = False
    for endpoint in told.endpoints():
        channel = channels.open(endpoint.target, Guard(allow=ANYWHERE))
        for notification in samples:
            outcome = channel.send(notification, now=now)
            failed |= outcome.result is not Result.DELIVERED
            what = notification.type.removeprefix("driftmeter.")
            print(f"{endpoint.name}: {what} {outcome.result} ({outcome.detail})")
    return 1 if failed else 0
