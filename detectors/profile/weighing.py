"""Rows that stand for others: a sample whose rows were not all as likely to be in it.

Every row counts as often as its weight says, so the shares in a profile are on average those of
all rows, sampled or not (Horvitz and Thompson: A generalization of sampling without replacement
from a finite universe. Journal of the American Statistical Association 47, 1952). But rows that
count sixteen times are not sixteen rows to learn from: before anything is decided, a profile is
`evened` to as many rows as tell as much (Kish: Weighting for unequal P. Journal of Official
Statistics 8, 1992).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.columns import Counts
from detectors.labels import Task
from detectors.profile.profiles import ERROR, Profile
from detectors.target import Target

if TYPE_CHECKING:
    from detectors.reference import Reference


def weighed(profile: Profile, weight: int, *, one_in: int = 1) -> Profile:
    """The profile where each of its rows, which weigh 1, weighs `weight` instead.

    one_in: of how many predictions one was sampled, beside that.
    """
    if weight == one_in == 1:
        return profile
    n_counted = int(profile.census[0])
    census = [n_counted, weight**2 * n_counted, weight * one_in * n_counted]
    return replace(
        profile,
        n=weight * profile.n,
        counts=weight * profile.counts,
        outcomes=weight * profile.outcomes,
        census=np.array([*census, weight * int(profile.census[3])], dtype=np.int64),
        sums=weight * profile.sums,
        pairs=weight * profile.pairs,
        faults=weight * profile.faults,
        vectors=weight * profile.vectors,
        delays=weight * profile.delays,
    )


def evened(profile: Profile, reference: "Reference") -> Profile:
    """The profile with as many rows as tell as much, (sum of weights)² / sum of squares, of which
    each weighs 1. Its shares and means are the same, but for the rounding to whole rows.
    """
    _, squares, n_seen, n_with_new = profile.census.tolist()
    if squares == profile.n:
        return profile
    n = profile.n**2 // squares
    factor = n / profile.n
    outcomes = _evened_outcomes(profile.outcomes, factor, reference.target)
    return replace(
        profile,
        n=n,
        counts=_evened_counts(profile.counts, factor, n, int(outcomes[:1].sum()), reference),
        outcomes=outcomes,
        census=np.array([n, n, n_seen, min(round(n_with_new * factor), n)]),
        sums=_scaled(profile.sums, factor),
        pairs=_scaled(profile.pairs, factor),
        faults=_scaled(profile.faults, factor),
        vectors=_scaled(profile.vectors, factor),
        delays=_scaled(profile.delays, factor),
    )


def _scaled(values: Counts, factor: float) -> Counts:
    scaled: Counts = np.rint(values * factor).astype(np.int64)
    return scaled


def _evened_counts(
    counts: Counts, factor: float, n: int, n_labelled: int, reference: "Reference"
) -> Counts:
    """Of every column as many as there are rows, of the column of errors as there are labels."""
    totals = [n_labelled if column.field.name == ERROR else n for column in reference.columns]
    parts = [reference.part(counts, i) for i in range(len(totals))]
    return np.concatenate([_apportioned(*both, factor) for both in zip(parts, totals, strict=True)])


def _apportioned(counts: Counts, total: int, factor: float) -> Counts:
    """Whole numbers next to the counts times the factor, which sum to `total`, as they nearly do:
    the largest remainders are rounded up.
    """
    shares = counts * factor
    whole: Counts = np.floor(shares).astype(np.int64)
    order = np.argsort(whole - shares, kind="stable")
    whole[order[: max(total - int(whole.sum()), 0)]] += 1
    return whole


def _evened_outcomes(outcomes: Counts, factor: float, target: Target | None) -> Counts:
    if target is None:
        return outcomes
    parts = {name: _scaled(target.part(outcomes, name), factor) for name in target.shapes}
    if target.task is Task.REGRESSION:
        halves = target.part(outcomes, "moments")
        totals = [round(((int(high) << 32) + int(low)) * factor) for high, low in halves]
        parts["moments"] = np.array([[t >> 32, t & 0xFFFFFFFF] for t in totals], dtype=np.int64)
    else:
        n, n_correct = parts["labelled"].tolist()
        parts["labelled"] = np.array([n, min(n_correct, n)])
        parts["confusion"] = _apportioned(target.part(outcomes, "confusion").ravel(), n, factor)
    return target.vector(parts)
