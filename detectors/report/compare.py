"""The report of a window: its profile beside the reference's, column by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from detectors.bins import MISSING, UNSEEN, CategoryColumn, NumericColumn, ReferenceColumn
from detectors.columns import Counts
from detectors.decision import ColumnDecision, Decision
from detectors.decision.performance import UsualPerformance, beside
from detectors.performance import expected, fairness, realised, serving
from detectors.profile import RESOLUTION, Profile, mean
from detectors.reference import Reference
from detectors.report import ColumnReport, Shift, Summary, Verdict, WindowReport
from detectors.report.distribution import distribution, quantiles
from detectors.report.effects import statistics
from detectors.report.explanation import explain
from detectors.report.intervals import intervals
from detectors.report.outliers import outliers
from detectors.report.quality import quality
from detectors.statistics import (
    Moments,
    variance_ratio_of_moments,
    welch_mean_shift_of_moments,
)
from detectors.vectors.effects import vector_statistics

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_SHARES = 10
"""Levels named in a summary."""

N_WITH_INTERVALS = 20
"""Columns, a few milliseconds each."""

_NO_DECISION = ColumnDecision(p_value=None, evidence_share=0.0, named=False)
_NOTHING_LEARNED = UsualPerformance()


def report(
    reference: Reference,
    profile: Profile,
    decision: Decision,
    *,
    outlier_rate: float = 0.1,
    importance: Mapping[str, float] | None = None,
    usual: UsualPerformance = _NOTHING_LEARNED,
) -> WindowReport:
    """Everything that a window's profile says, with what was decided of it.

    outlier_rate: the false discovery rate among the rows that count as outliers.
    importance: of columns to the model, for the explanation.
    usual: how the model's performance moves from window to window of the reference.

    Made from the profile alone, so that it can be made again when labels arrive: the decision
    of a window stands. Columns come strongest first. A column of which the window has no value
    because it comes with the labels is left out until they are there.
    """
    foreseen = beside(usual.expected, expected(profile, reference))
    found = beside(usual.realised, realised(profile, reference))
    explanation = explain(
        reference, profile, decision, expected=foreseen, realised=found, importance=importance
    )
    is_explained = decision.verdict is Verdict.DRIFT or explanation.shift is Shift.CONCEPT
    return WindowReport(
        n_rows=profile.n,
        verdict=decision.verdict,
        reason=decision.reason,
        p_value=decision.p_value,
        evidence=decision.evidence,
        threshold=decision.threshold,
        provisional=decision.provisional,
        caution=decision.caution,
        columns=_with_intervals(
            reference, profile, sorted(_columns(reference, profile, decision), key=_strength)
        ),
        outliers=outliers(profile, reference, false_discovery_rate=outlier_rate),
        expected=foreseen,
        realised=found,
        fairness=fairness(profile, reference),
        quality=quality(profile, reference),
        n_seen=n_seen if (n_seen := int(profile.census[2])) > profile.n else None,
        explanation=explanation if is_explained else None,
        serving=serving(profile.served),
    )


def _columns(reference: Reference, profile: Profile, decision: Decision) -> Iterator[ColumnReport]:
    of_vectors = _statistics_of_vectors(reference, profile)
    for i, column in enumerate(reference.columns):
        if profile.n == 0 or reference.part(profile.counts, i).any():
            yield _column_report(
                reference,
                profile,
                i,
                decision.columns.get(column.field.name, _NO_DECISION),
                of_vectors.get(column.field.name, {}),
            )


def _with_intervals(
    reference: Reference, profile: Profile, columns: Sequence[ColumnReport]
) -> tuple[ColumnReport, ...]:
    """Of the strongest column, and of those named after it."""
    chosen = islice((i for i, c in enumerate(columns) if c.named or i == 0), N_WITH_INTERVALS)
    told = {i: _intervals(reference, profile, columns[i]) for i in chosen}
    return tuple(replace(c, intervals=told.get(i, {})) for i, c in enumerate(columns))


def _intervals(
    reference: Reference, profile: Profile, column: ColumnReport
) -> Mapping[str, tuple[float, float]]:
    index = reference.index(column.name)
    known, seen = (reference.part(p.counts, index) for p in (reference.profile, profile))
    return intervals(reference.columns[index], known, seen, column.statistics)


def _strength(column: ColumnReport) -> tuple[bool, float, float, str]:
    p_value = 2.0 if column.p_value is None else column.p_value
    return (not column.named, p_value, -(column.effect or 0.0), column.name)


def _column_report(
    reference: Reference,
    profile: Profile,
    index: int,
    decision: ColumnDecision,
    of_vector: Mapping[str, float],
) -> ColumnReport:
    """of_vector: statistics of the whole vector of which this column stands for the length."""
    column = reference.columns[index]
    known = reference.part(reference.profile.counts, index)
    seen = reference.part(profile.counts, index)
    values = _statistics(reference, profile, index)
    numeric = isinstance(column, NumericColumn)
    return ColumnReport(
        name=column.field.name,
        type=column.field.type,
        role=column.field.role,
        reference=_summary(reference, reference.profile, index),
        current=_summary(reference, profile, index),
        unseen=0.0 if numeric else float(seen[UNSEEN]) / max(int(seen.sum()), 1),
        statistics={**values, **of_vector},
        effect=values.get("wasserstein_sd" if numeric else "total_variation"),
        effect_unit="sd" if numeric else "share",
        p_value=decision.p_value,
        evidence_share=decision.evidence_share,
        named=decision.named,
        distribution=distribution(column, known, seen),
    )


def _statistics_of_vectors(
    reference: Reference, profile: Profile
) -> Mapping[str, Mapping[str, float]]:
    """By the name of the column of the vectors' lengths, which each vector column has."""
    before = reference.derivations.vectors(reference.profile.vectors)
    now = reference.derivations.vectors(profile.vectors)
    return {
        step.fields[0].name: vector_statistics(step.embedding, sums, now[name][1])
        for name, (step, sums) in before.items()
    }


