"""Monitor documents as they come from a cluster: resources of the kind Monitor."""

from typing import Any

from pydantic import ValidationError

from monitor.spec.explain import explain
from monitor.spec.model import Monitor

Json = dict[str, Any]


class DocumentRefusedError(ValueError):
    """A document that the API does not take; the message says what is wrong with it."""


def document_of(resource: Json, *, tenant: str | None = None) -> Monitor:
    """The document in a resource. Labels of tools (those with a `/`) are not the monitor's.

    tenant: whose the monitor is, where it is one's. Raises DocumentRefusedError.
    """
    labels = resource["metadata"].get("labels") or {}
    metadata = {
        "name": resource["metadata"]["name"],
        "labels": {name: value for name, value in labels.items() if "/" not in name},
    }
    return _validated(
        {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "metadata": metadata if tenant is None else {**metadata, "namespace": tenant},
            "spec": resource["spec"],
        }
    )


def of_tenant(document: Monitor, tenant: str) -> Monitor:
    """The same document, as that of a tenant. Raises DocumentRefusedError where it is another's."""
    named = document.metadata.namespace
    if named not in (None, tenant):
        raise DocumentRefusedError(f"{document.name!r} is of {named!r}, and this of {tenant!r}")
    written = document.to_json()
    metadata = document.metadata.model_dump(mode="json", exclude_unset=True)
    return _validated({**written, "metadata": {**metadata, "namespace": tenant}})


def _validated(document: Json) -> Monitor:
    try:
        return Monitor.model_validate(document)
    except ValidationError as error:
        faults = explain(error, document)
        said = (f"{'.'.join(map(str, one.where))}: {one.message}" for one in faults)
        raise DocumentRefusedError("; ".join(said)) from None
