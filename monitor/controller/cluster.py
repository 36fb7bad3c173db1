"""The few things that are asked of a cluster's API server."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2

Json = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds who it is."""

MERGE = {"Content-Type": "application/merge-patch+json"}


class ClusterError(Exception):
    """The API server refused, or did not answer; the message says what it said."""


class GoneError(ClusterError):
    """What was asked for is not there, or no longer."""


class Cluster:
    """An API server. token: asked for with every request, for a pod's is renewed as it runs."""

    def __init__(self, url: str, token: Callable[[], str], *, authority: Path) -> None:
        trusted = ssl.create_default_context(cadata=authority.read_text("utf-8"))
        self._http = httpx2.Client(base_url=url, verify=trusted, timeout=30.0)
        self._token = token

    def close(self) -> None:
        self._http.close()

    def read(self, path: str, **asked: str) -> Json:
        """An object, or a list of them. Raises ClusterError."""
        return self._json("GET", path, params=asked)

    def merge(self, path: str, changes: Json) -> Json:
        """An object with some of its fields changed (RFC 7386), or removed by None.

        Raises ClusterError; GoneError where there is none.
        """
        return self._json("PATCH", path, content=json.dumps(changes), headers=MERGE)

    def changes(self, path: str, *, since: str, timeout_s: int, **asked: str) -> Iterator[Json]:
        """The objects of a list that change from its version `since` on, until `timeout_s` is over.

        Raises ClusterError; GoneError where the server no longer knows that version.
        """
        told = {
            **asked,
            "watch": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(timeout_s),
        }
        try:
            with self._http.stream(
                "GET", path, params=told, headers=self._who(), timeout=timeout_s + 30.0
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _error(answer)
                for line in answer.iter_lines():
                    yield _changed(json.loads(line))
        except httpx2.HTTPError as error:
            raise ClusterError(f"the cluster does not answer: {error}") from error

    def _json(self, method: str, path: str, **how: Any) -> Json:
        headers = {**how.pop("headers", {}), **self._who()}
        try:
            answer = self._http.request(method, path, headers=headers, **how)
        except httpx2.HTTPError as error:
            raise ClusterError(f"the cluster does not answer: {error}") from error
        if not answer.is_success:
            raise _error(answer)
        found: Json = answer.json()
        return found

    def _who(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}


def _error(answer: httpx2.Response) -> ClusterError:
    message = f"{answer.request.method} {answer.url.path}: {answer.status_code} {answer.text[:300]}"
    return GoneError(message) if answer.status_code in (404, 410) else ClusterError(message)


def _changed(event: Json) -> Json:
    if event["type"] == "ERROR":
        status = event["object"]
        kind = GoneError if status.get("code") == 410 else ClusterError
        raise kind(f"the watch ended: {status.get('message')}")
    found: Json = event["object"]
    return {**found, "metadata": {**found["metadata"], "deleted": event["type"] == "DELETED"}}
