"""Whether a window drifted, within a budget of false alarms.

Two rules share the budget b (false alarms per window) in halves. A window alarms at once when
its own p-value is at most b/2. And it alarms when the evidence accumulated over windows reaches
2/b. Both halves are averages or minima over components, valid however these depend on one
another. So the promise is the same for five columns and for five thousand, hourly and daily.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.budget import Budget
from detectors.columns import Counts, Floats
from detectors.components import Kind, Measurement, fit_components
from detectors.dense import Dense
from detectors.evidence import Evidence, accumulate, by_component, gains, start_sums
from detectors.fdr import e_benjamini_hochberg
from detectors.floor import EffectFloor, FittedFloor
from detectors.nulls import (
    in_the_shadow,
    learn_null,
    one_sided_scores,
    standardised,
    two_sided_p,
    updated_mean,
)
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Reason, Verdict
from detectors.season import fit_season
from detectors.spikes import Spikes

SETTLED_WINDOWS = 20
"""Windows that a reference needs before its variances can carry accumulated evidence: with
fewer, errors of the estimated variances repeat in every window and add up."""

SUSPICION = 20.0
"""Evidence against a component from which on its windows no longer tell what to expect of it: a
slow change would be learned as it comes. Chance reaches it about once in twenty windows."""

CEILING = 10.0
"""Evidence is kept at most this many thresholds high, so that it can come down again."""

DENSE_WEIGHT = 0.5
"""Part of a window's own budget for changes spread over all columns; the rest is for one column."""

SPIKE_WEIGHT = 0.13
"""Part of a numeric column's own budget for values that pile up; the rest is for its components."""

