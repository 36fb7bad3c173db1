"""A kind of objects followed for as long as the process lives: list, reconcile, watch, again."""

import logging
from threading import Event
from typing import Any, Protocol

from monitor.apply.client import ApiError
from monitor.controller.cluster import Cluster, ClusterError, GoneError

Json = dict[str, Any]

log = logging.getLogger(__name__)

RETRY_S = 5.0


class Kind(Protocol):
    """Objects of one kind, and what is to be done for each.

    path: of their list. selector: which of them. `reconcile` may raise ApiError or ClusterError,
    and is called again.
    """

    path: str
    selector: dict[str, str]

    def reconcile(self, one: Json, /) -> None: ...


def follow(cluster: Cluster, kind: Kind, *, every_s: int, stop: Event) -> None:
    """Until told to stop. Every object is looked at again at least `every_s`, when it has not
    changed, too: its monitor may have.
    """
    while not stop.is_set():
        try:
            _round(cluster, kind, every_s, stop)
        except GoneError as error:
            log.warning("there is nothing to follow: %s", error)
            stop.wait(every_s)
        except ClusterError as error:
            log.warning("%s; it is tried again", error)
            stop.wait(RETRY_S)


def _round(cluster: Cluster, kind: Kind, every_s: int, stop: Event) -> None:
    found = cluster.read(kind.path, **kind.selector)
    named = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
    for one in found["items"]:
        _reconcile(kind, {**named, **one})
    since = found["metadata"]["resourceVersion"]
    for one in cluster.changes(kind.path, since=since, timeout_s=every_s, **kind.selector):
        if stop.is_set():
            return
        if not one["metadata"]["deleted"]:
            _reconcile(kind, one)


def _reconcile(kind: Kind, one: Json) -> None:
    """What fails for one object is tried again in the next round, and keeps no other waiting."""
    try:
        kind.reconcile(one)
    except (ApiError, ClusterError) as error:
        log.warning("%s %s: %s", one["kind"], one["metadata"]["name"], error)
