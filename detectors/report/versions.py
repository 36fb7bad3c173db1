"""The versions of a model that answered in one window, each beside the reference and the others.

Versions share a window, and so what makes its day unlike others. Where chance decides which of
them answers, their rows are two samples of one law unless the versions differ: here, other than
beside the reference, the row is the sampling unit.
"""

from collections.abc import Callable, Mapping

import numpy as np

from detectors.bins import MISSING, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats
from detectors.decision import Decision
from detectors.decision.fdr import benjamini_hochberg
from detectors.performance import expected, realised
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report.effects import statistics
from detectors.report.window import Verdict, VersionDifference, VersionReport
from detectors.statistics import (
    chi_squared,
    chi_squared_p_value,
    degrees_of_freedom,
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
    two_proportion,
    two_proportion_p_value,
)

NAMING_RATE = 0.01
"""False discovery rate among the columns that are said to differ between two versions."""

MOST_VERSIONS = 8
"""Told of one window, those with the most rows."""


def versions(
    reference: Reference, profiles: Mapping[str, Profile], alone: Callable[[Profile], Decision]
) -> tuple[VersionReport, ...]:
    """Every version that answered in a window, the one with the most rows first.

    profiles: of the window's rows, by version. alone: decides a profile without what came before.
    All others are compared with the first, column by column. Of one version alone nothing is said
    but that it answered: what the window says is about it.
    """
    present = [(name, profile) for name, profile in profiles.items() if profile.n > 0]
    ranked = sorted(present, key=lambda one: (-one[1].n, one[0]))[:MOST_VERSIONS]
    if len(ranked) < 2:
        return tuple(VersionReport(version=name, n_rows=profile.n) for name, profile in ranked)
    first = ranked[0][1]
    return tuple(
        _report(reference, name, profile, alone(profile), None if i == 0 else first)
        for i, (name, profile) in enumerate(ranked)
    )


def _report(
    reference: Reference, name: str, profile: Profile, decision: Decision, first: Profile | None
) -> VersionReport:
    named = [column for column, said in decision.columns.items() if said.named]
    is_drift = decision.verdict is Verdict.DRIFT
    return VersionReport(
        version=name,
        n_rows=profile.n,
        verdict=decision.verdict,
        reason=decision.reason,
        p_value=decision.p_value,
        columns=tuple(named) if is_drift else (),
        expected=expected(profile, reference),
        realised=realised(profile, reference),
        differences=() if first is None else _differences(reference, first, profile),
    )


def _differences(
    reference: Reference, first: Profile, other: Profile
) -> tuple[VersionDifference, ...]:
    """Every column of which both have values, the surest difference first."""
    found = []
    for i, column in enumerate(reference.columns):
        a, b = reference.part(first.counts, i), reference.part(other.counts, i)
        if not (a.any() and b.any()):
            continue
        effects = statistics(column, a, b)
        is_number = isinstance(column, NumericColumn)
        effect = effects.get("wasserstein_sd" if is_number else "total_variation")
        found.append((column.field.name, effect, column_p_value(reference, i, a, b)))
    adjusted = benjamini_hochberg([p for _, _, p in found])
    told = [
        VersionDifference(name=name, effect=effect, p_value=float(p), named=bool(p <= NAMING_RATE))
        for (name, effect, _), p in zip(found, adjusted, strict=True)
        if np.isfinite(p)
    ]
    return tuple(sorted(told, key=lambda one: (one.p_value, -(one.effect or 0.0), one.name)))


def column_p_value(reference: Reference, index: int, a: Counts, b: Counts) -> float:
    """Of the values, by Kolmogorov-Smirnov or χ², and of the missing share: the lesser, doubled."""
    return float(either(p_values(reference.columns[index], a, b)))


def p_values(column: ReferenceColumn, a: Counts, b: Counts) -> Floats:
    """Of the values and of the missing share of two stacks of counts, (..., slots) -> (2, ...)."""
    x, y = column.ordered(a), column.ordered(b)
    if isinstance(column, NumericColumn):
        n_x, n_y = x.sum(axis=-1), y.sum(axis=-1)
        distance = kolmogorov_smirnov(x, y)
        of_values = kolmogorov_smirnov_p_value(distance, n_reference=n_x, n_current=n_y)
    else:
        of_values = chi_squared_p_value(chi_squared(x, y), dof=degrees_of_freedom(x, y))
    is_missing = np.arange(column.n_slots) == MISSING
    of_missing = two_proportion_p_value(two_proportion(a, b, chosen=is_missing))
    return np.stack([of_values, of_missing])


def either(of_two: Floats) -> Floats:
    """The lesser of two p-values, doubled; that of one where the other is NaN. (2, ...) -> (...)"""
    lesser = np.where(np.isnan(of_two), np.inf, of_two).min(axis=0)
    return np.where(np.isinf(lesser), np.nan, np.minimum(1.0, 2 * lesser))
