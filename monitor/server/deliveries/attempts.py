"""What is kept of an attempt, and where it leaves its notification."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from alerts import delivery
from alerts.delivery import Outcome, Result, State, Step
from monitor.sql import tables


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt; times in seconds since 1970."""

    outcome: Outcome
    began: float
    ended: float


def record(
    connection: Connection,
    delivery_id: str,
    attempt: Attempt,
    *,
    random: Callable[[], float],
    repeat_s: float | None,
) -> Step:
    """Adds an attempt to what is known now: another process may have tried meanwhile."""
    t = tables.outbox
    this = t.c.id == delivery_id
    row = connection.execute(select(t).where(this).with_for_update()).one()
    n_failed = 0 if attempt.outcome.result is Result.DELIVERED else row.n_failed + 1
    step = _step(row, attempt, n_failed, random=random, repeat_s=repeat_s)
    if _is_news(row, attempt.outcome):
        n = row.n_attempts + 1
        connection.execute(insert(tables.attempts).values(_kept(delivery_id, n, attempt, step)))
        connection.execute(update(t).where(this).values(n_attempts=n))
    at = row.next_attempt_at if step.at is None else step.at
    changes = {"state": step.state, "next_attempt_at": at, "n_failed": n_failed}
    connection.execute(update(t).where(this).values(changes))
    return step


def _step(
    row: Row[Any],
    attempt: Attempt,
    n_failed: int,
    *,
    random: Callable[[], float],
    repeat_s: float | None,
) -> Step:
    """Nothing takes back that it was delivered, be it by another process."""
    step = delivery.after(
        attempt.outcome, max(n_failed, 1), now=attempt.ended, random=random, repeat_s=repeat_s
    )
    if row.state == State.DELIVERED:
        return Step(State.DELIVERED)
    if row.state == State.STANDING and step.at is not None:
        return Step(State.STANDING, step.at)
    return step


def _is_news(row: Row[Any], outcome: Outcome) -> bool:
    """A repeat that goes like the one before is not kept: there is one a minute, for days."""
    before = Result.RETRY if row.n_failed else Result.DELIVERED
    return row.state != State.STANDING or outcome.result is not before


def _kept(delivery_id: str, n: int, attempt: Attempt, step: Step) -> dict[str, object]:
    return {
        "delivery": delivery_id,
        "n": n,
        "at": attempt.began,
        "duration_s": attempt.ended - attempt.began,
        "status": attempt.outcome.status,
        "outcome": word(attempt.outcome, step),
        "detail": attempt.outcome.detail,
    }


def word(outcome: Outcome, step: Step) -> str:
    """An outcome's name, for people and metrics; the last of too many attempts has its own."""
    return "exhausted" if step.state is State.EXHAUSTED else outcome.result.value
