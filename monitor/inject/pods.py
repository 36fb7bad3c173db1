"""A pod with a collector in front of its model: what `inject` and the admission webhook both do."""

from dataclasses import dataclass

from monitor.inject import neighbours, sidecar
from monitor.inject.ports import (
    Json,
    Road,
    containers_of,
    declared_ports,
    free_port,
    served_port,
    take_over,
)
from monitor.inject.settings import Settings
from monitor.inject.wishes import NO_TOKEN, PUSH_TOKENS, RefusedError, Wishes

PROXY_PORT = 9000
INGEST_PORT = 9001
GRPC_PORT = 9002


def wishes_of(pod: Json) -> Wishes:
    """What a pod's annotations say. Raises RefusedError."""
    return Wishes.of(pod.get("metadata", {}).get("annotations") or {})


def has_collector(pod: Json) -> bool:
    return any(one["name"] == sidecar.NAME for one in containers_of(pod["spec"]))


def with_collector(pod: Json, settings: Settings) -> Json:
    """The pod, or a workload's template of one, with a collector; as it was where it has one.

    What was given is not changed. Raises RefusedError where no collector can be put there.
    """
    if has_collector(pod):
        return pod
    metadata, spec, wishes = pod.get("metadata") or {}, pod["spec"], wishes_of(pod)
    _check(spec, settings)
    taken = declared_ports(spec)
    ingest = free_port(INGEST_PORT, taken)
    spec, roads = _through(metadata, spec, wishes, taken)
    collector = sidecar.container(settings, http=roads.http, grpc=roads.grpc, ingest=ingest)
    annotations = metadata.get("annotations") or {}
    annotations = {
        **annotations,
        **neighbours.unmeshed(annotations, ingest),
        PUSH_TOKENS: annotations.get(PUSH_TOKENS, NO_TOKEN),
    }
    return {
        **pod,
        "metadata": {**metadata, "annotations": annotations},
        "spec": _beside(spec, collector, settings),
    }


@dataclass(frozen=True, slots=True)
class _Roads:
    """What leads through the collector: HTTP, gRPC or both."""

    http: Road | None
    grpc: Road | None


def _check(spec: Json, settings: Settings) -> None:
    neighbours.check_meshes(spec)
    if spec.get("hostNetwork"):
        raise RefusedError(
            "the pod has no network of its own (hostNetwork), in which a collector could take over "
            "a port"
        )
    if not settings.is_native and spec.get("restartPolicy", "Always") != "Always":
        raise RefusedError("an ordinary container beside a job's would keep it from ever ending")


def _through(metadata: Json, spec: Json, wishes: Wishes, taken: set[int]) -> tuple[Json, _Roads]:
    model = neighbours.model_of(spec, wishes.container)
    if model["name"] == neighbours.KSERVE_MODEL:
        agent = neighbours.agent_of(metadata, spec)
        changed, road = neighbours.behind_agent(agent, free_port(PROXY_PORT, taken))
        return _replaced(spec, changed), _Roads(road, None)
    http: Road | None = None
    grpc: Road | None = None
    if wishes.port is not None or wishes.grpc_port is None:
        port, listen = wishes.port or served_port(model), free_port(PROXY_PORT, taken)
        model, http = take_over(model, port, aside=wishes.upstream_port, listen=listen)
    if wishes.grpc_port is not None:
        listen = free_port(GRPC_PORT, taken)
        model, grpc = take_over(model, wishes.grpc_port, aside=None, listen=listen)
    return _replaced(spec, model), _Roads(http, grpc)


def _replaced(spec: Json, changed: Json) -> Json:
    containers = [changed if one["name"] == changed["name"] else one for one in spec["containers"]]
    return {**spec, "containers": containers}


def _beside(spec: Json, collector: Json, settings: Settings) -> Json:
    """Behind the init containers that are there: a mesh's native proxy starts before the collector,
    which reaches Kafka through it, and ends after it.
    """
    where = "initContainers" if settings.is_native else "containers"
    return {
        **spec,
        where: [*(spec.get(where) or ()), collector],
        "volumes": [*(spec.get("volumes") or ()), *sidecar.volumes(settings)],
    }
