"""Every manifest against the schemas of every version of Kubernetes from 1.29 to the newest."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from referencing import Registry, Resource

from monitor.inject.pods import with_collector
from tests.support import kube_programs
from tests.support.chart import Manifest, render, values_files
from tests.support.pods import SETTINGS, model_pod

VALUES = values_files()
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def minor(version: str) -> int:
    return int(version.split(".")[1])


KNOWN = {path.name[1:].partition("-")[0] for path in SCHEMAS.glob("v1.*-local-strict")}
SUPPORTED = sorted((version for version in KNOWN if minor(version) >= 29), key=minor)

OF_OTHERS = (
    *("keda.sh", "monitoring.coreos.com", "kafka.strimzi.io", "gateway.networking.k8s.io"),
    *("cert-manager.io", "apiextensions.k8s.io"),
)
"""Groups that these schemas do not have; the API server checks those (test_installing.py)."""

INJECTED: Manifest = {"apiVersion": "v1", "kind": "Pod", **with_collector(model_pod(), SETTINGS)}


def ours() -> Iterator[Manifest]:
    yield INJECTED
    for values in VALUES.values():
        for manifest in render(values):
            if manifest["apiVersion"].partition("/")[0] not in OF_OTHERS:
                yield manifest


class Schemas:
    """Of one version; strict, so that a key that is unknown is a fault."""

    def __init__(self, version: str) -> None:
        self._folder = SCHEMAS / f"v{version}-local-strict"
        definitions = json.loads((self._folder / "_definitions.json").read_text("utf-8"))
        self._registry: Registry[Any] = Resource.from_contents(definitions) @ Registry()
        self._validators: dict[str, Any] = {}

    def faults(self, manifest: Manifest) -> list[str]:
        group, _, version = manifest["apiVersion"].rpartition("/")
        parts = [manifest["kind"].lower(), *([group.split(".")[0]] if group else []), version]
        validator = self._validator("-".join(parts))
        return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(manifest)]

    def _validator(self, name: str) -> Any:
        if name not in self._validators:
            schema = json.loads((self._folder / f"{name}.json").read_text("utf-8"))
            registry = Resource.from_contents(schema) @ self._registry
            self._validators[name] = jsonschema.Draft202012Validator(schema, registry=registry)
        return self._validators[name]


def test_versions_go_from_the_charts_oldest_to_the_newest() -> None:
    assert [minor(version) for version in SUPPORTED] == [*range(29, minor(SUPPORTED[-1]) + 1)]
    assert minor(SUPPORTED[-1]) == minor(kube_programs.VERSION)


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_version_knows_every_field(version: str) -> None:
    schemas = Schemas(version)
    assert [fault for one in ours() for fault in schemas.faults(one)] == []


def test_a_field_that_no_version_knows_would_be_found() -> None:
    wrong = {**INJECTED, "spec": {**INJECTED["spec"], "restartPolice": "Never"}}
    (found,) = Schemas(SUPPORTED[-1]).faults(wrong)
    assert "restartPolice" in found
