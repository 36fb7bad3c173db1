"""Monitor resources, made true at the API: declared as they are written, deleted as they go."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from monitor.apply.client import AnswerError, Client
from monitor.controller.cluster import Cluster, GoneError
from monitor.controller.status import changes, of_answer, of_refusal
from monitor.spec.crd import GROUP, PLURAL
from monitor.spec.model import Monitor
from monitor.spec.resources import DocumentRefusedError, document_of
from monitor.tenants.namespaces import namespace_of, qualified

Json = dict[str, Any]

FINALIZER = f"{GROUP}/monitor"
"""Keeps an object until its monitors are deleted at the API."""


def declare(api: Client, document: Monitor) -> None:
    """Raises DocumentRefusedError for what the API will never take, else ApiError."""
    try:
        api.put_monitor(document)
    except AnswerError as error:
        if error.status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.FORBIDDEN):
            raise DocumentRefusedError(str(error)) from None
        raise


def delete(api: Client, name: str) -> None:
    """A monitor that is not there is deleted. Raises ApiError."""
    try:
        api.delete_monitor(name)
    except AnswerError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


class Monitors:
    """Keeps one namespace's resources and the API's monitors alike.

    clock: seconds since 1970. is_tenant: whether the namespace is one, and stands before the names
    of its monitors.
    """

    def __init__(
        self,
        cluster: Cluster,
        api: Client,
        namespace: str,
        clock: Callable[[], float],
        *,
        is_tenant: bool = False,
    ) -> None:
        self.path = f"/apis/{GROUP}/v1/namespaces/{namespace}/{PLURAL}"
        self.selector: dict[str, str] = {}
        self._cluster = cluster
        self._api = api
        self._clock = clock
        self._tenant = namespace if is_tenant else None

    def reconcile(self, resource: Json) -> None:
        """Does what is left to do for one. May be repeated. Raises ClusterError, ApiError."""
        metadata = resource["metadata"]
        path = f"{self.path}/{metadata['name']}"
        finalizers = metadata.get("finalizers", [])
        if "deletionTimestamp" in metadata:
            if FINALIZER in finalizers:
                self._delete(metadata["name"])
                release(self._cluster, path, metadata)
            return
        if FINALIZER not in finalizers:
            hold(self._cluster, path, metadata)
        self._report(path, resource)

    def _delete(self, name: str) -> None:
        """What was refused for being named as another tenant's monitor has declared none."""
        whole = qualified(name, self._tenant)
        if self._tenant in (None, namespace_of(whole)):
            delete(self._api, whole)

    def _report(self, path: str, resource: Json) -> None:
        before = resource.get("status") or {}
        generation = resource["metadata"]["generation"]
        now = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            found = self._registered(
                resource, is_new=before.get("observedGeneration") != generation
            )
        except DocumentRefusedError as error:
            status = of_refusal(str(error), generation=generation, before=before, now=now)
        else:
            status = of_answer(found, generation=generation, before=before, now=now)
        if changed := changes(status, before):
            self._cluster.merge(f"{path}/status", {"status": changed})

    def _registered(self, resource: Json, *, is_new: bool) -> Mapping[str, Any]:
        """The API's monitor. What is declared is left alone: it may have been paused there."""
        document = document_of(resource, tenant=self._tenant)
        if not is_new:
            try:
                return self._api.monitor(document.name)
            except AnswerError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        declare(self._api, document)
        return self._api.monitor(document.name)


def hold(cluster: Cluster, path: str, metadata: Json) -> None:
    """Puts the finalizer on an object. Raises ClusterError, of a conflict too."""
    _finalized(cluster, path, metadata, [*metadata.get("finalizers", []), FINALIZER])


def release(cluster: Cluster, path: str, metadata: Json) -> None:
    """Takes the finalizer from an object; one that is gone needs it no more."""
    kept = [one for one in metadata["finalizers"] if one != FINALIZER]
    try:
        _finalized(cluster, path, metadata, kept)
    except GoneError:
        return


def _finalized(cluster: Cluster, path: str, metadata: Json, finalizers: list[str]) -> None:
    # With its version, so that somebody else's finalizer that came meanwhile is not lost.
    version = metadata["resourceVersion"]
    cluster.merge(path, {"metadata": {"finalizers": finalizers, "resourceVersion": version}})
