"""The API's client: what the command line uses to declare monitors and to read them.

What it gives is typed in `answers`.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from monitor.apply import answers
from monitor.apply.reported import Report
from monitor.spec.model import Monitor
from monitor.spec.retraining import RetrainSubscription

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

    def put_monitor(self, monitor: Monitor) -> answers.Declared:
        """Declares a monitor."""
        declared: answers.Declared = self._call(
            "PUT", f"monitors/{monitor.name}", json=monitor.to_json()
        )
        return declared

    def monitor(self, name: str) -> answers.Monitor:
        found: answers.Monitor = self._call("GET", f"monitors/{name}")
        return found

    def monitors(self) -> list[answers.Monitor]:
        """All monitors by name, however many pages they take."""
        found: list[answers.Monitor] = []
        after: str | None = ""
        while after is not None:
            page: answers.MonitorPage = self._call("GET", "monitors", {"after": after})
            found += page["items"]
            after = page["next"]
        return found

    def pause_monitor(self, name: str, *, paused: bool = True) -> answers.Declared:
        """Pauses a monitor, or resumes it."""
        now: answers.Declared = self._call(
            "POST", f"monitors/{name}/{'pause' if paused else 'resume'}"
        )
        return now

    def delete_monitor(self, name: str) -> None:
        self._call("DELETE", f"monitors/{name}")

    def revisions(self, name: str) -> list[answers.Revision]:
        """Every revision of a monitor, the latest first; of one that was deleted, too."""
        found: answers.Items[answers.Revision] = self._call("GET", f"monitors/{name}/revisions")
        return found["items"]

    def reports(self, name: str, *, limit: int = 50) -> list[Report]:
        """Reports of a monitor, newest window first."""
        found: answers.Items[Report] = self._call(
            "GET", f"monitors/{name}/reports", {"limit": limit}
        )
        return found["items"]

    def windows(self, name: str, *, limit: int = 500) -> list[answers.Figures]:
        """Figures of a monitor's latest windows of the shortest length, oldest first."""
        found: answers.Items[answers.Figures] = self._call(
            "GET", f"monitors/{name}/windows", {"limit": limit}
        )
        return found["items"]

    def alerts(self, name: str | None = None, *, limit: int = 50) -> list[answers.Alert]:
        """Alerts of a monitor, or of all, the latest begun first."""
        found: answers.Items[answers.Alert] = self._call(
            "GET", "alerts", {"monitor": name, "limit": limit}
        )
        return found["items"]

    def deliveries(
        self, name: str | None = None, *, state: str | None = None, limit: int = 50
    ) -> list[answers.Delivery]:
        """Notifications of a monitor, or of all, and what came of them, the latest first."""
        found: answers.Items[answers.Delivery] = self._call(
            "GET", "deliveries", {"monitor": name, "state": state, "limit": limit}
        )
        return found["items"]

    def delivery(self, delivery_id: str) -> answers.Delivery:
        found: answers.Delivery = self._call("GET", f"deliveries/{_quoted(delivery_id)}")
        return found

    def redeliver(self, delivery_id: str) -> answers.Delivery:
        """Tells it once more, with the same id."""
        found: answers.Delivery = self._call("POST", f"deliveries/{_quoted(delivery_id)}/redeliver")
        return found

    def try_channel(self, name: str, channel: str) -> answers.Tried:
        """Tells a monitor's channel that this is a test."""
        tried: answers.Tried = self._call(
            "POST", f"monitors/{_quoted(name)}/channels/{_quoted(channel)}/test"
        )
        return tried

    def endpoints(self) -> list[answers.Endpoint]:
        """Whom monitors tell, those in trouble first."""
        found: answers.Items[answers.Endpoint] = self._call("GET", "endpoints")
        return found["items"]

    def enable_endpoint(self, endpoint_id: str) -> answers.Endpoint:
        """Calls it again, though it failed for days."""
        found: answers.Endpoint = self._call("POST", f"endpoints/{_quoted(endpoint_id)}/enable")
        return found

    def retrains(
        self, name: str | None = None, *, state: str | None = None, limit: int = 50
    ) -> list[answers.Retrain]:
        """Retrains of a monitor, or of all, the latest first."""
        found: answers.Items[answers.Retrain] = self._call(
            "GET", "retrains", {"monitor": name, "state": state, "limit": limit}
        )
        return found["items"]

    def retrain(self, retrain_id: str) -> answers.Retrain:
        found: answers.Retrain = self._call("GET", f"retrains/{_quoted(retrain_id)}")
        return found

    def decide_retrain(self, retrain_id: str, *, approved: bool) -> answers.Retrain:
        """Approves a retrain that waits for it, or rejects it."""
        verdict = "approve" if approved else "reject"
        found: answers.Retrain = self._call("POST", f"retrains/{_quoted(retrain_id)}/{verdict}")
        return found

    def tell_of_retrain(self, retrain_id: str, said: Document) -> answers.Taken:
        """How a retrain goes; `monitor.retraining.news` says what can be said."""
        taken: answers.Taken = self._call("POST", f"retrains/{_quoted(retrain_id)}/news", json=said)
        return taken

    def retrain_decisions(self, name: str | None = None) -> list[answers.RetrainDecision]:
        """What every subscription answered last, of a monitor or of all."""
        found: answers.Items[answers.RetrainDecision] = self._call(
            "GET", "subscriptions/decisions", {"monitor": name}
        )
        return found["items"]

    def subscriptions(self) -> list[answers.Subscription]:
        """Who is asked for retrains, by name."""
        found: answers.Items[answers.Subscription] = self._call("GET", "subscriptions")
        return found["items"]

    def subscription(self, name: str) -> answers.Subscription:
        found: answers.Subscription = self._call("GET", f"subscriptions/{_quoted(name)}")
        return found

    def put_subscription(self, wanted: RetrainSubscription) -> answers.Subscription:
        put: answers.Subscription = self._call(
            "PUT", f"subscriptions/{wanted.name}", json=wanted.to_json()
        )
        return put

    def delete_subscription(self, name: str) -> None:
        self._call("DELETE", f"subscriptions/{_quoted(name)}")

    def namespaces(self) -> list[answers.Namespace]:
        """What each namespace uses and may use, by name."""
        found: answers.Items[answers.Namespace] = self._call("GET", "namespaces")
        return found["items"]

    def add_silence(self, request: Document) -> answers.Silence:
        """Tells nobody of some alerts; `monitor.spec.silence` says what a request holds."""
        made: answers.Silence = self._call("POST", "silences", json=request)
        return made

    def silences(self, *, ended: bool = False) -> list[answers.Silence]:
        """Silences and maintenance windows, the latest made first."""
        found: answers.Items[answers.Silence] = self._call(
            "GET", "silences", {"ended": str(ended).lower()}
        )
        return found["items"]

    def end_silence(self, silence_id: str) -> None:
        self._call("DELETE", f"silences/{_quoted(silence_id)}")

    def settle(
        self,
        name: str,
        revision: int,
        *,
        timeout_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> answers.Monitor:
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
        query: Mapping[str, str | int | None] | None = None,
        *,
        json: object = None,
    ) -> Any:
        """What a path below /api/v1 answers. Raises ApiError."""
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(method, f"/api/v1/{path}", json=json, params=asked)
        except httpx2.HTTPError as error:
            raise ApiError(
                f"no answer from {self._http.base_url} ({error}). "
                "Is `driftmeter serve` or `driftmeter up` running there?"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        raise AnswerError(_problem(answer), answer.status_code)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _problem(answer: httpx2.Response) -> str:
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.url} answered {answer.status_code}: {answer.text[:200]}"
    body = answer.json()
    faults = [f"\n  {fault['path']}: {fault['message']}" for fault in body.get("faults", [])]
    return f"{body.get('detail', answer.status_code)}{''.join(faults)}"
