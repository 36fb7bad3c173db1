"""The API's client: what the command line uses to declare monitors and to read them."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from monitor.spec.model import Monitor

Document = dict[str, Any]


class ApiError(Exception):
    """The API refused, or did not answer; the message says why and what to do."""


class AnswerError(ApiError):
    """The API refused; `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Speaks to a Driftmeter API at `url`; `token` where it asks for one."""

    def __init__(self, url: str, *, token: str | None = None, timeout_s: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Document:
        """What is below /api/v1; what is None is not asked for."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", f"/api/v1/{path}", params=asked)

    def post(self, path: str, document: object = None) -> Document:
        return self._call("POST", f"/api/v1/{path}", json=document)

    def put_monitor(self, monitor: Monitor) -> Document:
        """Declares a monitor; gives its name, revision and status."""
        return self._call("PUT", f"/api/v1/monitors/{monitor.name}", json=monitor.to_json())

    def monitor(self, name: str) -> Document:
        return self._call("GET", f"/api/v1/monitors/{name}")

    def monitors(self) -> list[Document]:
        """All monitors by name, however many pages they take."""
        found: list[Document] = []
        after: str | None = ""
        while after is not None:
            page = self._call("GET", f"/api/v1/monitors?after={after}")
            found += page["items"]
            after = page["next"]
        return found

    def revisions(self, name: str) -> list[Document]:
        """Every revision of a monitor, the latest first; of one that was deleted, too."""
        return list(self._call("GET", f"/api/v1/monitors/{name}/revisions")["items"])

    def reports(self, name: str, *, limit: int = 50) -> list[Document]:
        """Reports of a monitor, newest window first."""
        return list(self._call("GET", f"/api/v1/monitors/{name}/reports?limit={limit}")["items"])

    def alerts(self, name: str) -> list[Document]:
        """Alerts of a monitor, the latest begun first."""
        return list(self._call("GET", f"/api/v1/alerts?monitor={name}")["items"])

    def deliveries(self, name: str) -> list[Document]:
        return list(self._call("GET", f"/api/v1/deliveries?monitor={name}")["items"])

    def pause_monitor(self, name: str, *, paused: bool = True) -> Document:
        """Pauses a monitor, or resumes it; gives its name, revision and status."""
        return self._call("POST", f"/api/v1/monitors/{name}/{'pause' if paused else 'resume'}")

    def put(self, path: str, document: object) -> Document:
        return self._call("PUT", f"/api/v1/{path}", json=document)

    def delete(self, path: str) -> None:
        self._call("DELETE", f"/api/v1/{path}")

    def add_silence(self, request: Document) -> Document:
        """Tells nobody of some alerts; `monitor.spec.silence` says what a request holds."""
        return self._call("POST", "/api/v1/silences", json=request)

    def silences(self, *, ended: bool = False) -> list[Document]:
        """Silences and maintenance windows, the latest made first."""
        return list(self._call("GET", f"/api/v1/silences?ended={str(ended).lower()}")["items"])

    def end_silence(self, silence_id: str) -> None:
        self._call("DELETE", f"/api/v1/silences/{quote(silence_id, safe='')}")

    def delete_monitor(self, name: str) -> None:
        self._call("DELETE", f"/api/v1/monitors/{name}")

    def settle(
        self,
        name: str,
        revision: int,
        *,
        timeout_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Document:
        """Waits until a revision is active or failed, and gives the monitor.

        Raises ApiError when it is still resolving after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.monitor(name)
            if found["revision"] != revision or found["status"] != "resolving":
                return found
            sleep(0.1)
        raise ApiError(f"the reference of {name!r} is still being fitted after {timeout_s:.0f} s")

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: dict[str, str | int] | None = None,
    ) -> Document:
        try:
            answer = self._http.request(method, path, json=json, params=params)
        except httpx2.HTTPError as error:
            raise ApiError(
                f"no answer from {self._http.base_url} ({error}). "
                "Is `driftmeter serve` or `driftmeter up` running there?"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        raise AnswerError(_problem(answer), answer.status_code)


def _problem(answer: httpx2.Response) -> str:
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.url} answered {answer.status_code}: {answer.text[:200]}"
    body = answer.json()
    faults = [f"\n  {fault['path']}: {fault['message']}" for fault in body.get("faults", [])]
    return f"{body.get('detail', answer.status_code)}{''.join(faults)}"
