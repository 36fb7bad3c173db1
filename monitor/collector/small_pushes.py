"""Small pushes that come at the same time are read, judged and stored as one.

Of what a push of one row costs, most is the making of a batch and of a message, not the row.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import orjson
import pyarrow as pa

from detectors.columns import Field
from monitor.batches import LABEL, BatchError
from monitor.batches.json_messages import JsonBatch, labels_of_lists, predictions_of_lists
from monitor.collector.answers import ACCEPTED, Answer, OverQuotaError, PushError
from monitor.collector.push import Body, Kind, Push, model_version
from monitor.kafka.messages import JSON, Registration

_T = TypeVar("_T")

MAX_TOGETHER = 256
"""Pushes in one message."""

_READ: Mapping[Kind, Callable[[Sequence[object], Sequence[Field], Sequence[float]], JsonBatch]] = {
    "predictions": predictions_of_lists,
    "labels": labels_of_lists,
}

_Group = tuple[Kind, str, str, tuple[str, ...]]
"""Kind, monitor, version of the model, keys: rows that lack a column say so only where all of their
batch lack it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A push, the rows in its body, and where its answer goes."""

    body: Body
    rows: list[Any]
    answer: "asyncio.Future[Answer]"

    def tell(self, answer: Answer) -> None:
        if not self.answer.done():  # a caller may have left
            self.answer.set_result(answer)


class SmallPushes:
    """For the loop's thread. What is not plain, or not good, goes its own way, through `push`."""

    def __init__(self, push: Push, *, clock: Callable[[], float]) -> None:
        self._push = push
        self._clock = clock
        self._waiting: dict[_Group, list[_Waiting]] = {}

    async def accept(self, kind: Kind, body: Body) -> Answer:
        """As `Push.accept` does."""
        found = _plain(kind, body)
        if found is None:
            return await asyncio.wrap_future(self._push.accept(kind, body))
        group, rows = found
        loop = asyncio.get_running_loop()
        waiting = _Waiting(body, rows, loop.create_future())
        together = self._waiting.setdefault(group, [])
        together.append(waiting)
        if len(together) == 1:
            loop.call_soon(self._take, group)  # when all that has come by now is read
        elif len(together) == MAX_TOGETHER:
            self._take(group)
        return await waiting.answer

    def _take(self, group: _Group) -> None:
        together = self._waiting.pop(group, [])
        if len(together) == 1 or not self._store(group, together):
            self._take_each(group[0], together)

    def _store(self, group: _Group, together: Sequence[_Waiting]) -> bool:
        """Whether all of them are good and on their way, or have been answered. If not, each is to
        be told why."""
        kind, name, version, _ = group
        try:
            for may_push in {waiting.body.may_push for waiting in together}:
                registration = self._push.registration(name, may_push)
            batch = self._read(kind, registration, together)
            stored = self._push.store_batch(kind, registration, batch, model_version=version)
        except OverQuotaError as error:  # one alone would fare no better
            for waiting in together:
                waiting.tell(self._push.refusal(error))
            return True
        except (PushError, BatchError):
            return False
        self._then(stored, lambda done: self._tell(kind, together, done))
        return True

    def _tell(self, kind: Kind, together: Sequence[_Waiting], done: Future[int]) -> None:
        if done.exception() is not None:
            self._take_each(kind, together)
            return
        for waiting in together:
            waiting.tell(Answer(ACCEPTED, {"accepted": len(waiting.rows), "rejected": []}))

    def _take_each(self, kind: Kind, together: Sequence[_Waiting]) -> None:
        for waiting in together:
            self._then(self._push.accept(kind, waiting.body), partial(_pass_on, waiting))

    def _then(self, future: Future[_T], tell: Callable[[Future[_T]], object]) -> None:
        """The disk's thread ends a future; who waits is told on the loop's."""
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(tell, done))

    def _read(
        self, kind: Kind, registration: Registration, together: Sequence[_Waiting]
    ) -> pa.RecordBatch:
        lists = [waiting.rows for waiting in together]
        read = _READ[kind](lists, registration.schema, [self._clock()] * len(lists))
        if read.mismatched or (kind == "labels" and read.rows[LABEL].null_count):
            raise BatchError("not all rows are good")
        return read.rows


def _pass_on(waiting: _Waiting, done: Future[Answer]) -> None:
    waiting.tell(done.result())


def _plain(kind: Kind, body: Body) -> tuple[_Group, list[Any]] | None:
    """What a push says, if that is what most say; one that tells more of itself stays alone."""
    if body.key is not None or body.traceparent is not None or body.content_type != JSON:
        return None
    try:
        given = orjson.loads(body.raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict) or "columns" in given:
        return None
    name, rows = given.get("monitor", body.monitor), given.get("rows")
    if not isinstance(name, str) or not isinstance(rows, list) or not rows:
        return None
    first = rows[0]
    try:
        version = model_version(given, body)
    except PushError:
        return None
    return ((kind, name, version, tuple(first)), rows) if isinstance(first, dict) else None
