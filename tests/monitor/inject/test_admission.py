"""AdmissionReviews of pods, and the patches that answer them."""

import base64
import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.inject.admission import SYSTEM, ReviewError, patch, reviewed, validated
from monitor.inject.pods import with_collector
from tests.support.pods import SETTINGS, Pod, model_pod


def review(pod: Any, namespace: str = "ml") -> bytes:
    request = {"uid": "705ab4f5", "namespace": namespace, "object": pod}
    version = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return orjson.dumps({**version, "request": request})


def response(pod: Pod, namespace: str = "ml") -> Any:
    return reviewed(review(pod, namespace), SETTINGS, untouched=SYSTEM | {"driftmeter"})["response"]


def patched(before: Any, operations: list[Any]) -> Any:
    """RFC 6902 for members of objects, as its sections 4.1 and 4.2 put it."""
    document = copy.deepcopy(before)
    for one in operations:
        *parents, last = (
            step.replace("~1", "/").replace("~0", "~") for step in one["path"].split("/")[1:]
        )
        target = document
        for step in parents:
            target = target[step]
        if one["op"] == "remove":
            del target[last]
        else:
            target[last] = one["value"]
    return document


OBJECTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("a~/", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("a~/"), OBJECTS), st.dictionaries(st.text("a~/"), OBJECTS))
def test_a_patch_makes_one_object_of_another_and_no_patch_is_none(before: Any, after: Any) -> None:
    assert patched(before, list(patch(before, after))) == after
    assert not list(patch(before, before))


def test_a_pod_is_answered_with_what_injecting_it_offline_gives() -> None:
    answer = response(model_pod())
    assert (answer["uid"], answer["allowed"], answer["patchType"]) == (
        "705ab4f5",
        True,
        "JSONPatch",
    )
    operations = orjson.loads(base64.b64decode(answer["patch"]))
    assert patched(model_pod(), operations) == with_collector(model_pod(), SETTINGS)


@pytest.mark.parametrize(
    ("pod", "namespace"),
    [
        (with_collector(model_pod(), SETTINGS), "ml"),
        (model_pod({"driftmeter.dev/inject": "false"}), "ml"),
        *((model_pod(), namespace) for namespace in (*sorted(SYSTEM), "driftmeter")),
    ],
)
def test_a_pod_that_is_not_to_be_changed_is_let_through(pod: Pod, namespace: str) -> None:
    assert response(pod, namespace) == {"uid": "705ab4f5", "allowed": True}


def test_a_pod_that_cannot_have_a_collector_is_made_all_the_same_and_somebody_is_told() -> None:
    answer = response(model_pod(ports=[]))
    assert answer["allowed"] is True
    assert "patch" not in answer
    assert "driftmeter.dev/port" in answer["warnings"][0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        review(None),
        review({"spec": {"containers": 1}}),
        review(model_pod()).replace(b"/v1", b"/v1beta1"),
    ],
)
def test_what_is_no_review_of_a_pod_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(ReviewError, match=r"no .*review"):
        reviewed(body, SETTINGS)


MONITOR = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "Monitor",
    "metadata": {"name": "seats", "uid": "1", "resourceVersion": "7"},
    "spec": {"reference": "first 1000"},
}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"reference": "first 1000"}, None),
        ({"reference": "first 1000", "windows": ["2h", "3h"]}, "whole multiple"),
        ({"reference": {"url": "a", "first": 1000}}, "give one of url"),
        ({"reference": "first 1000", "windows": ["an hour"]}, "is not a duration"),
    ],
)
def test_a_monitor_is_refused_for_what_no_schema_can_say(spec: Any, message: str | None) -> None:
    answer = validated(review({**MONITOR, "spec": spec}))["response"]
    assert answer["allowed"] is (message is None)
    assert message is None or message in answer["status"]["message"]


def test_what_is_no_monitor_is_said_to_be_none() -> None:
    with pytest.raises(ReviewError, match="no review of a Monitor"):
        validated(review({}))
