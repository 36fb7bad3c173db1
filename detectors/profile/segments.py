"""Segments: the rows that have one value of a chosen column."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import CategoryColumn, ReferenceColumn
from detectors.columns import Coded, Rows

LARGEST_N_VALUES = 20
"""Of one column; the reference's commonest."""


class Segment(NamedTuple):
    """The rows in which a column has a value; None is all its other values, and none."""

    column: str
    value: str | None


def segments_of(
    columns: Sequence[ReferenceColumn], names: Sequence[str], *, n_values: int = LARGEST_N_VALUES
) -> tuple[Segment, ...]:
    """The segments of the category and boolean columns that are named.

    Each column splits all rows for itself, so its segments add up to the whole.
    n_values: so many values of a column have a segment; the others share one.
    Raises ValueError naming a column that has no categories.
    """
    levels = {c.field.name: c.levels for c in columns if isinstance(c, CategoryColumn)}
    if without := [name for name in names if name not in levels]:
        raise ValueError(f"column {without[0]!r} has no categories to split rows by")
    return tuple(
        Segment(name, value)
        for name in dict.fromkeys(names)
        for value in (*levels[name][:n_values], None)
    )


def split(rows: Rows, segments: Sequence[Segment]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """The positions of the segments that hold rows, and which rows."""
    for name in dict.fromkeys(segment.column for segment in segments):
        own = [i for i, segment in enumerate(segments) if segment.column == name]
        position = {segments[i].value: i for i in own}
        of_row = np.full(rows.n, position[None])
        coded = rows.columns.get(name)
        if isinstance(coded, Coded):
            of_level = [position.get(level, position[None]) for level in coded.levels]
            of_row = np.array([*of_level, position[None]])[coded.codes]  # code -1 takes the last
        for i in own:
            where = np.flatnonzero(of_row == i)
            if len(where):
                yield i, where


def read_segments(pairs: Sequence[Sequence[object]]) -> tuple[Segment, ...]:
    """What `Segment`s became as JSON; raises ValueError for anything else."""
    return tuple(_read(*pair) for pair in pairs)


def _read(column: object, value: object = 0) -> Segment:
    if isinstance(column, str) and isinstance(value, str | None):
        return Segment(column, value)
    raise ValueError(f"no segment: {column!r}, {value!r}")
