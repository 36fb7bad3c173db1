"""Whether a window drifted, within a budget of false alarms.

Two rules share the budget b (false alarms per window) in halves. A window alarms at once when
its own p-value is at most b/2. And it alarms when the evidence accumulated over windows reaches
2/b. Both halves are averages or minima over components, valid however these depend on one
another. So the promise is the same for five columns and for five thousand, hourly and daily.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from detectors.columns import Floats
from detectors.decision.budget import Budget
from detectors.decision.evidence import (
    Evidence,
    by_component,
    from_trend,
    gains,
    no_evidence,
    taught,
)
from detectors.decision.expectation import Expectation, Ignored, Surprise
from detectors.decision.fdr import e_benjamini_hochberg
from detectors.decision.floor import EffectFloor, FittedFloor
from detectors.decision.nulls import updated_mean
from detectors.decision.tails import signed
from detectors.decision.verdicts import ColumnDecision, Decision, PairDecision
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Caution, Reason, Verdict

__all__ = ["CEILING", "SETTLED_WINDOWS", "SUSPICION", "ColumnDecision", "Decision", "Detector"]

SETTLED_WINDOWS = 20
"""Windows that a reference needs before its variances can carry accumulated evidence: with
fewer, errors of the estimated variances repeat in every window and add up."""

SUSPICION = 4.0
"""A component's part of the accumulated evidence from which on its windows no longer tell what to
expect of it: a slow change would be learned as it comes. A part, for of many components chance
makes some look suspicious all the time, and the errors of their means would stay."""

CEILING = 10.0
"""Evidence is kept at most this many thresholds high, so that it can come down again."""

NAMING_RATE = 0.1
"""False discovery rate among the columns, and among the pairs, named in a drifting window."""

LARGEST_N_PAIRS = 20
"""Named, of the strongest: a column that has lost its meaning changes with all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What the detector sees in one window.

    p_values: (columns,) of every column that decides; NaN without enough values.
    p_value: of the window. counted: the same, without changes that are below the floor.
    gain: (columns,) e-values of this window alone. after, evidence: with this window. parts:
    (components and groups,) of the evidence, trends apart.
    """

    surprise: Surprise
    ignored: Ignored
    p_values: Floats
    p_value: float
    counted: float
    gain: Floats
    after: Evidence
    parts: Floats
    evidence: float


class Detector:
    """Decides windows of one length against one reference.

    Windows with fewer than `minimum_rows` rows are undecided and leave the evidence as it is;
    so is a component with fewer values. Immutable; what it remembers is in the `Evidence`.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        window_s: float,
        budget: Budget,
        minimum_rows: int = 100,
        ignore_below: EffectFloor | None = None,
        match_by: str | None = None,
    ) -> None:
        self.reference = reference
        self.minimum_rows = minimum_rows
        self._floor = FittedFloor(ignore_below or EffectFloor(), reference)
        self._per_window = budget.per_window(window_s)
        self._expected = Expectation(
            reference, window_s=window_s, minimum_rows=minimum_rows, match_by=match_by
        )
        self._names = [reference.columns[i].field.name for i in self._expected.column_indices]

    @property
    def threshold(self) -> float:
        """The accumulated evidence that alarms."""
        return 2 / self._per_window

    @property
    def caution(self) -> Caution | None:
        """Why the reference has too little to say of how its windows differ, where it has."""
        null = self._expected.null
        if null.n_windows < 2:
            return Caution.ONE_WINDOW
        if null.n_windows < SETTLED_WINDOWS:
            return Caution.FEW_WINDOWS
        return Caution.MEMORY if null.remembers else None

    @property
    def provisional(self) -> bool:
        """Whether accumulated evidence raises no alarm."""
        return self.caution is not None

    def start(self) -> Evidence:
        """No evidence yet."""
        null = self._expected.null
        return no_evidence(self.reference.id, null.mean, null.mean_variance)

    def step(self, evidence: Evidence, profile: Profile) -> tuple[Evidence, Decision]:
        """The evidence after a window, and its decision; the same for the same arguments.

        While a drift lasts its windows keep their verdict: an alarm does not reset the evidence,
        which is only held at a ceiling of ten thresholds, and what to expect is not learned from
        drifting windows, nor of a component while its part of the evidence raises suspicion.
        Within about three windows of the drift's end the evidence has come down from there. With
        that first quiet window it starts anew from nothing.

        So the promised run length of 2/b windows is that from the start, or from the end of an
        episode, to the next false episode, however many windows this then lasts. A drift near
        the limit of what can be seen may be interrupted by quiet windows, and be several episodes.

        Raises ValueError when the evidence or the profile belongs to another reference.
        """
        self._check(evidence, profile)
        if profile.n < self.minimum_rows:
            return evidence, self._undecided(evidence)
        look = self._look(evidence, profile)
        decision = self._decide(look)
        return self._next(evidence, look, decision), decision

    def _check(self, evidence: Evidence, profile: Profile) -> None:
        if not evidence.reference_id == profile.reference_id == self.reference.id:
            raise ValueError("evidence, profile and detector must belong to one reference")
        if evidence.mean.shape != self._expected.null.mean.shape:
            raise ValueError("evidence of a detector with other components")

    def _look(self, evidence: Evidence, profile: Profile) -> _Look:
        expected = self._expected
        surprise = expected.surprise(profile, evidence)
        ignored = expected.ignored(surprise, self._floor.ignores(profile.counts), self._floor.pair)
        p_values = expected.column_p_values(surprise)
        p_value = expected.window_p_value(p_values, surprise)
        counted = p_value
        if p_value <= self._per_window / 2:
            counted = expected.window_p_value(p_values, surprise, ignored)
        after = expected.grown(evidence, surprise, ignored)
        after = after.scaled(self._within_ceiling(float(expected.parts(after).sum())))
        parts = expected.parts(after)
        return _Look(
            surprise=surprise,
            ignored=ignored,
            p_values=p_values,
            p_value=p_value,
            counted=counted,
            gain=np.where(ignored.columns, 0.0, expected.column_gains(surprise)),
            after=after,
            parts=parts,
            evidence=max(float(parts.sum()), self._trend(after, ignored)),
        )

    def _trend(self, evidence: Evidence, ignored: Ignored) -> float:
        return min(self._expected.trend(evidence, ignored), CEILING * self.threshold)

    def _within_ceiling(self, accumulated: float) -> float:
        """The factor that keeps the evidence under its ceiling.

        It starts to bite only above the threshold, so it delays no alarm and causes none.
        """
        return min(1.0, CEILING * self.threshold / accumulated) if accumulated > 0 else 1.0

    def _decide(self, look: _Look) -> Decision:
        verdict, reason = self._verdict(look.p_value, look.counted, look.evidence)
        bare = self._decision(verdict, reason, look.p_value, look.evidence)
        columns = self._columns(look, verdict)
        if verdict is not Verdict.DRIFT:
            return replace(bare, columns=columns)
        together = self._expected.moved_together(look.surprise, look.ignored, self._per_window / 2)
        return replace(
            bare,
            columns=columns,
            pairs=self._pairs(look),
            together=tuple(self._names[i] for i in together),
        )

    def _verdict(self, p_value: float, counted: float, total: float) -> tuple[Verdict, Reason]:
        strong = self._per_window / 2
        if counted <= strong:
            return Verdict.DRIFT, Reason.STRONG_WINDOW
        if total >= self.threshold and not self.provisional:
            return Verdict.DRIFT, Reason.ACCUMULATED_EVIDENCE
        if p_value <= strong:
            return Verdict.QUIET, Reason.BELOW_EFFECT_FLOOR
        return Verdict.QUIET, Reason.WITHIN_REFERENCE

    def _columns(self, look: _Look, verdict: Verdict) -> Mapping[str, ColumnDecision]:
        sums = self._expected.by_column(look.after)
        # The expectation of the sums is the number of windows they have seen: both halves of
        # this average are e-values, and so is it.
        e_values = (look.gain + sums / look.after.n_windows) / 2
        named = e_benjamini_hochberg(e_values, rate=NAMING_RATE) & (verdict is Verdict.DRIFT)
        shares = self._expected.shares(look.parts, look.evidence)
        by_column = (look.p_values.tolist(), shares.tolist(), named.tolist())
        return {
            name: ColumnDecision(
                p_value=None if isnan(p) else p, evidence_share=share, named=is_named
            )
            for name, p, share, is_named in zip(self._names, *by_column, strict=True)
        }

    def _pairs(self, look: _Look) -> tuple[PairDecision, ...]:
        """The pairs that changed, strongest first."""
        scores = np.where(look.ignored.pairs, np.nan, look.surprise.correlations)
        gain = by_component(gains(np.stack([scores, -scores])))
        named = np.flatnonzero(e_benjamini_hochberg(gain, rate=NAMING_RATE))
        strongest = named[np.argsort(-gain[named], kind="stable")][:LARGEST_N_PAIRS]
        before, now = self._expected.correlations(look.surprise)
        names = [column.field.name for column in self.reference.columns]
        return tuple(
            PairDecision(names[i], names[j], round(float(r), 3), round(float(c), 3))
            for (i, j), r, c in zip(
                self.reference.pairs[strongest].tolist(),
                before[strongest],
                now[strongest],
                strict=True,
            )
        )

    def _undecided(self, evidence: Evidence) -> Decision:
        total = float(self._expected.parts(evidence).sum())
        return self._decision(Verdict.UNDECIDED, Reason.TOO_FEW_ROWS, None, total)

    def _decision(
        self, verdict: Verdict, reason: Reason, p_value: float | None, total: float
    ) -> Decision:
        return Decision(
            verdict=verdict,
            reason=reason,
            p_value=p_value,
            evidence=total,
            threshold=self.threshold,
            provisional=self.provisional,
            caution=self.caution,
            columns={},
        )

    def _next(self, evidence: Evidence, look: _Look, decision: Decision) -> Evidence:
        if decision.verdict is Verdict.DRIFT:
            return replace(look.after, drifting=True)
        mean, variance = updated_mean(
            self._expected.null, look.surprise.measured, evidence.mean, evidence.mean_variance
        )
        trusted = look.parts < SUSPICION
        deviations = from_trend(evidence, signed(look.surprise.next_one))
        learned = replace(
            taught(look.after, deviations * self._expected.spread(evidence), trusted),
            mean=np.where(trusted, mean, evidence.mean),
            mean_variance=np.where(trusted, variance, evidence.mean_variance),
            drifting=False,
        )
        return learned.forgotten() if evidence.drifting else learned
