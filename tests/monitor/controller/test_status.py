"""The status of a Monitor resource."""

from typing import Any

import pytest

from monitor.controller.status import changes, of_answer, of_refusal
from monitor.spec.resources import DocumentRefusedError, document_of

AT: dict[str, Any] = {"generation": 3, "now": "2026-11-23T12:00:00Z"}
LATER: dict[str, Any] = {"generation": 4, "now": "2026-11-23T13:00:00Z"}


def answer(status: str = "active", **more: Any) -> dict[str, Any]:
    """A monitor as the API gives it."""
    known = {"status": status, "reason": None, "revision": 2, "state": None}
    return {**known, "last_report": None, "alert": None, **more}


def test_it_says_what_the_last_window_and_the_alert_say() -> None:
    report = {"window": {"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T11:00:00Z"}}
    found = answer(state="drift", last_report=report, alert={"state": "firing"})
    status = of_answer(found, before={}, **AT)
    shown = {key: status[key] for key in ("state", "alert", "lastWindow", "observedGeneration")}
    assert shown == {
        "state": "drift",
        "alert": "firing",
        "observedGeneration": 3,
        "lastWindow": "2026-11-23T11:00:00Z",
    }


@pytest.mark.parametrize(
    ("status", "condition"),
    [("active", "True"), ("resolving", "Unknown"), ("failed", "False")],
)
def test_the_condition_says_whether_it_is_watched(status: str, condition: str) -> None:
    (found,) = of_answer(answer(status), before={}, **AT)["conditions"]
    assert (found["type"], found["status"]) == ("Registered", condition)


def test_a_transition_has_the_time_of_its_own_and_no_later_one() -> None:
    before = of_answer(answer(), before={}, **AT)
    same = of_answer(answer(revision=3), before=before, **LATER)
    other = of_answer(answer("failed", reason="no such file"), before=same, **LATER)
    assert same["conditions"][0]["lastTransitionTime"] == AT["now"]
    assert other["conditions"][0]["lastTransitionTime"] == LATER["now"]
    assert other["conditions"][0]["message"] == "no such file"


def test_a_refused_document_leaves_what_the_one_before_came_to() -> None:
    before = of_answer(answer(state="stable"), before={}, **AT)
    refused = of_refusal("spec.windows: …", before=before, **LATER)
    assert (refused["registration"], refused["state"]) == ("refused", "stable")
    assert (refused["observedGeneration"], refused["revision"]) == (4, 2)


def test_what_is_so_already_is_not_written_again() -> None:
    status = of_answer(answer(), before={}, **AT)
    stored = {key: value for key, value in status.items() if value is not None}
    assert changes(of_answer(answer(), before=stored, **AT), stored) == {}
    gone = changes(status, {**stored, "reason": "no such file"})
    assert gone == {"reason": None}


def test_labels_of_tools_are_not_the_monitors() -> None:
    resource = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "spec": {"reference": "first 1000"},
        "metadata": {"name": "seats", "labels": {"team": "a", "argocd.argoproj.io/instance": "b"}},
    }
    assert document_of(resource).metadata.labels == {"team": "a"}
    with pytest.raises(DocumentRefusedError, match=r"spec\.windos: "):
        document_of({**resource, "spec": {"reference": "first 1000", "windos": []}})
