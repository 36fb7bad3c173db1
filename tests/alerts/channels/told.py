"""Makers of notifications, from the plainest to the largest that can be."""

from dataclasses import replace
from typing import Any

import jsonschema

from alerts.facts import MAX_NAME, Facts
from alerts.notification import Notification, Origin, announce
from alerts.state import Alert, State, Transition
from tests.alerts.reports import DAY, column, drifting, firing

FIRING_AT = firing().firing_at or 0.0
RESOLVED_AT = FIRING_AT + 2 * DAY

_ORIGIN = Origin(
    labels={"owner": "transport", "severity": "critical"},
    revision=3,
    reference_id="sha256:5f1c",
    base_url="https://driftmeter.example",
)


def _announced(alert: Alert, origin: Origin, state: State, at: float) -> Notification:
    told = announce(alert, Transition(id=f"transition_{state}", state=state, at=at), origin)
    assert told is not None
    return told


def _drift(*names: str) -> Alert:
    report = drifting(*(column(name) for name in names))
    return firing(facts=Facts.of(replace(report, realised=report.expected)))


FIRING = _announced(_drift("boarded", "delay"), _ORIGIN, State.FIRING, FIRING_AT)
RESOLVED = _announced(
    replace(_drift("boarded"), state=State.RESOLVED, resolved_at=RESOLVED_AT),
    _ORIGIN,
    State.RESOLVED,
    RESOLVED_AT,
)
BARE = _announced(firing(), Origin(), State.FIRING, FIRING_AT)
LARGEST = _announced(
    _drift(*(f"{n}\r\n@<!channel>&*_`[a](http://b)" + "€😀" * MAX_NAME for n in range(20))),
    replace(_ORIGIN, labels={f"{n} 'é{'😀' * n}": "x" * 500 for n in range(32)}),
    State.FIRING,
    FIRING_AT,
)

ALL = {"firing": FIRING, "resolved": RESOLVED, "bare": BARE, "largest": LARGEST}


def exactly(**properties: Any) -> dict[str, Any]:
    """The schema of an object with these properties, all of them, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def text(limit: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": limit}


def check(body: Any, schema: dict[str, Any]) -> None:
    jsonschema.validate(body, schema, format_checker=jsonschema.FormatChecker())
