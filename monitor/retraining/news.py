"""What people and pipelines say of a retrain: approvals, and the state that it has come to."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection

from alerts.retraining.lifecycle import RetrainState
from monitor.retraining import records, trouble
from monitor.retraining.records import Record
from monitor.spec.model import Monitor
from monitor.spec.reference import Reference
from monitor.spec.strict import Strict
from monitor.sql import registry


class News(Strict):
    """What a pipeline reports; after a promotion the monitor goes on with the `reference`."""

    state: Literal["running", "failed", "succeeded", "promoted"]
    detail: str | None = Field(default=None, max_length=1000, description="For people.")
    model_version: str | None = Field(default=None, min_length=1, max_length=200)
    reference: Reference | None = Field(
        default=None, description="What the new model is expected to see, once it is promoted."
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """is_new: False for news that were known, or came too late. revision: of the monitor, if a
    new reference made one."""

    is_new: bool
    revision: int | None = None


def take(connection: Connection, record: Record, news: News, *, by: str, now: float) -> Taken:
    """Takes in what is said of a retrain."""
    is_new = records.move(
        connection, record.id, RetrainState(news.state), by=by, now=now, detail=news.detail
    )
    if not is_new:
        return Taken(is_new=False)
    trouble.follow(connection, record, RetrainState(news.state), now=now, detail=news.detail)
    revision = None
    if news.state == "promoted":
        if news.reference is not None:
            revision = _rebase(connection, record.monitor, news.reference, now)
        told = {"at": now, "model_version": news.model_version, "revision": revision}
        records.change(connection, record.id, promoted=told)
    return Taken(is_new=True, revision=revision)


def approve(connection: Connection, record: Record, *, by: str, now: float) -> bool:
    """Whether it waited for that; it is sent now."""
    return records.move(connection, record.id, RetrainState.REQUESTED, by=by, now=now)


def reject(
    connection: Connection, record: Record, *, by: str, now: float, detail: str | None = None
) -> bool:
    """Whether it waited for that; nobody is asked."""
    return records.move(connection, record.id, RetrainState.REJECTED, by=by, now=now, detail=detail)


def _rebase(connection: Connection, name: str, reference: Reference, now: float) -> int | None:
    """Declares the monitor again with another reference; None if there is no such monitor."""
    found = registry.get(connection, name)
    if found is None or found.state == "deleted":
        return None
    document = found.monitor.to_json()
    spec = {**_mapping(document["spec"]), "reference": reference.model_dump(exclude_unset=True)}
    changed = Monitor.model_validate({**document, "spec": spec})
    return registry.put(connection, changed, now).revision


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)  # of a document that was valid
    return value
