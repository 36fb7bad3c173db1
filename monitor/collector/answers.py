"""What callers of the ingest address are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from monitor.kafka.messages import JSON

ACCEPTED = 202
"""What was pushed is safe on the disk."""

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """body: becomes JSON, unless it is bytes of the content type already."""

    status: int
    body: Mapping[str, object] | bytes
    headers: Sequence[tuple[str, str]] = ()
    content_type: str = JSON

    def to_bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


class Refused(StrEnum):
    """Why a push is to come again later: the whole set."""

    MONITORS_UNKNOWN = "monitors unknown"
    SPOOL_FULL = "spool full"
    SPOOL_FAILED = "spool failed"
    TOO_BUSY = "too busy"
    OVER_QUOTA = "over quota"


class PushError(Exception):
    """A push that is refused as a whole."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error": message})


class LaterError(PushError):
    """A push that is refused now and may succeed later."""

    def __init__(
        self,
        reason: Refused,
        message: str,
        *,
        status: int = 503,
        retry_after_s: int = RETRY_AFTER_S,
    ) -> None:
        super().__init__(status, message)
        self.reason = reason
        self.answer = Answer(status, {"error": message}, [("Retry-After", str(retry_after_s))])


class OverQuotaError(LaterError):
    """A namespace sends more than it may."""

    def __init__(self, namespace: str, wait_s: int) -> None:
        super().__init__(
            Refused.OVER_QUOTA,
            f"the namespace {namespace!r} sends more than its quota: wait {wait_s} s",
            status=429,
            retry_after_s=wait_s,
        )
