"""What every manifest of ours must be like: small questions, asked of each that they fit."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.chart import WORKLOADS, Manifest, containers_of, pod_of

Json = dict[str, Any]

LONG_LIVED = ("Deployment", "StatefulSet")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
SAFE_VOLUMES = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim"}
SECRET = re.compile(r"password|token=|(?<!-)secret=|BEGIN|:[^/@]+@", re.IGNORECASE)


def labels_of(manifest: Manifest) -> Json:
    found: Json = manifest["metadata"].get("labels", {})
    return found


OF_EVERY: dict[str, Callable[[Manifest], bool]] = {
    "it has a version and a kind": lambda m: bool(m["apiVersion"] and m["kind"]),
    "no version of a kind is a beta one": lambda m: "beta" not in m["apiVersion"],
    "its name is a DNS label": lambda m: (
        NAME.fullmatch(m["metadata"]["name"].replace(".", "-")) is not None
    ),
    "it is in the release's namespace, or for a tenant in its own": lambda m: (
        "namespace" not in m["metadata"] or m["kind"] in ("Role", "RoleBinding", "ConfigMap")
    ),
    "it is labelled with the name": lambda m: (
        labels_of(m)["app.kubernetes.io/name"] == "driftmeter"
    ),
    "it is labelled with the release": lambda m: "app.kubernetes.io/instance" in labels_of(m),
    "it is labelled with the version": lambda m: "app.kubernetes.io/version" in labels_of(m),
    "it is labelled with who manages it": lambda m: "app.kubernetes.io/managed-by" in labels_of(m),
    "it is labelled with the chart": lambda m: labels_of(m)["helm.sh/chart"].startswith(
        "driftmeter-"
    ),
    "label values are labels": lambda m: all(
        re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})?", str(v)) for v in labels_of(m).values()
    ),
    "it is no cluster-wide role": lambda m: not m["kind"].startswith("Cluster"),
    "nothing in it is written for Helm and left": lambda m: ".Values" not in str(m),
}

OF_PODS: dict[str, Callable[[Any], bool]] = {
    "not root": lambda s: s["securityContext"]["runAsNonRoot"] is True,
    "a user with no rights on any host": lambda s: s["securityContext"]["runAsUser"] > 10_000,
    "a group with no rights on any host": lambda s: s["securityContext"]["runAsGroup"] > 10_000,
    "the runtime's seccomp profile": lambda s: (
        s["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    ),
    "volumes belong to its group": lambda s: s["securityContext"]["fsGroup"] > 10_000,
    "no sysctls": lambda s: "sysctls" not in s["securityContext"],
    "no token of its account unless it is mounted": lambda s: (
        s["automountServiceAccountToken"] is False
    ),
    "an account": lambda s: bool(s["serviceAccountName"]),
    "no environment variables of other services": lambda s: s["enableServiceLinks"] is False,
    "no network of the host": lambda s: "hostNetwork" not in s,
    "no processes of the host": lambda s: "hostPID" not in s,
    "no memory of the host": lambda s: "hostIPC" not in s,
    "no processes of its containers for one another": lambda s: "shareProcessNamespace" not in s,
    "no node of its own choice": lambda s: "nodeName" not in s,
    "no volume that a restricted pod may not have": lambda s: all(
        volume.keys() - {"name"} <= SAFE_VOLUMES for volume in s["volumes"]
    ),
    "no volume twice": lambda s: (
        len({volume["name"] for volume in s["volumes"]}) == len(s["volumes"])
    ),
    "temporary files have a place": lambda s: "tmp" in {volume["name"] for volume in s["volumes"]},
    "no two containers of one name": lambda s: (
        len({one["name"] for one in [*s.get("initContainers", ()), *s["containers"]]})
        == len([*s.get("initContainers", ()), *s["containers"]])
    ),
    "init containers are sidecars": lambda s: all(
        one.get("restartPolicy") == "Always" for one in s.get("initContainers", ())
    ),
}

OF_CONTAINERS: dict[str, Callable[[Any], bool]] = {
    "no more rights than at its start": lambda c: (
        c["securityContext"]["allowPrivilegeEscalation"] is False
    ),
    "a read-only root": lambda c: c["securityContext"]["readOnlyRootFilesystem"] is True,
    "no capabilities": lambda c: c["securityContext"]["capabilities"] == {"drop": ["ALL"]},
    "not privileged": lambda c: "privileged" not in c["securityContext"],
    "no proc of the host": lambda c: "procMount" not in c["securityContext"],
    "no user that contradicts the pod's": lambda c: "runAsUser" not in c["securityContext"],
    "an image with a version": lambda c: (
        re.search(r"(:[^/:]+|@sha256:.+)$", c["image"]) is not None
    ),
    "no image of whatever is latest": lambda c: not c["image"].endswith(":latest"),
    "a pull policy": lambda c: c["imagePullPolicy"] in ("Always", "IfNotPresent", "Never"),
    "processor time asked for": lambda c: "cpu" in c["resources"]["requests"],
    "no limit of processor time, which would throttle": lambda c: (
        "cpu" not in c["resources"].get("limits", {})
    ),
    "memory asked for": lambda c: "memory" in c["resources"]["requests"],
    "memory limited": lambda c: "memory" in c["resources"]["limits"],
    "our program, not a shell": lambda c: "command" not in c and bool(c["args"]),
    "ports have names": lambda c: all("name" in port for port in c.get("ports", ())),
    "no port below 1024": lambda c: all(p["containerPort"] >= 1024 for p in c.get("ports", ())),
    "no port of the host": lambda c: all("hostPort" not in port for port in c.get("ports", ())),
    "who listens is probed in all three ways": lambda c: (
        "ports" not in c or all(probe in c for probe in PROBES)
    ),
    "no secret among its flags": lambda c: not any(SECRET.search(str(arg)) for arg in c["args"]),
    "no secret among its variables": lambda c: (
        not any(SECRET.search(str(one.get("value", ""))) for one in c.get("env", ()))
    ),
    "secrets and settings are mounted read-only": lambda c: all(
        mount.get("readOnly") is True
        for mount in c["volumeMounts"]
        if mount["mountPath"].startswith(("/etc", "/var/run"))
    ),
    "temporary files may be written": lambda c: (
        "/tmp" in {mount["mountPath"] for mount in c["volumeMounts"]}
    ),
    "no mount twice": lambda c: (
        len({mount["mountPath"] for mount in c["volumeMounts"]}) == len(c["volumeMounts"])
    ),
}

OF_LONG_LIVED: dict[str, Callable[[Manifest], bool]] = {
    "its selector finds its own pods": lambda m: (
        m["spec"]["selector"]["matchLabels"].items() <= pod_of(m)["metadata"]["labels"].items()
    ),
    "its selector outlives a version": lambda m: (
        not any("version" in key or "chart" in key for key in m["spec"]["selector"]["matchLabels"])
    ),
    "it is told apart by its component": lambda m: (
        "app.kubernetes.io/component" in m["spec"]["selector"]["matchLabels"]
    ),
    "several of it do not share a node if they can help it": lambda m: (
        m["spec"].get("replicas", 2) == 1 or "topologySpreadConstraints" in pod_of(m)["spec"]
    ),
    "it is given as long as its longest goodbye takes": lambda m: (
        pod_of(m)["spec"].get("terminationGracePeriodSeconds", 30) >= 30
    ),
}

COUNT = sum(map(len, (OF_EVERY, OF_PODS, OF_CONTAINERS, OF_LONG_LIVED)))


def complaints(manifest: Manifest) -> Iterator[str]:
    """Everything that a manifest is not, by name."""
    called = f"{manifest['kind']} {manifest['metadata']['name']}"
    yield from (f"{called}: {name}" for name, is_so in OF_EVERY.items() if not is_so(manifest))
    if manifest["kind"] in LONG_LIVED:
        yield from (f"{called}: {name}" for name, ok in OF_LONG_LIVED.items() if not ok(manifest))
    if manifest["kind"] not in WORKLOADS:
        return
    spec = pod_of(manifest)["spec"]
    yield from (f"{called}: {name}" for name, is_so in OF_PODS.items() if not is_so(spec))
    for one in containers_of(manifest):
        where = f"{called}/{one['name']}"
        yield from (f"{where}: {name}" for name, is_so in OF_CONTAINERS.items() if not is_so(one))
