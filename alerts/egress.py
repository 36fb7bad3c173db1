"""The way out for every channel: guarded, bounded in time, and with an outcome for every fault."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

import orjson

from alerts import delivery
from alerts.connection import MAX_ANSWER_BYTES
from alerts.delivery import Outcome, Result
from alerts.guard import ForbiddenTargetError, Guard
from alerts.log import Log
from alerts.post import post


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Where a channel may go, how long it may take, and whom it trusts.

    timeout_s: for a whole attempt, once the name is resolved.
    tls: whom to trust; by default whom the system trusts.
    log: where records go, None if this process has none.
    """

    guard: Guard = field(default_factory=Guard)
    timeout_s: float = 15.0
    tls: ssl.SSLContext | None = None
    log: Log | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, now: float) -> Outcome:
        """One HTTP POST. Raises nothing for what a URL, a network or an endpoint can do."""
        return self.exchange("POST", url, body, headers, now=now)[0]

    def exchange(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        now: float,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> tuple[Outcome, bytes]:
        """`post` by any method, and up to `most_bytes` of the answer's body."""
        sent = {"user-agent": "driftmeter", **headers}
        try:
            target = self.guard.check(url)
            answer = post(
                target,
                body,
                sent,
                timeout_s=self.timeout_s,
                tls=self.tls,
                method=method,
                most_bytes=most_bytes,
            )
        except ForbiddenTargetError as error:
            return Outcome(result=Result.FAILED, detail=str(error)), b""
        except OSError as error:
            return Outcome(result=Result.RETRY, detail=f"{type(error).__name__}: {error}"), b""
        except HTTPException as error:
            # Its text may quote the answer, which may come from where nobody should look.
            detail = f"no HTTP answer: {type(error).__name__}"
            return Outcome(result=Result.RETRY, detail=detail), b""
        retry_after = answer.headers.get("retry-after")
        return delivery.of_status(answer.status, retry_after, now=now), answer.body

    def post_json(
        self, url: str, body: Any, headers: Mapping[str, str] | None = None, *, now: float
    ) -> Outcome:
        """`post` with a body in JSON."""
        typed = {"content-type": "application/json", **(headers or {})}
        return self.post(url, orjson.dumps(body), typed, now=now)
