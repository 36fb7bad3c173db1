"""The chart as Helm renders and installs it: the only place that knows Helm's library."""

import copy
import json
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

CHART = Path(__file__).parents[2] / "k8s" / "driftmeter"

PREVIOUS = Path(__file__).parents[1] / "k8s" / "driftmeter-0.1.0.tgz"
"""The version of the chart before this one, as `helm package` made it."""

WORKLOADS = ("Deployment", "StatefulSet", "Job", "Pod")

Json = dict[str, Any]
Manifest = dict[str, Any]


class RenderError(Exception):
    """Helm refused the values; the message is Helm's."""


def render(
    values: Mapping[str, Any],
    *,
    release: str = "driftmeter",
    namespace: str = "ml",
    chart: Path = CHART,
) -> list[Manifest]:
    """All manifests of a release, hooks included. Raises RenderError."""
    return copy.deepcopy(_rendered(json.dumps(values), release, namespace, chart))


@cache
def _rendered(values: str, release: str, namespace: str, chart: Path) -> list[Manifest]:
    try:
        rendered = helm.Chart.load(str(chart)).render(
            json.loads(values), name=release, namespace=namespace
        )
    except helm.HelmError as error:
        raise RenderError(str(error)) from error
    texts = (text for name, text in rendered.items() if not name.endswith("NOTES.txt"))
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def notes(values: Mapping[str, Any]) -> str:
    files = helm.Chart.load(str(CHART)).render(dict(values), name="driftmeter", namespace="ml")
    return str(files["driftmeter/templates/NOTES.txt"])


def values_files(chart: Path = CHART) -> dict[str, Json]:
    """Every set of values that the chart is tested with, by name; the empty one first."""
    files = [chart / "values-production.yaml", *sorted((chart / "ci").glob("*-values.yaml"))]
    found: dict[str, Json] = {"defaults": {}, **{file.stem: _read(file) for file in files}}
    over = chart / "values-strimzi.yaml"
    if over.exists():
        found["values-strimzi"] = _merged(found["values-production"], _read(over))
    return found


def _read(path: Path) -> Json:
    found: Json = yaml.safe_load(path.read_text("utf-8"))
    return found


def _merged(under: Json, over: Json) -> Json:
    """As Helm does with several values files."""
    both = {
        key: _merged(under[key], over[key])
        for key in under.keys() & over.keys()
        if isinstance(under[key], dict) and isinstance(over[key], dict)
    }
    return {**under, **over, **both}


def previous(folder: Path) -> Path:
    """The version of the chart before this one, unpacked."""
    with tarfile.open(PREVIOUS) as packed:
        packed.extractall(folder, filter="data")
    return folder / "driftmeter"


def lint(values: Mapping[str, Any]) -> list[str]:
    """What `helm lint --strict` has to say."""
    found = helm.lint(str(CHART), dict(values), strict=True)
    return [str(one) for one in found["messages"]]


class Releases:
    """What `helm install`, `upgrade`, `rollback` and `uninstall` do in one namespace of a cluster.

    kubeconfig: its text.
    """

    def __init__(self, kubeconfig: str, namespace: str = "ml") -> None:
        self._cluster = helm.Config(
            kubeconfig_content=kubeconfig, namespace=namespace, qps=1000, burst_limit=1000
        )

    def install(self, release: str, values: Mapping[str, Any], *, chart: Path = CHART) -> None:
        """Waits for its hooks, and for nothing else."""
        self._cluster.install(str(chart), release, dict(values), wait="hookOnly", timeout=60)

    def upgrade(self, release: str, values: Mapping[str, Any], *, chart: Path = CHART) -> None:
        self._cluster.upgrade(str(chart), release, dict(values), wait="hookOnly", timeout=60)

    def rollback(self, release: str) -> None:
        """To the revision before this one."""
        self._cluster.rollback(release, wait="hookOnly", timeout=60)

    def uninstall(self, release: str) -> None:
        self._cluster.uninstall(release, timeout=60)

    def close(self) -> None:
        self._cluster.close()


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name)


def pod_of(manifest: Manifest) -> Any:
    """The pod within a workload, with its labels."""
    return manifest if manifest["kind"] == "Pod" else manifest["spec"]["template"]


def containers_of(manifest: Manifest) -> list[Json]:
    """Of a workload, sidecars and all."""
    spec = pod_of(manifest)["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def containers(manifests: list[Manifest]) -> Iterator[tuple[str, Json]]:
    """Of all workloads, by the names of both."""
    for workload in of_kind(manifests, *WORKLOADS):
        for container in containers_of(workload):
            yield f"{workload['metadata']['name']}/{container['name']}", container


def component_of(manifest: Manifest) -> str:
    """The role of a workload's pods."""
    return str(pod_of(manifest)["metadata"]["labels"]["app.kubernetes.io/component"])
