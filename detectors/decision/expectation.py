"""What a reference lets expect of windows to come, and how surprising one of them is.

Everything that is learned once from the reference's own windows is here, and the weights of what
is looked at; what follows for an operator is in `detectors.decision`.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.columns import Counts, Floats
from detectors.decision.components import Components, Kind, Measurement, fit_components
from detectors.decision.evidence import (
    Evidence,
    by_component,
    gains,
    grown,
    spread,
    trend_scores,
)
from detectors.decision.heavy_tails import fit_tails
from detectors.decision.held_out import held_out_scores
from detectors.decision.nulls import (
    INFORMATIVE_COUNT,
    Null,
    in_the_shadow,
    joined,
    learn_null,
    n_known,
    one_sided_scores,
    scored_alone,
    two_sided_p,
)
from detectors.decision.season import Levels, Matching, Season, fit_season
from detectors.decision.spikes import Spikes
from detectors.decision.tails import SMALLEST, signed
from detectors.decision.together import Strongest, Together
from detectors.profile import Profile
from detectors.reference import Reference

SPIKE_WEIGHT = 0.05
"""Part of a numeric column's own budget for values that pile up; the rest is for its components."""

COLUMN_WEIGHT = 0.4
"""Part of a window's own budget for one column; the rest is for what columns do together."""

MANY_WEIGHT, GROUP_WEIGHT, PAIR_WEIGHT = 0.2, 0.35, 0.05
"""Of that: for many columns, each a little; for a group of correlated ones; for a pair's
correlation."""