NAMING_RATE = 0.1
"""False discovery rate among the columns named in a drifting window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDecision:
    """p_value: of this window, over the column's components; None without enough values.
    evidence_share: of the accumulated evidence, 0..1. named: at a false discovery rate of 0.1.
    """

    p_value: float | None
    evidence_share: float
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the detector makes of one window; round-trips through plain JSON.

    p_value: of the window alone; None when undecided. evidence: accumulated, this window
    included. threshold: the evidence that alarms. provisional: the reference has too few windows,
    or windows that resemble their predecessors, so that accumulated evidence raises no alarm.
    columns: by name, the columns that decide.
    """

    verdict: Verdict
    reason: Reason
    p_value: float | None
    evidence: float
    threshold: float
    provisional: bool
    columns: Mapping[str, ColumnDecision]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> "Decision":
        columns = {name: ColumnDecision(**column) for name, column in plain["columns"].items()}
        verdict, reason = Verdict(plain["verdict"]), Reason(plain["reason"])
        return Decision(**{**plain, "verdict": verdict, "reason": reason, "columns": columns})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What the detector sees in one window.

    p_values: (columns,) of every column that decides; NaN without enough values.
    p_value: of the window. counted: the same, without columns whose change is below the floor.
    gain: (columns,) e-values of this window alone. sums: the evidence after this window.
    """

    measurement: Measurement
    p_values: Floats
    p_value: float
    counted: float
    gain: Floats
    sums: Floats


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
    ) -> None:
        self.reference = reference
        self.minimum_rows = minimum_rows
        self._floor = FittedFloor(ignore_below or EffectFloor(), reference)
        self._components = fit_components(reference)
        self._per_window = budget.per_window(window_s)
        counts, times = self._reference_windows(window_s)
        whole, measured = map(self._components.measure, (reference.profile.counts, counts))
        self._season = fit_season(self._components, measured, times, window_s=window_s)
        windows = self._season.adjusted(measured, times)
        self._null = learn_null(self._components, whole, windows, n_means=self._season.n_means)
        self._located = self._components.population == Kind.LOCATION
        # The bins are not freed of seasons: they vary as all that the windows differ by has them.
        varied = learn_null(self._components, whole, measured)
        self._spikes = Spikes.fit(reference, self._components, varied, counts)
        self._dense = Dense.fit(standardised(self._null, windows)[:, self._located])

    @property
    def threshold(self) -> float:
        """The accumulated evidence that alarms."""
        return 2 / self._per_window

    @property
    def provisional(self) -> bool:
        """Whether the reference has too little to say of how its windows differ."""
        return self._null.n_windows < SETTLED_WINDOWS or self._null.remembers

    def start(self) -> Evidence:
        """No evidence yet."""
        return Evidence(
            reference_id=self.reference.id,
            sums=start_sums(self._null.mean.size),
            mean=self._null.mean,
            mean_variance=self._null.mean_variance,
        )

    def step(self, evidence: Evidence, profile: Profile) -> tuple[Evidence, Decision]:
        """The evidence after a window, and its decision; the same for the same arguments.

        While a drift lasts its windows keep their verdict: an alarm does not reset the evidence,
        which is only held at a ceiling of ten thresholds, and what to expect is not learned from
        drifting windows, nor of a component while the evidence against it raises suspicion.
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
        decision = self._decide(look, evidence)
        return self._next(evidence, look, decision), decision

    def _reference_windows(self, window_s: float) -> tuple[Counts, Floats]:
        """Counts, (windows, slots), and times, (windows,), of the reference's windows; of the
        whole of it, without two."""
        windows = [w for w in self.reference.windows.get(window_s, ()) if w.n >= self.minimum_rows]
        if len(windows) < 2:
            windows = [self.reference.profile]
        return np.stack([w.counts for w in windows]), np.array([_time(w) for w in windows])

    def _check(self, evidence: Evidence, profile: Profile) -> None:
        if not evidence.reference_id == profile.reference_id == self.reference.id:
            raise ValueError("evidence, profile and detector must belong to one reference")
        if evidence.mean.shape != self._null.mean.shape:
            raise ValueError("evidence of a detector with other components")

    def _look(self, evidence: Evidence, profile: Profile) -> _Look:
        measurement = self._measure(profile)
        components = self._components
        null = in_the_shadow(self._null, components, measurement)
        ignored = self._floor.ignores(profile.counts)[list(components.column_indices)]
        is_ignored = ignored[components.column]
        alone = one_sided_scores(null, measurement, null.mean, null.mean_variance)
        next_one = one_sided_scores(null, measurement, evidence.mean, evidence.mean_variance)
        spikes = self._spike_scores(profile)
        p_values = _with_spikes(components.smallest_p(two_sided_p(alone)), spikes)
        located = alone[0, self._located]
        # An ignored change gains nothing: its scores are no higher than what was expected.
        heeded = np.where(is_ignored, np.minimum(next_one, 0), next_one)
        sums = accumulate(evidence.sums, gains(heeded))
        return _Look(
            measurement=measurement,
            p_values=p_values,
            p_value=self._of_window(p_values, located),
            counted=self._of_window(
                np.where(ignored, np.maximum(p_values, 1.0), p_values),
                np.where(is_ignored[self._located], located * 0, located),
            ),
            gain=np.where(ignored, 0.0, self._gain(alone, spikes)),
            sums=sums * self._within_ceiling(sums),
        )

    def _spike_scores(self, profile: Profile) -> Floats:
        """(columns,) evidence that values have piled up; NaN for categories."""
        if self._spikes is None:
            return np.full(len(self._components.column_indices), np.nan)
        return self._spikes.scores(profile.counts, minimum_rows=self.minimum_rows)

    def _gain(self, alone: Floats, spikes: Floats) -> Floats:
        """(columns,) e-values of this window alone."""
        smooth = self._components.by_column(by_component(gains(alone)))
        spiked = by_component(gains(spikes[np.newaxis]))
        weight = np.where(np.isnan(spikes), 0.0, SPIKE_WEIGHT)
        return (1 - weight) * smooth + weight * spiked

    def _of_window(self, p_values: Floats, located: Floats) -> float:
        """Weighted Bonferroni of the strongest column and of all columns together.

        p_values: (columns,). located: the scores of the numeric columns' locations.
        """
        known = p_values[~np.isnan(p_values)]
        sparse = float(known.min()) * known.size if known.size else 1.0
        together = float("nan") if self._dense is None else self._dense.p_value(located)
        if np.isnan(together):
            return min(1.0, sparse)
        return min(1.0, sparse / (1 - DENSE_WEIGHT), together / DENSE_WEIGHT)

    def _measure(self, profile: Profile) -> Measurement:
        measured = self._components.measure(profile.counts)
        enough = measured.n >= self.minimum_rows
        sound = Measurement(
            values=np.where(enough, measured.values, np.nan),
            n=np.where(enough, measured.n, 0.0),
        )
        return self._season.adjusted(sound, np.array(_time(profile)))

    def _within_ceiling(self, sums: Floats) -> float:
        """The factor that keeps the evidence under its ceiling.

        It starts to bite only above the threshold, so it delays no alarm and causes none.
        """
        total = self._evidence(sums).sum()
        return min(1.0, CEILING * self.threshold / total) if total > 0 else 1.0

    def _evidence(self, sums: Floats) -> Floats:
        """(columns,) each column's part of the accumulated evidence, which is their sum."""
        by_column = self._components.by_column(by_component(sums))
        return by_column / max(by_column.size, 1)

    def _decide(self, look: _Look, evidence: Evidence) -> Decision:
        parts = self._evidence(look.sums)
        total, p_value = float(parts.sum()), look.p_value
        verdict, reason = self._verdict(p_value, look.counted, total)
        # The expectation of the sums is the number of windows they have seen: both halves of
        # this average are e-values, and so is it.
        e_values = (look.gain + parts * parts.size / (evidence.n_windows + 1)) / 2
        named = e_benjamini_hochberg(e_values, rate=NAMING_RATE) & (verdict is Verdict.DRIFT)
        shares = parts / total if total > 0 else parts
        return self._decision(
            verdict, reason, p_value, total, self._columns(look.p_values, shares, named)
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

    def _columns(
        self, p_values: Floats, shares: Floats, named: NDArray[np.bool_]
    ) -> Mapping[str, ColumnDecision]:
        names = [self.reference.columns[i].field.name for i in self._components.column_indices]
        return {
            name: ColumnDecision(
                p_value=None if np.isnan(p) else float(p),
                evidence_share=float(share),
                named=bool(is_named),
            )
            for name, p, share, is_named in zip(names, p_values, shares, named, strict=True)
        }

    def _undecided(self, evidence: Evidence) -> Decision:
        total = float(self._evidence(evidence.sums).sum())
        return self._decision(Verdict.UNDECIDED, Reason.TOO_FEW_ROWS, None, total, {})

    def _decision(
        self,
        verdict: Verdict,
        reason: Reason,
        p_value: float | None,
        total: float,
        columns: Mapping[str, ColumnDecision],
    ) -> Decision:
        return Decision(
            verdict=verdict,
            reason=reason,
            p_value=p_value,
            evidence=total,
            threshold=self.threshold,
            provisional=self.provisional,
            columns=columns,
        )

    def _next(self, evidence: Evidence, look: _Look, decision: Decision) -> Evidence:
        if decision.verdict is Verdict.DRIFT:
            return replace(
                evidence, sums=look.sums, n_windows=evidence.n_windows + 1, drifting=True
            )
        mean, variance = updated_mean(
            self._null, look.measurement, evidence.mean, evidence.mean_variance
        )
        trusted = by_component(look.sums) < SUSPICION
        learned = replace(
            evidence,
            mean=np.where(trusted, mean, evidence.mean),
            mean_variance=np.where(trusted, variance, evidence.mean_variance),
            drifting=False,
        )
        if evidence.drifting:
            return replace(learned, sums=np.zeros_like(look.sums), n_windows=0)
        return replace(learned, sums=look.sums, n_windows=evidence.n_windows + 1)


def _with_spikes(p_values: Floats, spikes: Floats) -> Floats:
    """(columns,) weighted Bonferroni of the components and of the spike, where there is one."""
    either = np.minimum(p_values / (1 - SPIKE_WEIGHT), ndtr(-spikes) / SPIKE_WEIGHT)
    return np.where(np.isnan(spikes), p_values, np.minimum(either, 1.0))


def _time(profile: Profile) -> float:
    """Epoch seconds within the window; NaN where its rows have no times."""
    return np.nan if profile.first_time is None else profile.first_time
