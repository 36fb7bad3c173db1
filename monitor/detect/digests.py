"""Puts what many monitors say at once into one message for each place that people read."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from alerts.digest import EVERY_S, FOR_PEOPLE, MOST_AT_ONCE, SPAN_S, digest
from alerts.notification import Notification, delivery_id
from alerts.state import deterministic_id
from monitor.spec.channels import Endpoint
from monitor.sql import outbox, tables

NAME = "digest"
"""Of the endpoint, in the place of the name that one monitor or another gives it."""


def put(
    connection: Connection, told: Iterable[tuple[Notification, Endpoint]], *, now: float
) -> None:
    """Each alone, unless the place has been told of so many monitors that nobody would read on:
    then together, with what else is decided in the same minute."""
    by_place: dict[str, list[tuple[Notification, Endpoint]]] = {}
    for one, endpoint in told:
        by_place.setdefault(outbox.place(endpoint.target), []).append((one, endpoint))
    for place, found in by_place.items():
        if _are_too_many(connection, place, found, now):
            _gather(connection, place, [one for one, _ in found], found[0][1], now)
        else:
            for one, endpoint in found:
                outbox.put(connection, "alert", [one], [endpoint], now=now)


def _are_too_many(
    connection: Connection, place: str, told: Sequence[tuple[Notification, Endpoint]], now: float
) -> bool:
    if told[0][1].target["kind"] not in FOR_PEOPLE:
        return False
    t = tables.outbox
    lately = select(t.c.monitor).where(
        t.c.place == place, t.c.kind == "alert", t.c.created_at > now - SPAN_S
    )
    monitors = {*connection.scalars(lately.distinct()), *(one.monitor for one, _ in told)}
    return len(monitors) > MOST_AT_ONCE


def _gather(
    connection: Connection, place: str, told: list[Notification], endpoint: Endpoint, now: float
) -> None:
    """Adds to the digest of this minute, which is sent when the minute is over."""
    due_at = (now // EVERY_S + 1) * EVERY_S
    id_ = deterministic_id("digest", place, due_at)
    t = tables.outbox
    this = t.c.id == delivery_id(id_, NAME)
    # One that is being sent has another time: what comes now is too late for it.
    before = connection.scalar(
        select(t.c.payload).where(this, t.c.next_attempt_at == due_at).with_for_update()
    )
    known = None if before is None else Notification.from_json(before)
    made = digest(told, id=id_, before=known)
    if known is not None:
        connection.execute(update(t).where(this).values(payload=made.to_json()))
        return
    where = Endpoint(NAME, endpoint.target)
    outbox.put(connection, "alert", [made], [where], now=now)
    connection.execute(update(t).where(this).values(next_attempt_at=due_at))