GROUPS_SHARE, TREND_SHARE = 0.1, 0.2
"""Of the accumulated evidence, for groups of columns, and for trends of many columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """How a window differs from what was expected, in normal scores; NaN where too few rows are.

    measured: (components and groups,). alone, next_one: (2, components and groups) one-sided,
    against what the reference alone lets expect, and against what was learned since.
    correlations: (n_pairs,) signed. moved: (n_pairs,) by how much. spikes: (columns,).
    """

    measured: Measurement
    alone: Floats
    next_one: Floats
    correlations: Floats
    moved: Floats
    spikes: Floats


@dataclass(frozen=True, slots=True)
class Ignored:
    """What moved too little: (columns,), (components and groups,), (n_pairs,)."""

    columns: NDArray[np.bool_]
    components: NDArray[np.bool_]
    pairs: NDArray[np.bool_]


class Expectation:
    """Learned from a reference for windows of one length. Immutable.

    Scores come for the components of the columns, and then for the groups of columns.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        window_s: float,
        minimum_rows: int,
        match_by: str | None = None,
    ) -> None:
        self._minimum_rows = minimum_rows
        self._matching = None if match_by is None else Matching.by(reference, match_by)
        self._components = components = fit_components(reference)
        windows = [w for w in reference.windows.get(window_s, ()) if w.n >= minimum_rows]
        if len(windows) < 2:
            windows = [reference.profile]
        counts, times = np.stack([w.counts for w in windows]), np.array([_time(w) for w in windows])
        whole, measured = map(components.measure, (reference.profile.counts, counts))
        levels = self._levels(counts)
        self._season = fit_season(components, measured, times, window_s=window_s, levels=levels)
        adjusted = self._season.adjusted(measured, times, levels)
        null = _learn(components, whole, adjusted, self._season)
        self._together = Together.fit(
            reference, windows, components, adjusted, null, self._season.n_means
        )
        self.null = joined(null, self._together.null)
        # The bins are not freed of seasons: they vary as all that the windows differ by has them.
        varied = learn_null(components, whole, measured)
        self._spikes = Spikes.fit(reference, components, varied, counts)
        self._weight = _weight(components, self.null.mean.size - components.kind.size)

    @property
    def column_indices(self) -> tuple[int, ...]:
        """Positions among the reference's of the columns that decide."""
        return self._components.column_indices

    def surprise(self, profile: Profile, evidence: Evidence) -> Surprise:
        """evidence: what was learned since."""
        columns = self._columns(profile)
        joint = self._together.measure(profile, columns)
        measured = columns.beside(joint.groups)
        null = in_the_shadow(self.null, self._components, measured)
        correlations = self._together.correlations
        next_one = one_sided_scores(null, measured, evidence.mean, evidence.mean_variance)
        return Surprise(
            measured=measured,
            alone=scored_alone(null, measured),
            next_one=next_one / self.spread(evidence),
            correlations=correlations.scores(joint.correlations),
            moved=correlations.current(joint.correlations) - correlations.r,
            spikes=self._spike_scores(profile, columns),
        )

    def spread(self, evidence: Evidence) -> Floats:
        """(components and groups,) of the scores since, where it is more than was expected."""
        return spread(evidence.squares, evidence.n_scored, self.null.n_windows)

    def ignored(self, surprise: Surprise, small: NDArray[np.bool_], least: float) -> Ignored:
        """small: (columns of the reference,) that moved too little. least: change of a
        correlation that matters."""
        columns = small[list(self.column_indices)]
        components = columns[self._components.column]
        pairs = ~(np.abs(surprise.moved) >= least)
        groups = self._together.ignored(components, pairs)
        return Ignored(columns, np.append(components, groups), pairs)

    def column_p_values(self, surprise: Surprise) -> Floats:
        """(columns,) weighted Bonferroni of the components and of the spike, where there is one."""
        smooth = two_sided_p(surprise.alone[:, : self._n])
        p_values, spikes = self._components.smallest_p(smooth), surprise.spikes
        either = np.minimum(p_values / (1 - SPIKE_WEIGHT), ndtr(-spikes) / SPIKE_WEIGHT)
        return np.where(np.isnan(spikes), p_values, np.minimum(either, 1.0))

    def window_p_value(
        self, p_values: Floats, surprise: Surprise, ignored: Ignored | None = None
    ) -> float:
        """Weighted Bonferroni of the strongest column, (columns,) p-values, and of what columns
        do together; without what is to be ignored."""
        if ignored is not None:
            p_values = np.where(ignored.columns, np.maximum(p_values, 1.0), p_values)
        known = p_values[~np.isnan(p_values)]
        strongest = self._strongest(surprise, ignored)
        members = (
            (COLUMN_WEIGHT, known.size * float(known.min()) if known.size else None),
            (MANY_WEIGHT, strongest.many),
            (GROUP_WEIGHT, strongest.group),
            (PAIR_WEIGHT, strongest.pair),
        )
        there = [(weight, p) for weight, p in members if p is not None]
        total = sum(weight for weight, _ in there)
        return float(min(1.0, *(p * total / weight for weight, p in there))) if there else 1.0

    def column_gains(self, surprise: Surprise) -> Floats:
        """(columns,) e-values of the window alone."""
        smooth = self._components.by_column(by_component(gains(surprise.alone[:, : self._n])))
        spiked = by_component(gains(surprise.spikes[np.newaxis]))
        weight = np.where(np.isnan(surprise.spikes), 0.0, SPIKE_WEIGHT)
        return (1 - weight) * smooth + weight * spiked

    def bets(self, surprise: Surprise, ignored: Ignored) -> Floats:
        """(2, components and groups) the scores that evidence grows by. An ignored change gains
        nothing: it scores no higher than what was expected."""
        scores = surprise.next_one
        return np.where(ignored.components, np.minimum(scores, 0), scores)

    def grown(self, evidence: Evidence, surprise: Surprise, ignored: Ignored) -> Evidence:
        """With the window that surprised so."""
        known = n_known(self.null, surprise.measured, evidence.mean_variance)
        return grown(evidence, self.bets(surprise, ignored), signed(surprise.next_one), known)

    def by_column(self, evidence: Evidence) -> Floats:
        """(columns,) sums of each."""
        return self._components.by_column(by_component(evidence.sums[..., : self._n]))

    def parts(self, evidence: Evidence) -> Floats:
        """(components and groups,) of the accumulated evidence, a weighted average of all sums."""
        return self._weight * by_component(evidence.sums)

    def trend(self, evidence: Evidence, ignored: Ignored) -> float:
        """What the trends of all columns that are not to be ignored say together, on the scale of
        `accumulated`: each reaches a level A as seldom as its share of the evidence allows."""
        scores = np.where(ignored.components, 0.0, trend_scores(evidence))
        p = self._together.trend(scores[: self._n])
        return 0.0 if p is None else TREND_SHARE / max(p, SMALLEST)

    def shares(self, parts: Floats, total: float) -> Floats:
        """(columns,) of the total, what each column's components are a part of."""
        column, n = self._components.column, len(self.column_indices)
        own = np.bincount(column, parts[: self._n], minlength=n).astype(np.float64)
        return own / total if total > 0 else own

    def correlations(self, surprise: Surprise) -> tuple[Floats, Floats]:
        """(n_pairs,) in the reference, and in the window."""
        r = self._together.correlations.r
        return r, r + surprise.moved

    def moved_together(self, surprise: Surprise, ignored: Ignored, level: float) -> list[int]:
        """Columns that most likely moved with one another: those of the strongest group where it
        makes the window significant at `level`, else of all, where they do."""
        strongest, scores = self._strongest(surprise, ignored), self._heeded(surprise, ignored)
        if strongest.group is not None and strongest.group <= level * GROUP_WEIGHT:
            found = self._together.of_strongest(scores[self._n :])
        elif strongest.many is not None and strongest.many <= level * MANY_WEIGHT:
            found = self._together.likely(scores[: self._n])
        else:
            return []
        return [int(column) for column in np.unique(self._components.column[found])]

    @property
    def _n(self) -> int:
        """Components of the columns."""
        return self._components.kind.size

    def _heeded(self, surprise: Surprise, ignored: Ignored | None) -> Floats:
        scores = signed(surprise.alone)
        return scores if ignored is None else np.where(ignored.components, scores * 0, scores)

    def _strongest(self, surprise: Surprise, ignored: Ignored | None) -> Strongest:
        scores, pairs = self._heeded(surprise, ignored), surprise.correlations
        heeded = pairs if ignored is None else np.where(ignored.pairs, np.nan, pairs)
        return self._together.strongest(scores[: self._n], scores[self._n :], pairs, heeded)

    def _columns(self, profile: Profile) -> Measurement:
        measured = self._components.measure(profile.counts)
        enough = measured.n >= self._minimum_rows
        sound = Measurement(
            values=np.where(enough, measured.values, np.nan),
            n=np.where(enough, measured.n, 0.0),
        )
        levels = self._levels(profile.counts)
        return self._season.adjusted(sound, np.array(_time(profile)), levels)

    def _levels(self, counts: Counts) -> Levels | None:
        return None if self._matching is None else self._matching.levels(counts)

    def _spike_scores(self, profile: Profile, columns: Measurement) -> Floats:
        """(columns,) evidence that values have piled up; NaN for categories."""
        if self._spikes is None:
            return np.full(len(self.column_indices), np.nan)
        moved = columns.values - self.null.mean[: self._n]
        return self._spikes.scores(profile.counts, moved, columns.n)


