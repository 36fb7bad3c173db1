"""The rows of a segment that are least like the reference, for whoever asks for them."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from detectors.columns import Coded, Floats, Rows
from detectors.reference import OUTLIER, Reference
from monitor.kafka.messages import Header, Segment, partition_for
from monitor.kafka.publishing import Message

LARGEST_P_VALUE = 0.01
"""One in a hundred rows of the reference itself is as far out."""

N_COLUMNS = 3
"""Named of each row."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OutlyingRow:
    """One row. p_value: the share of the reference's rows that are at least as far out, at most.

    score: of the monitor's scorer; the larger, the less like the reference.
    columns: those that score most, with their shares of it; values: theirs, None if missing.
    Orders by p-value and then by id, so that the rows that are kept depend on the log alone.
    """

    p_value: float
    id: str
    time: float
    score: float
    columns: tuple[tuple[str, float], ...]
    values: tuple[float | str | None, ...]

    def to_json(self) -> dict[str, object]:
        causes = zip(self.columns, self.values, strict=True)
        return {
            "id": self.id,
            "time": self.time,
            "p_value": self.p_value,
            "score": self.score,
            "columns": [
                {"name": name, "share": share, "value": value} for (name, share), value in causes
            ],
        }


def outlying(
    rows: Rows, ids: Sequence[str], times: Floats, reference: Reference, *, limit: int
) -> list[OutlyingRow]:
    """The rows with the least p-values, at most `limit`, the least first."""
    derived, _ = reference.derivations.derive(rows, times=times)
    placed = reference.placed(derived)
    p_values = reference.scores(placed)[OUTLIER]
    far_out = np.flatnonzero(p_values <= LARGEST_P_VALUE).tolist()
    kept = heapq.nsmallest(limit, far_out, key=lambda i: (p_values[i], ids[i]))
    if not kept:
        return []
    few = placed.at(np.array(kept))
    scores, terms = reference.outlier.score(few), reference.outlier.contributions(few)
    names = [column.field.name for column in reference.declared]
    found = []
    for at, i in enumerate(kept):
        shares = _shares(terms[at], names)
        found.append(
            OutlyingRow(
                p_value=float(p_values[i]),
                id=ids[i],
                time=float(times[i]),
                score=float(scores[at]),
                columns=tuple(shares.items()),
                values=tuple(_value(few.rows, name, at) for name in shares),
            )
        )
    return found


def least(
    known: Sequence[OutlyingRow], more: Sequence[OutlyingRow], limit: int
) -> list[OutlyingRow]:
    """The least of both."""
    return heapq.nsmallest(limit, [*known, *more])


def message_of(
    segment: Segment, rows: Sequence[OutlyingRow], topic: str, n_partitions: int
) -> Message:
    """What the topic says of a segment; a later version of it replaces this one."""
    body = {
        "monitor": segment.monitor,
        "reference_id": segment.reference_id,
        "pane": {"start": segment.pane_start, "seconds": segment.pane_s},
        "rows": [row.to_json() for row in rows],
    }
    return Message(
        topic,
        segment.key,
        orjson.dumps(body),
        [(Header.SEGMENT.value, segment.to_bytes())],
        partition_for(segment.monitor, n_partitions),
    )


def _shares(terms: Floats, names: Sequence[str]) -> Mapping[str, float]:
    """Of what a row scores: the columns that add most to it."""
    positive = np.maximum(terms, 0.0)
    total = float(positive.sum())
    strongest = np.argsort(-positive, kind="stable")[:N_COLUMNS].tolist()
    return {names[i]: float(positive[i]) / total for i in strongest if positive[i] > 0}


def _value(rows: Rows, name: str, at: int) -> float | str | None:
    column = rows.columns.get(name)
    if column is None:
        return None
    if isinstance(column, Coded):
        code = int(column.codes[at])
        return None if code < 0 else column.levels[code]
    value = float(column[at])
    return value if np.isfinite(value) else str(value) if np.isinf(value) else None
