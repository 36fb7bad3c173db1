"""How a collector gets the requests that were for the model's port.

Callers reach a pod through a Service, and that points to a port by its name or by its number. A
name is a pod's own: it is given to the collector's port, and the Service need not be changed. A
number is taken, so the model has to listen elsewhere, which only its owner can arrange.

Kubernetes looks for names in ordinary containers, and in native sidecars only since 1.32
(https://github.com/kubernetes/kubernetes/issues/127958). So the collector's port is declared where
the model's was: on the model's container, which shares the pod's network with the collector.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.inject.wishes import PREFIX, RefusedError

Json = dict[str, Any]

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
HOOKS = ("postStart", "preStop")


@dataclass(frozen=True, slots=True)
class Road:
    """What comes in at `listen` goes on to `upstream`; both are ports of the pod."""

    listen: int
    upstream: int


def containers_of(spec: Json) -> list[Json]:
    """Every container of a pod, sidecars and others that run first among them."""
    return [*(spec.get("initContainers") or ()), *spec["containers"]]


def declared_ports(spec: Json) -> set[int]:
    """Every port that a container of the pod says it has."""
    containers = containers_of(spec)
    return {port["containerPort"] for one in containers for port in one.get("ports") or ()}


def free_port(first: int, taken: set[int]) -> int:
    """The first port, from `first` on, that is not taken; it is taken from then on."""
    found = next(port for port in range(first, 65_536) if port not in taken)
    taken.add(found)
    return found


def served_port(model: Json) -> str:
    """The one port, or of several the one named http…, by which callers reach a model.

    By its name, or its number if it has none. Raises RefusedError.
    """
    ports = model.get("ports") or []
    of_http = [port for port in ports if port.get("name", "").startswith("http")]
    for found in (ports, of_http):
        if len(found) == 1:
            return str(found[0].get("name", found[0]["containerPort"]))
    listed = ", ".join(str(port.get("name", port["containerPort"])) for port in ports) or "none"
    raise RefusedError(
        f"which port of container {model['name']!r} serves the model? It declares {listed}: "
        f"say so in the annotation {PREFIX}port"
    )


def take_over(model: Json, port: str, *, aside: int | None, listen: int) -> tuple[Json, Road]:
    """The model's container with `port` handed to a collector, and the road from there.

    aside: where the model listens, if it has left its port's number to the collector; without it
    the collector is at `listen`, and only the port's name is handed over. Raises RefusedError.
    """
    model = copy.deepcopy(model)
    entry = _declared(model, port)
    number = entry["containerPort"]
    if aside is None and "name" not in entry:
        raise RefusedError(
            f"port {number} of container {model['name']!r} has no name that callers could follow "
            "to the collector: name it and let the Service's targetPort be that name, or have the "
            f"model listen elsewhere and say where in {PREFIX}upstream-port"
        )
    road = Road(listen, number) if aside is None else Road(number, aside)
    protocol = {"protocol": entry["protocol"]} if "protocol" in entry else {}
    taken = {**entry, "containerPort": road.listen}
    ports = [taken if one is entry else one for one in model["ports"]]
    ports.append({"containerPort": road.upstream, **protocol})
    moved = {entry.get("name"), number} if aside is not None else {entry["name"]}
    for action in _actions(model):
        if action.get("port") in moved:  # what the kubelet asks of the model is not for others
            action["port"] = road.upstream
    return {**model, "ports": ports}, road


def _declared(model: Json, port: str) -> Json:
    for entry in model.get("ports") or ():
        if port in (entry.get("name"), str(entry["containerPort"])):
            found: Json = entry
            return found
    raise RefusedError(f"container {model['name']!r} declares no port {port!r}")


def _actions(model: Json) -> Iterator[Json]:
    asked = [model[name] for name in PROBES if name in model]
    hooks = model.get("lifecycle") or {}
    for one in (*asked, *(hooks[name] for name in HOOKS if name in hooks)):
        yield from (one[how] for how in ("httpGet", "tcpSocket", "grpc") if how in one)
