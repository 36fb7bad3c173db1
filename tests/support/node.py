"""A node of one machine: containers as processes of their own, as their manifests say.

What a kubelet would do and this does not: images (ours is this checkout), isolation, restarts.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.up.supervisor import Supervisor, free_port
from tests.support.chart import Json, Manifest, named, pod_of

OURS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|driftmeter(?:\.ml)?):(\d+)")
"""Addresses of pods, of which each has a network of its own, and of the Service before them."""


@dataclass(frozen=True, slots=True)
class Node:
    """manifests: of one release called driftmeter. secrets: their values, by name and key."""

    folder: Path
    supervisor: Supervisor
    manifests: list[Manifest]
    secrets: Mapping[str, Mapping[str, str]]
    ports: dict[int, int] = field(default_factory=dict)
    """Ports of this machine by those of the manifests, of which no two pods have the same."""

    def start(self, workload: Manifest) -> None:
        """One pod of it; returns when the pod is ready."""
        for container in pod_of(workload)["spec"]["containers"]:
            self._start(workload, container)

    def complete(self, pod: Manifest) -> str:
        """What a pod's container says that must end well, its sidecars beside it."""
        for sidecar in pod["spec"].get("initContainers", ()):
            self._start(pod, sidecar)
        (container,) = pod["spec"]["containers"]
        return subprocess.run(
            self._command(pod, container), check=True, capture_output=True, text=True, timeout=180
        ).stdout

    def url(self, port: int) -> str:
        """Where the pod is reached that listens on this port."""
        return f"http://127.0.0.1:{self._port(port)}"

    def here(self, text: str, mounts: Mapping[str, Path]) -> str:
        """A text with the addresses and folders of this machine."""
        folders = "|".join(map(re.escape, sorted(mounts, key=len, reverse=True)))
        whole = re.compile(rf"(?<![\w/])({folders})(?![\w-])")
        text = whole.sub(lambda found: str(mounts[found[1]]), text)
        return OURS.sub(lambda found: f"127.0.0.1:{self._port(int(found[1]))}", text)

    def _port(self, number: int) -> int:
        return self.ports.setdefault(number, free_port())

    def _start(self, workload: Manifest, container: Json) -> None:
        name = f"{workload['metadata']['name']}-{container['name']}"
        self.supervisor.start(
            name,
            self._command(workload, container),
            env=self._environment(workload, container),
            ready=self._ready(container),
        )

    def _ready(self, container: Json) -> str | None:
        if "readinessProbe" not in container:
            return None
        asked = container["readinessProbe"]["httpGet"]
        (number,) = (p["containerPort"] for p in container["ports"] if p["name"] == asked["port"])
        return f"{self.url(number)}{asked['path']}"

    def _command(self, workload: Manifest, container: Json) -> list[str]:
        mounts = self._mounted(workload, container)
        args = [self.here(str(arg), mounts) for arg in container["args"]]
        return [sys.executable, "-m", "monitor", *args]

    def _environment(self, workload: Manifest, container: Json) -> dict[str, str]:
        mounts = self._mounted(workload, container)
        found = {}
        for one in container.get("env", ()):
            if "value" in one:
                found[one["name"]] = self.here(one["value"], mounts)
            else:
                kept = one["valueFrom"]["secretKeyRef"]
                found[one["name"]] = self.secrets[kept["name"]][kept["key"]]
        return found

    def _mounted(self, workload: Manifest, container: Json) -> dict[str, Path]:
        """Where a container's folders are on this machine, with what its volumes have in them."""
        pod = self.folder / workload["metadata"]["name"]
        mounts = {one["mountPath"]: pod / one["name"] for one in container["volumeMounts"]}
        for volume in pod_of(workload)["spec"]["volumes"]:
            folder = pod / volume["name"]
            if folder not in mounts.values():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            for source in volume.get("projected", {}).get("sources", [volume]):
                for name, text in self._files(source).items():
                    (folder / name).write_text(self.here(text, mounts))
        return mounts

    def _files(self, source: Json) -> Mapping[str, str]:
        """Of a volume that is a secret or a ConfigMap, by the names that they are to have."""
        if "secret" in source:
            kept = source["secret"]
            found = self.secrets[kept.get("name", kept.get("secretName"))]
        elif "configMap" in source:
            kept = source["configMap"]
            found = named(self.manifests, "ConfigMap", kept["name"])["data"]
        else:
            return {}
        items = kept.get("items", [{"key": key, "path": key} for key in found])
        return {one["path"]: found[one["key"]] for one in items}
