"""Profiles of segments: the rows that have one value of a chosen column, counted apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.bins import CategoryColumn
from detectors.columns import Coded, Floats, Rows, rows_at
from detectors.profile import Profile, count, stack, unstack
from detectors.profile.profiles import largest_bytes
from detectors.reference import Reference

LARGEST_N_VALUES = 20
"""Of one column; the reference's commonest."""

LARGEST_N_SEGMENTS = 1_000


class Segment(NamedTuple):
    """The rows in which a column has a value; None is all its other values, and none."""

    column: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Segments:
    """Profiles of segments that hold rows; `a + b` is what both saw.

    Each column is split for itself, so the profiles of one column's segments add up to the whole.
    """

    profiles: Mapping[Segment, Profile]

    def __add__(self, other: "Segments") -> "Segments":
        total = dict(self.profiles)
        for segment, profile in other.profiles.items():
            total[segment] = total[segment] + profile if segment in total else profile
        return Segments(total)

    def to_bytes(self) -> bytes:
        """The same segments give the same bytes; there must be at least one."""
        ordered = sorted(self.profiles, key=lambda s: (s.column, s.value is None, s.value or ""))
        stacked = stack([self.profiles[segment] for segment in ordered])
        reference_id = self.profiles[ordered[0]].reference_id
        meta = {"reference": reference_id, "segments": ordered, **stacked.meta}
        return pack("segments", Artifact(meta, stacked.arrays))

    @staticmethod
    def from_bytes(content: bytes, reference: Reference) -> "Segments":
        """Raises ArtifactError where the bytes are not sound segments of this reference."""
        limit = LARGEST_N_SEGMENTS * largest_bytes(reference)
        artifact = unpack("segments", content, largest_bytes=limit)
        if artifact.meta.get("reference") != reference.id:
            raise ArtifactError(f"segments of {artifact.meta.get('reference')}")
        try:
            segments = [_read(*pair) for pair in artifact.meta["segments"]]
            pairs = zip(segments, unstack(artifact, reference), strict=True)
            return Segments(dict(pairs))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"damaged segments: {error}") from error


def count_segments(
    rows: Rows,
    reference: Reference,
    columns: Sequence[str],
    *,
    times: Floats | None = None,
    ids: Sequence[str] | None = None,
    n_values: int = LARGEST_N_VALUES,
) -> Segments:
    """The profile of every segment of the category and boolean columns that are named.

    n_values: so many values of a column have a segment; the others share one. For times and ids
    see `count`. Raises ValueError naming a column that has no categories.
    """
    return Segments(
        {
            segment: count(
                rows_at(rows, where),
                reference,
                times=None if times is None else times[where],
                ids=None if ids is None else [ids[i] for i in where],
            )
            for column in columns
            for segment, where in _split(rows, reference, column, n_values)
        }
    )


def _split(
    rows: Rows, reference: Reference, name: str, n_values: int
) -> Iterator[tuple[Segment, NDArray[np.intp]]]:
    """The segments that hold rows, and which."""
    levels = {c.field.name: c.levels for c in reference.declared if isinstance(c, CategoryColumn)}
    if name not in levels:
        raise ValueError(f"column {name!r} has no categories to split rows by")
    values = levels[name][:n_values]
    segment_of = {value: i for i, value in enumerate(values)}
    coded = rows.columns.get(name)
    of_row = np.full(rows.n, len(values))
    if isinstance(coded, Coded):
        of_level = [segment_of.get(level, len(values)) for level in coded.levels]
        of_row = np.array([*of_level, len(values)])[coded.codes]  # code -1 takes the last
    for i, value in enumerate([*values, None]):
        where = np.flatnonzero(of_row == i)
        if len(where):
            yield Segment(name, value), where


def _read(column: object, value: object) -> Segment:
    if isinstance(column, str) and (value is None or isinstance(value, str)):
        return Segment(column, value)
    raise ValueError(f"a segment of {column!r} and {value!r}")
