"""Many alerts at once in one message: for people, who would read none of forty.

A digest is a notification as any other, of its worst alert, with a list of all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alerts.facts import clipped
from alerts.notification import Notification
from alerts.words import Severity

TYPE = "driftmeter.alerts.digest"

FOR_PEOPLE = frozenset({"slack", "teams", "email"})
"""Kinds of channels that people read. The others put alerts together themselves, and know each one
by its id."""

MOST_AT_ONCE = 5
"""Monitors whose alerts a place is told one by one, within `SPAN_S`."""

SPAN_S = 300.0
EVERY_S = 60.0
"""A digest gathers what is decided within so long."""

MAX_LISTED = 50


def digest(
    told: Sequence[Notification],
    *,
    id: str,  # noqa: A002  CloudEvents' word
    before: Notification | None = None,
) -> Notification:
    """The notifications in one; `before` is the digest that they are added to.

    id: of the digest, the same for all that is added to it.
    """
    listed = [*(before.data["digest"] if before else ()), *map(_item, told)]
    omitted = before.data["digest_omitted"] if before else 0
    heads = [*([before] if before else ()), *told]
    head = min(heads, key=lambda one: -Severity(one.data["severity"]).rank)
    return Notification(
        id=id,
        type=TYPE,
        at=max(one.at for one in heads),
        monitor=head.monitor,
        source=head.source,
        data={
            **head.data,
            "columns": [],
            "columns_omitted": 0,
            "digest": listed[:MAX_LISTED],
            "digest_omitted": omitted + max(0, len(listed) - MAX_LISTED),
        },
    )


def _item(told: Notification) -> dict[str, Any]:
    alert = told.data["alert"]
    return {
        "id": alert["id"],
        "monitor": told.monitor,
        "cause": alert["cause"],
        "rule": alert["rule"],
        "state": alert["state"],
        "severity": told.data["severity"],
        "because": clipped(told.data["because"] or told.data["reason"]),
    }


def title(data: Mapping[str, Any]) -> str:
    """How many alerts of whom."""
    monitors = list(dict.fromkeys(one["monitor"] for one in data["digest"]))
    n = len(data["digest"]) + data["digest_omitted"]
    named = ", ".join(monitors[:3])
    more = f" and {len(monitors) - 3} more" if len(monitors) > 3 else ""
    return f"{n} alerts of {len(monitors)} monitors: {named}{more}"


def lines(data: Mapping[str, Any]) -> Iterable[str]:
    """One alert a line, the worst first."""
    items = sorted(data["digest"], key=lambda one: -Severity(one["severity"]).rank)
    for one in items:
        about = f"{one['cause']} {one['rule']}".strip()
        yield f"{one['monitor']}: {about} is {one['state']} ({one['severity']}): {one['because']}"
    if data["digest_omitted"]:
        yield f"{data['digest_omitted']} more alerts"
