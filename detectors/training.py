"""What a reference is fitted on: rows with their times and labels, and the windows among them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.bins import ReferenceColumn
from detectors.columns import Column, Field, Floats, Rows, rows_at, values_at
from detectors.derived import Derivations
from detectors.labels import loss
from detectors.output import Output
from detectors.profile import Profile, count, count_labels
from detectors.profile.sample import Sample, SampleLimits
from detectors.profile.segments import Segment, segments_of, split
from detectors.schema import (
    ReferenceError,  # noqa: A004  # the other one is about weak references
    check_derived,
)
from detectors.scorers.outlier import Outlier
from detectors.scorers.placed import PlacedRows
from detectors.target import Target

if TYPE_CHECKING:
    from detectors.reference import Reference

LARGEST_N_WINDOWS = 600
"""More than three weeks of hours, so that a weekly season is seen three times."""

LARGEST_WINDOW_COUNTS = 1 << 26
"""Over all windows of one length: where columns are thousands, fewer windows are kept."""


OWN_SAMPLE = SampleLimits(rows=5_000, size_bytes=1 << 21)
"""Of the reference's own sample."""


@dataclass(frozen=True, slots=True)
class ReferenceData:
    """What a reference is fitted on."""

    rows: Rows
    times: Floats | None
    target: Target | None
    label: Column | None

    @property
    def losses(self) -> Floats:
        """(rows,) NaN where there is no prediction or no label."""
        if self.target is None or self.label is None:
            return np.full(self.rows.n, np.nan)
        return loss(self.rows.columns[self.target.prediction], self.label)

    @property
    def n_losses(self) -> int:
        return int(np.count_nonzero(np.isfinite(self.losses)))

    def at(self, where: NDArray[np.intp]) -> "ReferenceData":
        return ReferenceData(
            rows_at(self.rows, where),
            None if self.times is None else self.times[where],
            self.target,
            None if self.label is None else values_at(self.label, where),
        )

    def profile(self, reference: "Reference") -> Profile:
        profile = count(self.rows, reference, times=self.times)
        if self.target is None or self.label is None:
            return profile
        columns = self.rows.columns
        predicted = columns[self.target.prediction]
        return profile + count_labels(predicted, self.label, reference, beside=columns)


def window_profiles(
    data: ReferenceData, length_s: float, reference: "Reference"
) -> tuple[Profile, ...]:
    """Profiles of the latest windows that hold rows; the whole profile without two of them."""
    if not 0 < length_s < math.inf:
        raise ReferenceError(f"a window of {length_s} s")
    windows = [] if data.times is None else _rows_of_windows(data.times, length_s)
    if len(windows) < 2:
        return (data.profile(reference),)
    n_kept = min(
        LARGEST_N_WINDOWS,
        max(2, LARGEST_WINDOW_COUNTS // (reference.n_slots + reference.n_outcomes)),
    )
    return tuple(data.at(where).profile(reference) for where in windows[-n_kept:])


def segment_profiles(
    data: ReferenceData, segments: Sequence[Segment], reference: "Reference"
) -> tuple[Profile, ...]:
    """The profile of every segment, an empty one of those without rows."""
    where = dict(split(data.rows, segments))
    nothing = np.empty(0, dtype=np.intp)
    return tuple(data.at(where.get(i, nothing)).profile(reference) for i in range(len(segments)))


def _rows_of_windows(times: Floats, length_s: float) -> list[NDArray[np.intp]]:
    """The rows of every window that has any, in time order; a row without a time is in none."""
    known = np.flatnonzero(np.isfinite(times))
    window = np.floor(times[known] / length_s)
    order = np.argsort(window, kind="stable")
    return np.split(known[order], np.flatnonzero(np.diff(window[order])) + 1)


def fit_derivations(
    rows: Rows, schema: Sequence[Field], times: Floats | None, rng: np.random.Generator
) -> Derivations:
    """Raises ReferenceError where a column does not hold what its field says, or its name clashes
    with that of a derived one.
    """
    try:
        derivations = Derivations.fit(rows, schema, times=times, rng=rng)
    except ValueError as error:
        raise ReferenceError(str(error)) from error
    check_derived(derivations)
    return derivations


def fit_outlier(
    rows: PlacedRows, declared: Sequence[ReferenceColumn], scorer: str, rng: np.random.Generator
) -> Outlier:
    try:
        return Outlier.fit(rows, declared, name=scorer, rng=rng)
    except (ImportError, ValueError) as error:
        raise ReferenceError(f"outliers cannot be scored by {scorer!r}: {error}") from error


def fit_target(output: Output, rows: Rows, schema: Sequence[Field], label: Column | None) -> Target:
    declared = {field.name: rows.columns[field.name] for field in schema}
    return Target.fit(output, Rows(declared, rows.n), label)


def fit_sample(rows: Rows, columns: Sequence[ReferenceColumn], rng: np.random.Generator) -> Sample:
    """Drawn at random, whatever the rows are like."""
    keys = rng.permutation(rows.n).astype(np.uint32)
    return Sample.of(rows, keys, columns, OWN_SAMPLE.n_rows(columns))


def fit_segments(reference: "Reference", names: Sequence[str]) -> tuple[Segment, ...]:
    """Of columns that rows come with, not of those derived of them."""
    given = {field.name for field in reference.schema}
    try:
        return segments_of([c for c in reference.declared if c.field.name in given], names)
    except ValueError as error:
        raise ReferenceError(str(error)) from error
