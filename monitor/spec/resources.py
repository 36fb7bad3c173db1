"""Monitor documents as they come from a cluster: resources of the kind Monitor."""

from typing import Any

from pydantic import ValidationError

from monitor.explain import explain
from monitor.spec.model import Monitor

Json = dict[str, Any]


class DocumentRefusedError(ValueError):
    """A document that the API does not take; the message says what is wrong with it."""


def document_of(resource: Json) -> Monitor:
    """The document in a resource. Labels of tools (those with a `/`) are not the monitor's.

    Raises DocumentRefusedError.
    """
    labels = resource["metadata"].get("labels") or {}
    document = {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "metadata": {
            "name": resource["metadata"]["name"],
            "labels": {name: value for name, value in labels.items() if "/" not in name},
        },
        "spec": resource["spec"],
    }
    try:
        return Monitor.model_validate(document)
    except ValidationError as error:
        faults = explain(error, document)
        said = (f"{'.'.join(map(str, one.where))}: {one.message}" for one in faults)
        raise DocumentRefusedError("; ".join(said)) from None
