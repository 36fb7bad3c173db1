"""Manifests as files have them: the pods within workloads, and the Services that point to them."""

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from monitor.inject.pods import has_collector, wishes_of, with_collector
from monitor.inject.ports import Json, containers_of
from monitor.inject.settings import Settings
from monitor.inject.wishes import INJECT, RefusedError

TEMPLATES = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
"""Where a workload has its pod."""


class ManifestError(ValueError):
    """A file whose pods cannot get a collector; the message names the pod and says why."""


def read(text: str, name: str) -> list[Any]:
    """The documents of a YAML or JSON text. Raises ManifestError where it is neither."""
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        raise ManifestError(f"{name}: {error}") from None


def write(documents: Iterable[Any]) -> str:
    """Documents as YAML, their keys in the order that they have."""
    return yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20
    )


def inject(documents: list[Any], settings: Settings) -> list[Any]:
    """The documents with a collector in every pod that asks for one, or in the only pod there is.

    A Service that points to a port by a number gets its name where the pod is among the documents,
    since the name is what the collector takes over. Raises ManifestError.
    """
    workloads = [one for document in documents for one in _workloads(document)]
    wanted = [one for one in workloads if _is_wanted(one, alone=len(workloads) == 1)]
    if not wanted:
        raise ManifestError(
            f"none of {len(workloads)} workloads asks for a collector: annotate the pod template "
            f'with {INJECT}: "true"'
        )
    injected = {id(one): _injected(one, settings) for one in wanted}
    pods = [_pod(one) for one in wanted]
    return [_rewritten(document, injected, pods) for document in documents]


def _workloads(document: Any) -> Iterator[Json]:
    if not isinstance(document, dict):
        return
    if document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from _workloads(item)
    elif document.get("kind") in TEMPLATES:
        yield document


def _pod(workload: Json) -> Json:
    found: Any = workload
    for key in TEMPLATES[workload["kind"]]:
        found = found.get(key) if isinstance(found, dict) else None
    spec = found.get("spec") if isinstance(found, dict) else None
    if not isinstance(spec, dict) or not spec.get("containers"):
        raise ManifestError(f"{_called(workload)} has no pod with containers")
    pod: Json = found
    return pod


def _called(workload: Json) -> str:
    return f"{workload['kind']} {(workload.get('metadata') or {}).get('name', '')!r}"


def _is_wanted(workload: Json, *, alone: bool) -> bool:
    try:
        wished = wishes_of(_pod(workload)).inject
    except RefusedError as error:
        raise ManifestError(f"{_called(workload)}: {error}") from None
    return alone if wished is None else wished


def _injected(workload: Json, settings: Settings) -> Json:
    try:
        pod = with_collector(_pod(workload), settings)
    except RefusedError as error:
        raise ManifestError(f"{_called(workload)}: {error}") from None
    return _with(workload, TEMPLATES[workload["kind"]], pod)


def _with(document: Json, path: tuple[str, ...], value: Json) -> Json:
    if not path:
        return value
    return {**document, path[0]: _with(document[path[0]], path[1:], value)}


def _rewritten(document: Any, injected: dict[int, Json], pods: list[Json]) -> Any:
    if not isinstance(document, dict):
        return document
    if document.get("kind") == "List":
        items = [_rewritten(item, injected, pods) for item in document.get("items") or ()]
        return {**document, "items": items}
    if document.get("kind") == "Service":
        return _following(document, pods)
    return injected.get(id(document), document)


def _following(service: Json, pods: list[Json]) -> Json:
    """A Service with numbers replaced by the names that its pods have for them."""
    spec = service.get("spec") or {}
    selector = (spec.get("selector") or {}).items()
    names: dict[int, str] = {}
    for pod in pods:
        if selector and selector <= (pod.get("metadata", {}).get("labels") or {}).items():
            names |= _names(pod)
    ports = [_named(port, names) for port in spec.get("ports") or ()]
    return {**service, "spec": {**spec, "ports": ports}} if names else service


def _names(pod: Json) -> dict[int, str]:
    if has_collector(pod):
        return {}
    ports = [port for one in containers_of(pod["spec"]) for port in one.get("ports") or ()]
    return {port["containerPort"]: port["name"] for port in ports if "name" in port}


def _named(port: Json, names: dict[int, str]) -> Json:
    target = port.get("targetPort", port.get("port"))
    return {**port, "targetPort": names[target]} if target in names else port


class _Loader(yaml.SafeLoader):
    """Times stay the text that they are: Kubernetes reads JSON, which has none."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Scripts and the like keep their lines, and what occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
