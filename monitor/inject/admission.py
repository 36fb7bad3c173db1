"""The API server's questions, answered: AdmissionReview, admission.k8s.io/v1."""

import base64
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from monitor.inject.pods import wishes_of, with_collector
from monitor.inject.ports import Json
from monitor.inject.settings import Settings
from monitor.inject.wishes import RefusedError
from monitor.spec.resources import DocumentRefusedError, document_of

API_VERSION = "admission.k8s.io/v1"

SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces whose pods are never touched, whatever a configuration says."""


class ReviewError(ValueError):
    """What came is no AdmissionReview, or not of what was to be reviewed."""


def reviewed(body: bytes, settings: Settings, *, untouched: Collection[str] = SYSTEM) -> Json:
    """The answer to a review. A pod is always allowed: with a collector if it can have one, else
    with a warning that says why not.

    untouched: namespaces whose pods stay as they are. Raises ReviewError.
    """
    request = _request(body)
    pod, namespace = request["object"], request.get("namespace", "")
    if not isinstance((pod.get("spec") or {}).get("containers"), list):
        raise ReviewError("this is no review of a pod")
    answer: Json = {"uid": request["uid"], "allowed": True}
    try:
        if namespace not in untouched and wishes_of(pod).inject is not False:
            answer |= _patched(pod, with_collector(pod, settings))
    except RefusedError as error:
        answer["warnings"] = [f"driftmeter: no collector: {error}"]
    return _review(answer)


def validated(body: bytes) -> Json:
    """The answer to a review of a Monitor: refused with all that the API would find fault with.

    Raises ReviewError.
    """
    request = _request(body)
    answer: Json = {"uid": request["uid"], "allowed": True}
    try:
        document_of(request["object"])
    except KeyError as error:
        raise ReviewError(f"this is no review of a Monitor: there is no {error}") from None
    except DocumentRefusedError as error:
        answer |= {"allowed": False, "status": {"code": 422, "message": str(error)}}
    return _review(answer)


def _review(answer: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": answer}


def _request(body: bytes) -> Json:
    try:
        review = orjson.loads(body)
        request: Json = review["request"]
        is_whole = isinstance(request["object"], dict) and "uid" in request
    except (ValueError, KeyError, TypeError) as error:
        raise ReviewError(f"this is no review: {error!r}") from None
    if review.get("apiVersion") != API_VERSION or not is_whole:
        raise ReviewError(f"this is no {API_VERSION} review of an object")
    return request


def _patched(before: Json, after: Json) -> Json:
    operations = list(patch(before, after))
    if not operations:
        return {}
    text = base64.b64encode(orjson.dumps(operations)).decode("ascii")
    return {"patchType": "JSONPatch", "patch": text}


def patch(before: Json, after: Json, path: str = "") -> Iterator[Json]:
    """The JSON Patch (RFC 6902) that makes one object of another; lists are replaced whole."""
    for key in before.keys() - after.keys():
        yield {"op": "remove", "path": f"{path}/{_escaped(key)}"}
    for key, value in after.items():
        here, old = f"{path}/{_escaped(key)}", before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            yield from patch(old, value, here)
        elif key not in before or old != value:
            yield {"op": "add", "path": here, "value": value}


def _escaped(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
