"""Others that put containers into a model's pod: service meshes, and KServe with its agent."""

from collections.abc import Mapping

from monitor.inject.ports import Json, Road
from monitor.inject.wishes import PREFIX, RefusedError

KSERVE_MODEL = "kserve-container"
KSERVE_AGENT = "agent"
KSERVE_LOGGER = "internal.serving.kserve.io/logger"
KSERVE_UPSTREAM = "--component-port"

PROXIES = ("istio-proxy", "linkerd-proxy", "queue-proxy", KSERVE_AGENT)
"""Containers that no model is in."""

MESH_INITS = ("istio-init", "linkerd-init")

UNMESHED = (
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "config.linkerd.io/skip-inbound-ports",
)
"""Where a mesh reads which ports it must leave alone."""


def model_of(spec: Json, wished: str | None) -> Json:
    """The model's container. Raises RefusedError where it cannot be told."""
    containers: dict[str, Json] = {one["name"]: one for one in spec["containers"]}
    names = [name for name in containers if name not in PROXIES]
    name = wished or (KSERVE_MODEL if KSERVE_MODEL in names else names[0] if names else None)
    if name not in containers:
        raise RefusedError(f"there is no container {name!r}; there are {', '.join(containers)}")
    if wished is None and name != KSERVE_MODEL and len(names) > 1:
        raise RefusedError(
            f"which container is the model's? There are {', '.join(names)}: say so in the "
            f"annotation {PREFIX}container"
        )
    return containers[name]


def check_meshes(spec: Json) -> None:
    """Raises RefusedError where a mesh has already fixed which ports are its own.

    The kubelet's probes would then reach the collector through a proxy that starts after it, and
    the pod would wait for itself.
    """
    for one in spec.get("initContainers") or ():
        if one["name"] in MESH_INITS:
            raise RefusedError(
                f"the mesh was here first ({one['name']}), and cannot be told any more to leave "
                "the collector's probes alone: inject the collector before the mesh"
            )


def unmeshed(annotations: Mapping[str, str], port: int) -> dict[str, str]:
    """Annotations by which Istio and Linkerd leave a port alone, beside those that they do already.

    Both are always there: a namespace may be meshed by its labels, which a pod does not show.
    """
    given = {name: annotations.get(name, "").split(",") for name in UNMESHED}
    return {
        name: ",".join([*(one for one in ports if one and one != str(port)), str(port)])
        for name, ports in given.items()
    }


def agent_of(metadata: Json, spec: Json) -> Json:
    """KServe's agent, in front of the model. Raises RefusedError where a collector has no place."""
    agent = next((one for one in spec["containers"] if one["name"] == KSERVE_AGENT), None)
    is_logging = KSERVE_LOGGER in (metadata.get("annotations") or {})
    if is_logging or (agent is not None and "--log-url" in agent.get("args", ())):
        raise RefusedError("KServe's agent logs the predictions of this pod: it needs no collector")
    if agent is None:
        raise RefusedError(
            "KServe's Service points to the model by a number: let KServe log its predictions "
            "(spec.predictor.logger), which needs no collector in the pod"
        )
    found: Json = agent
    return found


def behind_agent(agent: Json, listen: int) -> tuple[Json, Road]:
    """KServe's agent made to call a collector where it called the model, and the road from there.

    Raises RefusedError where its arguments do not say which port it calls.
    """
    args = list(agent.get("args", ()))
    at = args.index(KSERVE_UPSTREAM) + 1 if KSERVE_UPSTREAM in args else len(args)
    if at >= len(args) or not args[at].isdigit():
        raise RefusedError(f"KServe's agent does not say which port it calls ({KSERVE_UPSTREAM})")
    road = Road(listen, int(args[at]))
    return {**agent, "args": [*args[:at], str(listen), *args[at + 1 :]]}, road
