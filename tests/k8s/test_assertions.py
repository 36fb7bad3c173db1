"""Every manifest that the chart renders is asked everything, and so are injected collectors."""

import copy
from typing import Any

import pytest

from monitor.inject.pods import with_collector
from tests.k8s.assertions import COUNT, OF_CONTAINERS, complaints
from tests.support.chart import render, values_files
from tests.support.pods import SETTINGS, collector_of, model_pod

VALUES = values_files()


@pytest.mark.parametrize("name", VALUES)
def test_no_manifest_leaves_anything_to_complain_of(name: str) -> None:
    assert [one for manifest in render(VALUES[name]) for one in complaints(manifest)] == []


def test_at_least_fifty_things_are_asked() -> None:
    assert COUNT >= 50


def test_a_collector_that_is_injected_is_asked_the_same() -> None:
    collector = collector_of(with_collector(model_pod(), SETTINGS))
    # It brings its own user, for the pod is somebody else's.
    own = {"no user that contradicts the pod's"}
    asked = {name: is_so for name, is_so in OF_CONTAINERS.items() if name not in own}
    assert [name for name, is_so in asked.items() if not is_so(collector)] == []


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("metadata", "labels", "app.kubernetes.io/name"), "other", "labelled with the name"),
        (("spec", "template", "spec", "hostNetwork"), True, "no network of the host"),
        (("spec", "selector", "matchLabels", "helm.sh/chart"), "x", "outlives a version"),
        (("spec", "template", "spec", "automountServiceAccountToken"), True, "no token"),
    ],
)
def test_what_is_wrong_is_complained_of(path: tuple[str, ...], value: Any, complaint: str) -> None:
    (manifest,) = (m for m in render({}) if m["kind"] == "StatefulSet")
    broken = copy.deepcopy(manifest)
    inner = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert any(complaint in one for one in complaints(broken))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image": "driftmeter/service:latest"}, "latest"),
        ({"args": ["up", "--token=abc"]}, "no secret among its flags"),
        ({"command": ["sh", "-c"]}, "not a shell"),
        ({"env": [{"name": "D", "value": "postgresql://me:pass@db/d"}]}, "among its variables"),
        ({"resources": {"requests": {"cpu": 1}, "limits": {"memory": 1}}}, "memory asked for"),
    ],
)
def test_what_is_wrong_with_a_container_is_complained_of(
    changes: dict[str, Any], complaint: str
) -> None:
    (manifest,) = (m for m in render({}) if m["kind"] == "StatefulSet")
    broken = copy.deepcopy(manifest)
    broken["spec"]["template"]["spec"]["containers"][0] |= changes
    assert any(complaint in one for one in complaints(broken))
