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

DISABLE_AFTER_S = 72 * HOUR
DISABLE_AFTER_FAILURES = 5
"""An endpoint at which so many attempts in a row have failed, the first so long ago, is called no
more until somebody says so: nobody reads what a thousand notifications wait for."""

_TRY_AGAIN = frozenset({408, 425, 429})


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    """For good: another attempt would end the same way."""
    GONE = "gone"
    """The endpoint asks never to be called again."""


class State(StrEnum):
    """Of a notification for one endpoint."""

    PENDING = "pending"
    STANDING = "standing"
    """Delivered, to one that forgets: it is told again for as long as it is true."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Refused for good."""
    EXHAUSTED = "exhausted"
    """Tried as often as the ladder has rungs."""
    GONE = "gone"


SETTLED = frozenset({State.DELIVERED, State.FAILED, State.EXHAUSTED, State.GONE})


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


@dataclass(frozen=True, slots=True)
class Step:
    """Where an attempt leaves a notification; `at` is when it is sent next, None: never."""

    state: State
    at: float | None = None


def after(
    outcome: Outcome,
    n_failed: int,
    *,
    now: float,
    random: Callable[[], float],
    repeat_s: float | None = None,
) -> Step:
    """What follows from an attempt, times in seconds since 1970.

    n_failed: attempts in a row that have failed, with this one. random: uniform in [0, 1).
    repeat_s: of an endpoint that forgets, how often it is told what stands; it is not waited for
        longer than that, and not given up while what it should be told is true.
    """
    if outcome.result is Result.RETRY:
        wait = _wait(n_failed, outcome.retry_after_s or 0.0, repeat_s)
        return _EXHAUSTED if wait is None else Step(State.PENDING, now + wait + _late(wait, random))
    if outcome.result is Result.DELIVERED and repeat_s is not None:
        return Step(State.STANDING, now + repeat_s)
    return Step(_ENDS[outcome.result])


def is_to_be_disabled(n_failed: int, failing_since: float, *, now: float) -> bool:
    """Whether an endpoint has failed for so long, and so often, that it is called no more."""
    return n_failed >= DISABLE_AFTER_FAILURES and now - failing_since >= DISABLE_AFTER_S


_EXHAUSTED = Step(State.EXHAUSTED)
_ENDS = {
    Result.DELIVERED: State.DELIVERED,
    Result.FAILED: State.FAILED,
    Result.GONE: State.GONE,
}


def _wait(n_failed: int, retry_after_s: float, repeat_s: float | None) -> float | None:
    if repeat_s is not None:
        rung = LADDER_S[min(n_failed, len(LADDER_S)) - 1]
        return max(min(rung, repeat_s), retry_after_s)
    return None if n_failed > len(LADDER_S) else max(LADDER_S[n_failed - 1], retry_after_s)


def _late(wait: float, random: Callable[[], float]) -> float:
    return wait * JITTER * random()


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
