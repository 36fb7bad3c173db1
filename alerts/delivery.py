"""What became of an attempt to deliver, and when the next one is due. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

MINUTE, HOUR = 60.0, 3600.0

LADDER_S = (
    5.0,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""Waits after the first, second, … attempt: the schedule that Standard Webhooks gives."""

MAX_RETRY_AFTER_S = HOUR
JITTER = 0.2
"""A wait is lengthened by up to this share, so that what failed together does not return so."""

_TRY_AGAIN = frozenset({408, 425, 429})


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    """For good: another attempt would end the same way."""
    GONE = "gone"
    """The endpoint asks never to be called again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attempt.

    status: of the HTTP answer, None if there was none. detail: for people; it never holds what
        the endpoint answered.
    retry_after_s: how long the endpoint asks to be left alone.
    """

    result: Result
    detail: str
    status: int | None = None
    retry_after_s: float | None = None


def of_status(status: int, retry_after: str | None = None, *, now: float) -> Outcome:
    """Standard Webhooks' reading of an HTTP answer: only 2xx is success, 3xx is failure.

    retry_after: the header of that name, in seconds or as a date; one that is neither is passed
        over. It counts up to an hour, with 408, 425, 429 and 5xx.
    """
    result = _result(status)
    wait = None
    if result is Result.RETRY and retry_after is not None:
        wait = _seconds(retry_after, now)
    return Outcome(result=result, detail=f"HTTP {status}", status=status, retry_after_s=wait)


def next_attempt(
    n_attempts: int, outcome: Outcome, *, now: float, random: Callable[[], float]
) -> float | None:
    """When to try again after so many attempts, seconds since 1970; None: never.

    random: uniform in [0, 1).
    """
    if outcome.result is not Result.RETRY or n_attempts > len(LADDER_S):
        return None
    wait = max(LADDER_S[n_attempts - 1], outcome.retry_after_s or 0.0)
    return now + wait * (1.0 + JITTER * random())


def _result(status: int) -> Result:
    if 200 <= status < 300:
        return Result.DELIVERED
    if status == 410:
        return Result.GONE
    # An informational answer is none at all: the exchange broke off before its end.
    if status in _TRY_AGAIN or status < 200 or 500 <= status < 600:
        return Result.RETRY
    return Result.FAILED


def _seconds(retry_after: str, now: float) -> float | None:
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware.timestamp() - now, 0.0), MAX_RETRY_AFTER_S)
