"""The collector's container, its volumes, and what it is asked."""

from monitor.inject.ports import Json, Road
from monitor.inject.settings import MIB, Settings
from monitor.inject.wishes import PUSH_TOKENS

NAME = "driftmeter-collector"
INGEST_PORT_NAME = "dm-collector"

POD_NAMESPACE: Json = {
    "name": "DRIFTMETER_POD_NAMESPACE",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
}


def container(settings: Settings, *, http: Road | None, grpc: Road | None, ingest: int) -> Json:
    """The container. http, grpc: the roads that lead through it. ingest: the port for pushes,
    metrics and probes.
    """
    restart = {"restartPolicy": "Always"} if settings.is_native else {}
    environment = {"env": [POD_NAMESPACE]} if settings.is_namespaced else {}
    return {
        "name": NAME,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        **restart,
        "args": _args(settings, http, grpc, ingest),
        **environment,
        "ports": [{"name": INGEST_PORT_NAME, "containerPort": ingest}],
        **_probes(ingest),
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65_534,
            "runAsGroup": 65_534,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [_mount(volume["name"]) for volume in volumes(settings)],
    }


def volumes(settings: Settings) -> list[Json]:
    """Of the pod, for the container."""
    spool_limit = f"{settings.spool_bytes // MIB + 64}Mi"
    tokens = {"path": "tokens", "fieldRef": {"fieldPath": f"metadata.annotations['{PUSH_TOKENS}']"}}
    secrets = [
        {"name": f"driftmeter-{what}", "secret": {"secretName": name}}
        for what, name in (
            ("kafka", settings.broker_security_secret),
            ("hash-key", settings.hash_key_secret),
        )
        if name
    ]
    quotas = settings.quotas_config_map
    return [
        {"name": "driftmeter-spool", "emptyDir": {"sizeLimit": spool_limit}},
        {"name": "driftmeter-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "driftmeter-tokens", "downwardAPI": {"items": [tokens]}},
        *secrets,
        *([{"name": "driftmeter-quotas", "configMap": {"name": quotas}}] if quotas else ()),
    ]


def _mount(volume: str) -> Json:
    what = volume.removeprefix("driftmeter-")
    if what == "tmp":
        return {"name": volume, "mountPath": "/tmp"}  # noqa: S108 - a path in the container
    if what == "spool":
        return {"name": volume, "mountPath": "/var/spool/driftmeter"}
    return {"name": volume, "mountPath": f"/etc/driftmeter/{what}", "readOnly": True}


def _args(settings: Settings, http: Road | None, grpc: Road | None, ingest: int) -> list[str]:
    args = ["collect"]
    if http is not None:
        args += [f"--upstream=http://127.0.0.1:{http.upstream}", f"--listen=0.0.0.0:{http.listen}"]
    if grpc is not None:
        args += [
            f"--grpc-upstream=127.0.0.1:{grpc.upstream}",
            f"--grpc-listen=0.0.0.0:{grpc.listen}",
        ]
    args += [
        f"--ingest=0.0.0.0:{ingest}",
        "--ingest-token-file=/etc/driftmeter/tokens/tokens",
        "--spool=/var/spool/driftmeter",
        f"--spool-limit={settings.spool_bytes // MIB}MiB",
        f"--broker={settings.broker}",
        f"--topic-prefix={settings.topic_prefix}",
    ]
    if settings.broker_security_secret:
        args.append("--broker-security=/etc/driftmeter/kafka/kafka.properties")
    if settings.hash_key_secret:
        args.append("--hash-key-file=/etc/driftmeter/hash-key/hash-key")
    if settings.quotas_config_map:
        args.append("--quotas=/etc/driftmeter/quotas/quotas.yaml")
    if settings.is_namespaced:
        args.append(f"--namespace=$({POD_NAMESPACE['name']})")
    return args


def _probes(ingest: int) -> Json:
    alive = {"httpGet": {"path": "/healthz", "port": ingest}}
    ready = {"httpGet": {"path": "/readyz", "port": ingest}}
    return {
        "startupProbe": {**alive, "periodSeconds": 1, "failureThreshold": 120},
        "livenessProbe": {
            **alive,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {**ready, "periodSeconds": 10, "timeoutSeconds": 3},
    }
