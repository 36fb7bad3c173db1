"""What is wrong with the data themselves: values that are missing, new, impossible or repeated."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST_BIN, MISSING, NEG_INF, UNSEEN, NumericColumn
from detectors.columns import Counts, Floats
from detectors.profile import RESOLUTION, Profile
from detectors.reference import Reference
from detectors.report import Fault, QualityIssue, QualityReport

Z = 3.0
"""A share is beyond the reference's if their intervals of so many standard errors part."""

RARELY = 1e-3
"""A column is constant beyond chance if so few windows of its reference would be."""


def quality(profile: Profile, reference: Reference) -> QualityReport:
    """Every fault that the window has, those beyond what the reference shows first.

    A share is beyond it where its interval (Wilson's) lies above that of the whole reference and
    above the share of every one of the reference's windows. This is for reading: what decides
    whether there is drift are shares of missing and of unseen values too, by the budget.
    """
    issues = [
        *_share_issues(profile, reference),
        *_uncounted(profile, reference),
        *_new_columns(profile, reference),
        *_constants(profile, reference),
    ]
    issues.sort(key=lambda one: (not one.beyond, -one.share, one.column or "", one.fault))
    return QualityReport(n_rows=profile.n, issues=tuple(issues))


_OF_COUNTS = (Fault.MISSING, Fault.UNSEEN, Fault.OUT_OF_RANGE)


def _share_issues(profile: Profile, reference: Reference) -> Iterator[QualityIssue]:
    names = [column.field.name for column in reference.declared]
    slots = _slots_of_faults(reference)
    here, whole = _faults(profile, slots), _faults(reference.profile, slots)
    windows = _windows_like(profile, reference)
    highest = np.max([_faults(one, slots) / max(one.n, 1) for one in windows], axis=0)
    limit = np.maximum(highest, _wilson(whole, reference.profile.n)[1])
    beyond = _wilson(here, profile.n)[0] > limit
    for fault, column in zip(*np.nonzero(here), strict=True):
        yield QualityIssue(
            fault=_OF_COUNTS[fault],
            column=names[column],
            n=int(here[fault, column]),
            share=float(here[fault, column]) / max(profile.n, 1),
            reference=float(whole[fault, column]) / max(reference.profile.n, 1),
            beyond=bool(beyond[fault, column]),
        )


def _slots_of_faults(reference: Reference) -> NDArray[np.intp]:
    """(4, 3, declared columns) slots whose sum counts missing, unseen and out of range; -1, which
    counts nothing, where there are fewer."""
    slots = np.full((4, len(_OF_COUNTS), len(reference.declared)), -1, dtype=np.intp)
    for i, (column, first) in enumerate(zip(reference.declared, reference.offsets, strict=False)):
        slots[0, 0, i] = first + MISSING
        if isinstance(column, NumericColumn):
            slots[:, 2, i] = range(first + NEG_INF, first + FIRST_BIN)
        else:
            slots[0, 1, i] = first + UNSEEN
    return slots


def _faults(profile: Profile, slots: NDArray[np.intp]) -> Counts:
    """(3, declared columns) how many values are missing, unseen and out of range."""
    counts: Counts = np.append(profile.counts, 0)[slots].sum(axis=0)
    return counts


def _uncounted(profile: Profile, reference: Reference) -> Iterator[QualityIssue]:
    """Faults that the reference has none of: values of another type, and repeated ids."""
    names = [*(column.field.name for column in reference.declared), None]
    limit = _wilson(np.zeros(1), reference.profile.n)[1]
    beyond = _wilson(profile.faults, profile.n)[0] > limit
    for i in np.flatnonzero(profile.faults).tolist():
        n, name = int(profile.faults[i]), names[i]
        yield QualityIssue(
            fault=Fault.DUPLICATE_IDS if name is None else Fault.TYPE_MISMATCH,
            column=name,
            n=n,
            share=min(n / max(profile.n, 1), 1.0),
            reference=0.0,
            beyond=bool(beyond[i]),
        )


def _new_columns(profile: Profile, reference: Reference) -> Iterator[QualityIssue]:
    n = profile.census[3:]
    if n.any():
        limit = _wilson(np.zeros(1), reference.profile.n)[1]
        yield QualityIssue(
            fault=Fault.NEW_COLUMNS,
            column=None,
            n=int(n[0]),
            share=min(int(n[0]) / max(profile.n, 1), 1.0),
            reference=0.0,
            beyond=bool((_wilson(n, profile.n)[0] > limit)[0]),
        )


def _constants(profile: Profile, reference: Reference) -> Iterator[QualityIssue]:
    """Columns of which every value of the window is one, and the reference's are not."""
    here, known = _present(profile, reference), _present(reference.profile, reference)
    for i in np.flatnonzero((here.n_slots == 1) & (known.n_slots > 1) & (here.n > 1)).tolist():
        n, chance = int(here.n[i]), float(known.commonest[i] / known.n[i]) ** int(here.n[i])
        if _stands_still(profile, reference, i, n):
            yield QualityIssue(
                fault=Fault.CONSTANT,
                column=reference.declared[i].field.name,
                n=n,
                share=n / max(profile.n, 1),
                reference=chance,
                beyond=chance < RARELY,
            )


@dataclass(frozen=True, slots=True)
class _Present:
    """Of every declared column: values that are not missing, how many slots hold them, and how
    many the fullest of those holds."""

    n: Counts
    n_slots: Counts
    commonest: Counts


def _present(profile: Profile, reference: Reference) -> _Present:
    starts = np.array(reference.offsets[: len(reference.declared)])
    counts = profile.counts[: reference.offsets[len(reference.declared)]].copy()
    counts[starts + MISSING] = 0
    return _Present(
        np.add.reduceat(counts, starts),
        np.add.reduceat(np.sign(counts), starts),
        np.maximum.reduceat(counts, starts),
    )


def _stands_still(profile: Profile, reference: Reference, index: int, n: int) -> bool:
    """Whether values that share a slot are one, to a hundredth of a standard deviation."""
    if not isinstance(reference.columns[index], NumericColumn):
        return True
    mean, square = profile.sums[reference.numeric.index(index)] / RESOLUTION / n
    return bool(square - mean**2 < 1e-4 + 1 / RESOLUTION[1])


def _windows_like(profile: Profile, reference: Reference) -> Sequence[Profile]:
    """The reference's windows whose rows are about as many."""
    choices = [windows for windows in reference.windows.values() if windows]
    if not choices:
        return [reference.profile]
    n = np.log1p([sum(one.n for one in windows) / len(windows) for windows in choices])
    return choices[int(np.argmin(np.abs(n - math.log1p(profile.n))))]


def _wilson(k: Counts | Floats, n: int) -> tuple[Floats, Floats]:
    """Limits of the shares k of n at `Z` standard errors; 0 and 1 without rows."""
    if n == 0:
        return np.zeros(k.shape), np.ones(k.shape)
    share, z2 = np.minimum(k / n, 1.0), Z**2 / n
    centre = share + z2 / 2
    margin = Z * np.sqrt(share * (1 - share) / n + z2 / (4 * n))
    low: Floats = (centre - margin) / (1 + z2)
    high: Floats = (centre + margin) / (1 + z2)
    return low, high
