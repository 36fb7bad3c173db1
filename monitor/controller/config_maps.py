"""Monitors in ConfigMaps that are labelled for it: for where nobody may add kinds to a cluster."""

import hashlib
from typing import Any

from monitor.apply.client import Client
from monitor.controller.cluster import Cluster
from monitor.controller.monitors import (
    FINALIZER,
    declare,
    delete,
    hold,
    release,
)
from monitor.spec.crd import GROUP
from monitor.spec.documents import DocumentError, parse
from monitor.spec.model import Monitor
from monitor.spec.resources import DocumentRefusedError, of_tenant
from monitor.tenants.namespaces import namespace_of

Json = dict[str, Any]

LABEL = f"{GROUP}/monitors"
DECLARED = f"{GROUP}/declared"
"""Names of the monitors that a ConfigMap has declared, so that those it drops are deleted."""
APPLIED = f"{GROUP}/applied"
"""The SHA-256 of the documents that were last taken to the API."""
REFUSED = f"{GROUP}/refused"


def documents_in(config_map: Json) -> list[Monitor]:
    """The documents of its keys that end in .yaml. Raises DocumentRefusedError."""
    texts = sorted((config_map.get("data") or {}).items())
    try:
        return [
            one
            for key, text in texts
            if key.endswith((".yaml", ".yml"))
            for one in parse(text, source=key)
        ]
    except DocumentError as error:
        raise DocumentRefusedError(str(error)) from None


class ConfigMaps:
    """Keeps one namespace's labelled ConfigMaps and the API's monitors alike.

    is_tenant: whether the namespace is one, and stands before the names of its monitors.
    """

    def __init__(
        self, cluster: Cluster, api: Client, namespace: str, *, is_tenant: bool = False
    ) -> None:
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"
        self.selector = {"labelSelector": f"{LABEL}=true"}
        self._cluster = cluster
        self._api = api
        self._tenant = namespace if is_tenant else None

    def reconcile(self, config_map: Json) -> None:
        """Does what is left to do for one. May be repeated. Raises ClusterError, ApiError."""
        metadata = config_map["metadata"]
        path = f"{self.path}/{metadata['name']}"
        annotations = metadata.get("annotations") or {}
        declared = set(filter(self._is_ours, annotations.get(DECLARED, "").split(",")))
        if "deletionTimestamp" in metadata:
            if FINALIZER in metadata.get("finalizers", []):
                for name in declared:
                    delete(self._api, name)
                release(self._cluster, path, metadata)
            return
        digest = _digest(config_map)
        if annotations.get(APPLIED) == digest:
            return
        if FINALIZER not in metadata.get("finalizers", []):
            hold(self._cluster, path, metadata)
        try:
            self._declare(path, self._documents(config_map), declared)
            self._note(path, {APPLIED: digest, REFUSED: None})
        except DocumentRefusedError as error:
            self._note(path, {APPLIED: digest, REFUSED: str(error)})

    def _is_ours(self, name: str) -> bool:
        """Whoever may write the annotations of a tenant's ConfigMap deletes no other's monitors."""
        return bool(name) and self._tenant in (None, namespace_of(name))

    def _documents(self, config_map: Json) -> list[Monitor]:
        """Raises DocumentRefusedError."""
        found = documents_in(config_map)
        tenant = self._tenant
        return found if tenant is None else [of_tenant(one, tenant) for one in found]

    def _declare(self, path: str, documents: list[Monitor], declared: set[str]) -> None:
        wanted = {one.name for one in documents}
        # Noted before it is done: what is declared is never forgotten, whatever happens meanwhile.
        self._note(path, {DECLARED: ",".join(sorted(declared | wanted))})
        for document in documents:
            declare(self._api, document)
        for name in declared - wanted:
            delete(self._api, name)
        self._note(path, {DECLARED: ",".join(sorted(wanted))})

    def _note(self, path: str, annotations: dict[str, str | None]) -> None:
        self._cluster.merge(path, {"metadata": {"annotations": annotations}})


def _digest(config_map: Json) -> str:
    texts = sorted((config_map.get("data") or {}).items())
    return hashlib.sha256(repr(texts).encode()).hexdigest()
