"""Labels meet their predictions, by prediction id, in whichever order they come.

Predictions and labels of one id lie in partitions of the same number, so the join is local to a
partition. What it remembers is in the log and is read again when a partition moves.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import orjson

from monitor.aggregate.join_store import JoinStore, is_full

MAX_WAITING = 50_000
"""Labels in one partition that may wait for their prediction."""

PATIENCE_S = 300.0
"""So long may a label wait for its prediction before it counts as unmatched."""

ROOM_MADE = 10
"""One in so many predictions, the oldest ones, is forgotten when there is no room."""

Value: TypeAlias = float | str | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Predicted:
    """A remembered prediction: when, what, and against which reference it was counted.

    values: of the columns that `Target.columns` names, the prediction first.
    weight: how many sampled rows it stands for. model_version: under which it was counted.
    """

    id: str
    time: float
    values: tuple[Value, ...]
    reference_id: str
    weight: int = 1
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label as it lies in the log. time: its own, in seconds since 1970."""

    id: str
    value: Value
    time: float
    offset: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A label that met its prediction.

    replaces: the label that this one corrects, None for the first of its prediction.
    """

    predicted: Predicted
    label: Labelled
    replaces: Value = None


@dataclass(slots=True)
class Met:
    """What became of some labels: joined, or left out with the reason and their offset."""

    joined: list[Joined] = field(default_factory=list)
    left_out: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Remembered:
    predicted: Predicted
    label: Value


class Joiner:
    """The join of one partition.

    Of predictions with one id the first counts. Of its labels each one that says something else
    than the one before it, in the order of the log, corrects that one: the last one wins. What is
    joined does not depend on whether predictions or labels are read first.

    lost: predictions that were forgotten for want of room before they had a label, by monitor.
    """

    def __init__(self, store: JoinStore, *, max_waiting: int = MAX_WAITING) -> None:
        self.lost: dict[str, int] = {}
        self._store = store
        self._max_waiting = max_waiting
        self._n_waiting = 0
        self._numbers: dict[str, int] = {}
        self._counted: dict[tuple[str, str], int] = {}

    def predict(self, monitor: str, predictions: Sequence[Predicted]) -> list[Joined]:
        """Remembers predictions; returns those whose labels came before them, with these."""
        return self._with_room(lambda: self._predict(self._number(monitor), predictions))

    def label(self, monitor: str, labels: Sequence[Labelled], *, now: float) -> Met:
        """Joins labels, or lets them wait for their predictions.

        now: seconds since 1970, the beginning of their wait.
        """
        return self._with_room(lambda: self._label(self._number(monitor), labels, now))

    def forget(self, monitor: str, *, before: float) -> None:
        """Forgets a monitor's predictions, from the first to arrive on, that are from before."""
        number = self._number(monitor)
        with self._store.changing() as database:
            oldest = database.execute(
                "SELECT place, time FROM predictions WHERE monitor = ? ORDER BY place", (number,)
            )
            last = None
            for place, time in oldest:
                if time >= before:
                    break
                last = place
            if last is not None:
                database.execute(
                    "DELETE FROM predictions WHERE monitor = ? AND place <= ?", (number, last)
                )

    def give_up(self, *, before: float) -> list[tuple[str, int]]:
        """Ends the wait of labels that began it before a moment; their monitors and offsets."""
        if not self._n_waiting:
            return []
        with self._store.changing() as database:
            late = database.execute(
                "DELETE FROM waiting WHERE since < ? RETURNING monitor, message", (before,)
            ).fetchall()
        self._n_waiting -= len(late)
        names = list(self._numbers)
        return [(names[number], offset) for number, offset in sorted(late)]

    def oldest_waiting(self, first: int) -> int | None:
        """The least offset, from `first` on, of a label that waits."""
        if not self._n_waiting:
            return None
        with self._store.changing() as database:
            (offset,) = database.execute(
                "SELECT min(message) FROM waiting WHERE message >= ?", (first,)
            ).fetchone()
        return None if offset is None else int(offset)

    @property
    def size_bytes(self) -> int:
        return self._store.size_bytes

    def close(self) -> None:
        self._store.close()

    def _predict(self, monitor: int, predictions: Sequence[Predicted]) -> list[Joined]:
        with self._store.changing() as database:
            database.executemany(
                "INSERT INTO predictions (monitor, id, time, content) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (monitor, id) DO NOTHING",
                [(monitor, one.id, one.time, self._content(one)) for one in predictions],
            )
            return self._end_waiting(database, monitor, predictions) if self._n_waiting else []

    def _label(self, monitor: int, labels: Sequence[Labelled], now: float) -> Met:
        met = Met()
        waits: list[tuple[int, str, Value, float, int, float]] = []
        ids = orjson.dumps([label.id for label in labels]).decode()
        with self._store.changing() as database:
            known = self._known(database, monitor, ids)
            waiting = self._last_waiting(database, monitor, ids)
            changed: dict[str, Value] = {}
            for label in labels:
                one = known.get(label.id)
                if (waiting.get(label.id) if one is None else one.label) == label.value:
                    met.left_out.append(("duplicate label", label.offset))
                elif one is not None:
                    met.joined.append(Joined(one.predicted, label, one.label))
                    one.label = changed[label.id] = label.value
                elif self._n_waiting + len(waits) >= self._max_waiting:
                    met.left_out.append(("unmatched label", label.offset))
                else:
                    waits.append((monitor, label.id, label.value, label.time, label.offset, now))
                    waiting[label.id] = label.value
            self._keep_labels(database, monitor, changed)
            database.executemany(
                "INSERT INTO waiting (monitor, id, label, time, message, since) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                waits,
            )
        self._n_waiting += len(waits)
        return met

    def _end_waiting(
        self, database: sqlite3.Connection, monitor: int, predictions: Sequence[Predicted]
    ) -> list[Joined]:
        by_id = {one.id: one for one in reversed(predictions)}
        found = database.execute(
            "DELETE FROM waiting WHERE monitor = ? AND id IN (SELECT value FROM json_each(?)) "
            "RETURNING place, id, label, time, message",
            (monitor, orjson.dumps(list(by_id)).decode()),
        ).fetchall()
        joined: list[Joined] = []
        last: dict[str, Value] = {}
        for _, id_, value, time, offset in sorted(found):
            label = Labelled(id_, value, time, offset)
            joined.append(Joined(by_id[id_], label, last.get(id_)))
            last[id_] = value
        self._keep_labels(database, monitor, last)
        self._n_waiting -= len(found)
        return joined

    def _known(
        self, database: sqlite3.Connection, monitor: int, ids: str
    ) -> dict[str, _Remembered]:
        rows = database.execute(
            "SELECT id, time, content, label FROM predictions "
            "WHERE monitor = ? AND id IN (SELECT value FROM json_each(?))",
            (monitor, ids),
        )
        names = list(self._counted)
        return {id_: _Remembered(_read(id_, time, raw, names), was) for id_, time, raw, was in rows}

    def _last_waiting(
        self, database: sqlite3.Connection, monitor: int, ids: str
    ) -> dict[str, Value]:
        if not self._n_waiting:
            return {}
        rows = database.execute(
            "SELECT id, label FROM waiting "
            "WHERE monitor = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY place",
            (monitor, ids),
        )
        return dict(rows.fetchall())

    def _keep_labels(
        self, database: sqlite3.Connection, monitor: int, labels: Mapping[str, Value]
    ) -> None:
        database.executemany(
            "UPDATE predictions SET label = ? WHERE monitor = ? AND id = ?",
            [(label, monitor, id_) for id_, label in labels.items()],
        )

    def _with_room(self, change: Callable[[], T]) -> T:
        """What `change` returns; where there is no room for it, the oldest make it."""
        while True:
            try:
                return change()
            except sqlite3.OperationalError as error:
                if not is_full(error) or not self._make_room():
                    raise

    def _make_room(self) -> bool:
        """Forgets the oldest predictions of all monitors; False where there are none."""
        with self._store.changing() as database:
            first, last = database.execute(
                "SELECT min(place), max(place) FROM predictions"
            ).fetchone()
            if first is None:
                return False
            through = (first + (last - first) // ROOM_MADE,)
            lost = database.execute(
                "SELECT monitor, count(*) FROM predictions "
                "WHERE place <= ? AND label IS NULL GROUP BY monitor",
                through,
            ).fetchall()
            database.execute("DELETE FROM predictions WHERE place <= ?", through)
        names = list(self._numbers)
        for number, n in lost:
            self.lost[names[number]] = self.lost.get(names[number], 0) + n
        return True

    def _number(self, monitor: str) -> int:
        return self._numbers.setdefault(monitor, len(self._numbers))

    def _content(self, one: Predicted) -> bytes:
        counted = one.reference_id, one.model_version
        number = self._counted.setdefault(counted, len(self._counted))
        return orjson.dumps((number, one.weight, *_finite(one.values)))


def _finite(values: Iterable[Value]) -> list[object]:
    """JSON has no infinity: it becomes a list of its sign."""
    return [[v > 0] if isinstance(v, float) and math.isinf(v) else v for v in values]


def _read(id_: str, time: float, raw: bytes, counted: Sequence[tuple[str, str]]) -> Predicted:
    number, weight, *read = orjson.loads(raw)
    values = tuple((math.inf if v[0] else -math.inf) if isinstance(v, list) else v for v in read)
    reference_id, model_version = counted[number]
    return Predicted(id_, time, values, reference_id, weight, model_version)
