"""What a Monitor resource says of itself, made of what the API says."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

REGISTERED = {
    "active": ("True", "Active", "It is being watched."),
    "resolving": ("Unknown", "Resolving", "Its reference is being fitted."),
    "failed": ("False", "Failed", ""),
    "refused": ("False", "Refused", ""),
}
"""By what became of the document: the condition Registered, its reason and message."""


def of_answer(found: Mapping[str, Any], *, generation: int, before: Json, now: str) -> Json:
    """The status of a monitor as the API gives it. before: the status so far; now: RFC 3339."""
    report, alert = found["last_report"], found["alert"]
    known = {
        "observedGeneration": generation,
        "registration": found["status"],
        "reason": found["reason"] or None,
        "revision": found["revision"],
        "state": found["state"],
        "lastWindow": report["window"]["end"] if report else None,
        "alert": alert["state"] if alert else None,
    }
    return _with_condition(known, before, now)


def of_refusal(reason: str, *, generation: int, before: Json, now: str) -> Json:
    """The status of a document that the API does not take; what an earlier one came to stays."""
    known = {key: value for key, value in before.items() if key != "conditions"}
    refused = {"observedGeneration": generation, "registration": "refused", "reason": reason}
    return _with_condition({**known, **refused}, before, now)


def _with_condition(known: Json, before: Json, now: str) -> Json:
    status, reason, message = REGISTERED[known["registration"]]
    old: Json = next(iter(before.get("conditions", ())), {})
    condition = {
        "type": "Registered",
        "status": status,
        "observedGeneration": known["observedGeneration"],
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == status else now,
        "reason": reason,
        "message": known["reason"] or message,
    }
    return {**known, "conditions": [condition]}


def changes(status: Json, before: Json) -> Json:
    """What of a status must be written, as a merge patch; empty if nothing must."""
    keys = status.keys() | before.keys()
    return {key: status.get(key) for key in keys if status.get(key) != before.get(key)}
