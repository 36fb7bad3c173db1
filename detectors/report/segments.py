"""Whom a change hits: every segment of a window beside the same segment of the reference.

Here the row is the sampling unit: how the days of a segment differ is not known, so what is said of
a segment raises no alarm.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.bins import MISSING, CategoryColumn, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.decision.fdr import benjamini_hochberg
from detectors.performance import expected, realised
from detectors.profile import Profile, mean
from detectors.reference import Reference
from detectors.report.outliers import outliers
from detectors.report.versions import either, p_values
from detectors.report.window import Performance, SegmentMovement, SegmentReport
from detectors.statistics import shares, total_variation, wasserstein

NAMING_RATE = 0.01
"""False discovery rate among the columns of all segments that are said to differ."""

MOST_MOVED = 3
"""Columns told of one segment."""


def segments(
    reference: Reference, profiles: Sequence[Profile], *, outlier_rate: float = 0.1
) -> tuple[SegmentReport, ...]:
    """Every segment that has rows in the window or in the reference, in the reference's order.

    profiles: of the window's rows, one for each of `reference.segments`.
    outlier_rate: the false discovery rate among the rows that count as outliers.
    """
    both = list(zip(reference.segment_profiles, profiles, strict=True))
    if not both:
        return ()
    surely = _p_values(reference, both).tolist()
    return tuple(
        _report(reference, i, *both[i], surely[i], profiles, outlier_rate)
        for i in range(len(both))
        if both[i][0].n > 0 or both[i][1].n > 0
    )


def _p_values(reference: Reference, both: Sequence[tuple[Profile, Profile]]) -> Floats:
    """(segments, columns) the chance of a declared column's difference; adjusted for all."""
    before, now = (np.stack([pair[side].counts for pair in both]) for side in (0, 1))
    found = np.full((len(both), len(reference.declared)), np.nan)
    for i, column in enumerate(reference.declared):
        a, b = reference.part(before, i), reference.part(now, i)
        split = np.array([segment.column == column.field.name for segment in reference.segments])
        known = np.flatnonzero(a.any(axis=-1) & b.any(axis=-1) & ~split)
        found[known, i] = either(p_values(column, a[known], b[known]))
    return benjamini_hochberg(found.ravel()).reshape(found.shape)


def _report(
    reference: Reference,
    index: int,
    before: Profile,
    now: Profile,
    p: Sequence[float],
    profiles: Sequence[Profile],
    outlier_rate: float,
) -> SegmentReport:
    """p: (declared columns,) of this segment."""
    column, value = reference.segments[index]
    own = replace(reference, profile=before)
    moved = sorted(
        (_movement(own, now, i, p_value) for i, p_value in enumerate(p) if p_value <= NAMING_RATE),
        key=lambda one: (one.p_value, -(one.effect or 0.0), one.name),
    )
    found = outliers(now, reference, false_discovery_rate=outlier_rate) if now.n else None
    return SegmentReport(
        column=column,
        value=value,
        n_rows=now.n,
        share=_share(now, _alike(reference, profiles, column)),
        reference_share=_share(before, _alike(reference, reference.segment_profiles, column)),
        n_moved=len(moved),
        moved=tuple(moved[:MOST_MOVED]),
        n_outliers=None if found is None else found.n_flagged,
        expected=_main(expected(now, own)),
        realised=_main(realised(now, own)),
    )


def _alike(reference: Reference, profiles: Sequence[Profile], column: str) -> Sequence[Profile]:
    """Those of the segments of one column: together they are all rows."""
    return [
        one for one, of in zip(profiles, reference.segments, strict=True) if of.column == column
    ]


def _share(one: Profile, of: Sequence[Profile]) -> float:
    return one.n / max(1, sum(profile.n for profile in of))


def _main(performance: Performance | None) -> Performance | None:
    """The main metric alone: segments are many."""
    if performance is None:
        return None
    return replace(performance, others={}, intervals={}, undefined={})


def _movement(own: Reference, now: Profile, index: int, p_value: float) -> SegmentMovement:
    """own: the reference as if it had the segment's rows alone."""
    column = own.columns[index]
    a, b = own.part(own.profile.counts, index), own.part(now.counts, index)
    of_values, of_missing = p_values(column, a, b)
    if isinstance(column, NumericColumn):
        what, before, after = "mean", *(mean(p, own, column.field.name) for p in (own.profile, now))
        effect, unit = _distance(column, a, b, before, after), "sd"
    else:
        what, before, after = _level(column, a, b)
        effect, unit = _known(total_variation(column.ordered(a), column.ordered(b))), "share"
    if not of_values <= of_missing:
        what, before, after = "missing", *(float(shares(side)[MISSING]) for side in (a, b))
    return SegmentMovement(
        name=column.field.name,
        what=what,
        reference=before,
        current=after,
        effect=effect,
        effect_unit=unit,
        p_value=p_value,
    )


def _distance(
    column: NumericColumn, a: Counts, b: Counts, before: float | None, after: float | None
) -> float | None:
    """At least the means' difference, which alone knows how far beyond the reference's range a
    value lies."""
    if column.scale <= 0:
        return None
    positions = column.positions / column.scale - column.centre / column.scale
    distance = _known(wasserstein(column.ordered(a), column.ordered(b), positions=positions))
    if distance is None or before is None or after is None:
        return distance
    return max(distance, abs(after / column.scale - before / column.scale))


def _level(column: ReferenceColumn, a: Counts, b: Counts) -> tuple[str, float | None, float | None]:
    """The level whose share changed most, and its shares."""
    assert isinstance(column, CategoryColumn)
    before, after = shares(column.ordered(a)), shares(column.ordered(b))
    if np.isnan(before).any() or np.isnan(after).any():
        return "missing", float(shares(a)[MISSING]), float(shares(b)[MISSING])
    names = ["unseen", "other", *column.levels]
    most = int(np.argmax(np.abs(after - before)))
    return f"share of {names[most]!r}", float(before[most]), float(after[most])


def _known(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None
