"""A Kubernetes API server of our own, on loopback, and what a client of it does."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import yaml

from monitor.up.supervisor import Supervisor, free_port
from tests.support.waiting import wait_for

Json = dict[str, Any]

ADMIN = "administrator"
PROGRAMS = ("etcd", "kube-apiserver")


class RefusedByApiError(Exception):
    """The API server said no; the message is its own."""


@dataclass(slots=True)
class KubeApi:
    """tokens: by the name of the user, who is nobody to the cluster but for RBAC."""

    url: str
    authority: Path
    tokens: Mapping[str, str]
    _clients: dict[str, httpx2.Client] = field(default_factory=dict)
    _kinds: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def client(self, user: str = ADMIN) -> httpx2.Client:
        if user not in self._clients:
            trusted = ssl.create_default_context(cafile=self.authority)
            headers = {"Authorization": f"Bearer {self.tokens[user]}"}
            self._clients[user] = httpx2.Client(
                base_url=self.url, headers=headers, verify=trusted, timeout=30
            )
        return self._clients[user]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def call(self, method: str, path: str, *, user: str = ADMIN, **how: Any) -> Json:
        """Raises RefusedByApiError."""
        answer = self.client(user).request(method, path, **how)
        if not answer.is_success:
            raise RefusedByApiError(answer.text)
        found: Json = answer.json()
        return found

    def apply(
        self, manifest: Json, *, namespace: str = "ml", user: str = ADMIN, dry_run: bool = False
    ) -> Json:
        """Server-side apply with strict validation, as `helm install` of Helm 4 does it.

        Raises RefusedByApiError.
        """
        how = {"fieldManager": "helm", "fieldValidation": "Strict", "force": "true"}
        how |= {"dryRun": "All"} if dry_run else {}
        content = yaml.safe_dump(manifest)
        kind = {"Content-Type": "application/apply-patch+yaml"}
        path = self.path(manifest, namespace)
        return self.call("PATCH", path, user=user, params=how, content=content, headers=kind)

    def create(self, manifest: Json, *, namespace: str = "ml", user: str = ADMIN) -> Json:
        """Raises RefusedByApiError."""
        collection = self.path(manifest, namespace).rpartition("/")[0]
        strictly = {"fieldValidation": "Strict"}
        return self.call("POST", collection, user=user, params=strictly, json=manifest)

    def read(self, kind: Json, *, namespace: str = "ml") -> Json | None:
        """As it is now; kind: a manifest with at least apiVersion, kind and a name."""
        answer = self.client().get(self.path(kind, namespace))
        return answer.json() if answer.is_success else None

    def path(self, manifest: Json, namespace: str) -> str:
        """Of an object; namespace: where it names none itself."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._kinds:
            for one in self.call("GET", root)["resources"]:
                if "/" not in one["name"]:
                    self._kinds[version, one["kind"]] = one["name"], one["namespaced"]
        plural, is_namespaced = self._kinds[version, kind]
        namespace = manifest["metadata"].get("namespace", namespace)
        where = f"{root}/namespaces/{namespace}" if is_namespaced else root
        return f"{where}/{plural}/{manifest['metadata']['name']}"

    def kubeconfig(self, user: str = ADMIN) -> str:
        """By which other clients reach it as this user."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "ours", "cluster": cluster}],
                "users": [{"name": user, "user": {"token": self.tokens[user]}}],
                "contexts": [{"name": "ours", "context": {"cluster": "ours", "user": user}}],
                "current-context": "ours",
            }
        )

    def is_ready(self) -> bool:
        """It listens a moment before it answers."""
        try:
            return self.client().get("/readyz").is_success
        except httpx2.TransportError:
            return False

    def knows(self, group_version: str) -> bool:
        return self.client().get(f"/apis/{group_version}").is_success


def start(
    supervisor: Supervisor,
    programs: Path,
    folder: Path,
    *,
    users: list[str],
    certificate: tuple[Path, Path],
) -> KubeApi:
    """An API server with RBAC and the admission plugins that are on by default; it is ready.

    certificate: for 127.0.0.1, and its key.
    """
    etcd, peers, port = free_port(), free_port(), free_port()
    _start_etcd(supervisor, programs, folder, etcd, peers)
    tokens = {user: f"token-of-{user}" for user in (ADMIN, *users)}
    lines = [f"{tokens[user]},{user},{user}" for user in users]
    lines.append(f'{tokens[ADMIN]},{ADMIN},{ADMIN},"system:masters"')
    (folder / "tokens.csv").write_text("\n".join(lines))
    command = _server(programs, folder, certificate, etcd, port)
    supervisor.start(PROGRAMS[1], command, ready=f"tcp://127.0.0.1:{port}")
    api = KubeApi(f"https://127.0.0.1:{port}", certificate[0], tokens)
    wait_for(lambda: _is_ready(supervisor, api))
    return api


def _is_ready(supervisor: Supervisor, api: KubeApi) -> bool:
    supervisor.check()
    return api.is_ready()


def _start_etcd(
    supervisor: Supervisor, programs: Path, folder: Path, port: int, peers: int
) -> None:
    here, among_peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    command = [
        *(str(programs / "etcd"), "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
        *("--listen-client-urls", here, "--advertise-client-urls", here),
        *("--listen-peer-urls", among_peers, "--initial-advertise-peer-urls", among_peers),
        *("--initial-cluster", f"default={among_peers}", "--log-level", "warn"),
    ]
    supervisor.start(PROGRAMS[0], command, ready=f"tcp://127.0.0.1:{port}")


def _server(
    programs: Path, folder: Path, certificate: tuple[Path, Path], etcd: int, port: int
) -> list[str]:
    public, key = certificate
    return [
        *(str(programs / "kube-apiserver"), "--bind-address=127.0.0.1", f"--secure-port={port}"),
        *(f"--tls-cert-file={public}", f"--tls-private-key-file={key}"),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        *("--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC"),
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        *(f"--service-account-signing-key-file={key}", f"--service-account-key-file={public}"),
        # Nobody here makes the accounts' default secrets and tokens.
        "--disable-admission-plugins=ServiceAccount",
    ]