def _statistics(reference: Reference, profile: Profile, index: int) -> Mapping[str, float]:
    """The column's statistics; the Wasserstein distance is at least the means' difference,
    which alone knows how far beyond the reference's range a value lies.
    """
    column = reference.columns[index]
    known = reference.part(reference.profile.counts, index)
    values = statistics(column, known, reference.part(profile.counts, index))
    if "wasserstein_sd" not in values or not isinstance(column, NumericColumn):
        return values
    values = {**values, **_of_moments(reference, profile, index)}
    before = mean(reference.profile, reference, column.field.name)
    now = mean(profile, reference, column.field.name)
    if before is None or now is None:
        return values
    in_sd = max(values["wasserstein_sd"], abs(now / column.scale - before / column.scale))
    told = {**values, "wasserstein": in_sd * column.scale, "wasserstein_sd": in_sd}
    return {name: value for name, value in told.items() if np.isfinite(value)}


def _of_moments(reference: Reference, profile: Profile, index: int) -> Mapping[str, float]:
    """What compares means and variances, from the sums of the values rather than their bins."""
    before = _moments(reference, reference.profile, index)
    now = _moments(reference, profile, index)
    values = {
        "welch_mean_shift": float(welch_mean_shift_of_moments(before, now)),
        "variance_ratio": float(variance_ratio_of_moments(before, now)),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _moments(reference: Reference, profile: Profile, index: int) -> Moments:
    """Of a numeric column's finite values, in the column's units from the reference's mean."""
    column = reference.columns[index]
    n = float(column.ordered(reference.part(profile.counts, index))[1:-1].sum())
    z, squares = profile.sums[reference.numeric.index(index)] / RESOLUTION / max(n, 1)
    variance = max(squares - z**2, 0.0) * n / (n - 1) if n > 1 else np.nan
    return Moments(n=np.asarray(n), mean=np.asarray(z), variance=np.asarray(variance))


def _summary(reference: Reference, profile: Profile, index: int) -> Summary:
    column, counts = reference.columns[index], reference.part(profile.counts, index)
    n = int(counts.sum())
    missing = float(counts[MISSING]) / max(n, 1)
    if isinstance(column, CategoryColumn):
        return Summary(n=n, missing=missing, shares=_commonest(column, counts))
    return Summary(
        n=n,
        missing=missing,
        mean=mean(profile, reference, column.field.name),
        quantiles=_quantiles(column, counts),
    )


def _quantiles(column: NumericColumn, counts: Counts) -> Mapping[str, float] | None:
    found = quantiles(column, counts, np.array(QUANTILES))
    if np.isnan(found).any():
        return None
    return {f"{p:g}": float(value) for p, value in zip(QUANTILES, found, strict=True)}


def _commonest(column: ReferenceColumn, counts: Counts) -> Mapping[str, float] | None:
    assert isinstance(column, CategoryColumn)
    present = column.ordered(counts)
    total = int(present.sum())
    if total == 0:
        return None
    names = ["unseen", "other", *column.levels]
    order = np.argsort(-present, kind="stable")[:N_SHARES]
    return {names[i]: float(present[i]) / total for i in order if present[i] > 0}
