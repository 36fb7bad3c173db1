"""Pods as they come to be injected, and what they look like afterwards."""

from typing import Any

from monitor.inject.settings import Settings
from monitor.inject.sidecar import NAME

Pod = dict[str, Any]

SETTINGS = Settings(image="driftmeter/collector:1", broker="kafka:9092")


def model_pod(
    annotations: dict[str, str] | None = None,
    *,
    ports: list[Pod] | None = None,
    beside: tuple[Pod, ...] = (),
    **model: Any,
) -> Pod:
    """A pod with one model on a port named http, unless said otherwise."""
    ports = [{"name": "http", "containerPort": 8080}] if ports is None else ports
    container = {"name": "model", "image": "seats:1", "ports": ports, **model}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "seats", "labels": {"app": "seats"}, "annotations": annotations or {}},
        "spec": {"containers": [container, *beside]},
    }


def collector_of(pod: Pod) -> Pod:
    """The one collector of a pod."""
    spec = pod["spec"]
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    (found,) = (one for one in every if one["name"] == NAME)
    return dict(found)


def numbers_by_name(pod: Pod) -> dict[str, int]:
    """The ports that Services find by name, in ordinary containers, as every Kubernetes does."""
    containers = pod["spec"]["containers"]
    ports = [port for one in containers for port in one.get("ports", ())]
    return {port["name"]: port["containerPort"] for port in ports if "name" in port}