def _weight(components: Components, n_groups: int) -> Floats:
    """(components and groups,) of each in the accumulated evidence."""
    own = 1 - TREND_SHARE - GROUPS_SHARE * (n_groups > 0)
    columns = own * components.weight / max(len(components.column_indices), 1)
    return np.append(columns, np.full(n_groups, GROUPS_SHARE / max(n_groups, 1)))


def _learn(
    components: Components, whole: Measurement, windows: Measurement, season: Season
) -> Null:
    """The null, with tails as heavy as windows show that were held out."""

    def learn(whole: Measurement, windows: Measurement) -> Null:
        return learn_null(components, whole, windows, n_means=season.n_means)

    def score(null: Null, window: Measurement) -> Floats:
        return scored_alone(in_the_shadow(null, components, window), window)

    null = learn(whole, windows)
    scores = held_out_scores(windows, learn, score)
    size = np.where(components.is_share, windows.n.mean(axis=0) * null.mean, np.inf)
    scores[:, size < INFORMATIVE_COUNT] = np.nan
    # What lies outside of the reference's range moves as its column does.
    outside = components.kind == Kind.OUTSIDE
    population = np.where(outside, Kind.LOCATION, components.population)
    return replace(null, tails=fit_tails(scores, population))


def _time(profile: Profile) -> float:
    """Epoch seconds within the window; NaN where its rows have no times."""
    return np.nan if profile.first_time is None else profile.first_time
