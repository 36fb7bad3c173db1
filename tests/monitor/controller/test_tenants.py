"""Where several namespaces share an installation, each has its own monitors and no other's."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from monitor.controller.config_maps import DECLARED, ConfigMaps
from monitor.controller.monitors import FINALIZER, Monitors
from monitor.spec.documents import parse
from monitor.spec.resources import DocumentRefusedError, document_of, of_tenant

SEATS = """
apiVersion: driftmeter.dev/v1
kind: Monitor
metadata: {name: NAME, labels: {team: a}}
spec: {reference: first 1000}
"""


def resource(name: str, **metadata: Any) -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": "1", **metadata}
    spec = {"reference": "first 1000"}
    return {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": metadata,
        "spec": spec,
    }


def leaving(name: str, **metadata: Any) -> dict[str, Any]:
    """That somebody has deleted, and that is held until its monitors are, too."""
    return resource(name, deletionTimestamp="now", finalizers=[FINALIZER], **metadata)


@dataclass
class Listening:
    """Stands for the cluster's API and for ours: remembers what was deleted and let go."""

    deleted: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    def delete_monitor(self, name: str) -> None:
        self.deleted.append(name)

    def merge(self, path: str, changes: dict[str, Any]) -> None:
        assert changes["metadata"]["finalizers"] == []
        self.released.append(path)


@pytest.mark.parametrize(
    ("tenant", "name", "deleted"),
    [
        (None, "seats", ["seats"]),
        (None, "transit.seats", ["transit.seats"]),
        ("transit", "seats", ["transit.seats"]),
        ("transit", "rail.seats", ["transit.rail.seats"]),
        ("default", "seats", ["seats"]),
        ("default", "transit.seats", []),  # it was refused, and transit may have one
    ],
)
def test_a_resource_takes_its_own_monitor_along(
    tenant: str | None, name: str, deleted: list[str]
) -> None:
    both: Any = Listening()
    of = Monitors(both, both, tenant or "ml", lambda: 0.0, is_tenant=tenant is not None)
    of.reconcile(leaving(name))
    assert (both.deleted, len(both.released)) == (deleted, 1)


def test_a_config_map_takes_no_other_tenants_monitor_along_whatever_is_written_on_it() -> None:
    both: Any = Listening()
    noted = {DECLARED: "transit.seats,billing.invoices,plain"}
    ConfigMaps(both, both, "transit", is_tenant=True).reconcile(leaving("ours", annotations=noted))
    assert both.deleted == ["transit.seats"]


def test_a_tenants_monitor_is_named_with_it_and_its_model_is_not() -> None:
    (document,) = parse(SEATS.replace("NAME", "seats"))
    for found in (of_tenant(document, "transit"), document_of(resource("seats"), tenant="transit")):
        assert (found.name, found.model_name) == ("transit.seats", "seats")
    assert of_tenant(document, "transit").metadata.labels == {"team": "a"}
    assert document_of(resource("seats")).name == "seats"


@pytest.mark.parametrize("name", ["seats, namespace: billing", "seats, namespace: default"])
def test_a_document_that_says_it_is_anothers_is_refused(name: str) -> None:
    (document,) = parse(SEATS.replace("NAME", name))
    with pytest.raises(DocumentRefusedError, match=r"seats' is of '\w+', and this of 'transit'"):
        of_tenant(document, "transit")


@pytest.mark.parametrize(
    ("tenant", "name", "message"),
    [
        ("default", "transit.seats", "is of the namespace 'transit'"),
        ("transit", "s" * 60, "more than 63 characters"),
    ],
)
def test_a_name_that_cannot_be_the_tenants_is_refused(tenant: str, name: str, message: str) -> None:
    with pytest.raises(DocumentRefusedError, match=message):
        document_of(resource(name), tenant=tenant)
