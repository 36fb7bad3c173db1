"""What columns do together: small changes of many, groups that move, correlations that change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr

from detectors.columns import Floats
from detectors.decision.cohort import FEWEST_WINDOWS, Cohort
from detectors.decision.components import Components, Kind, Measurement
from detectors.decision.correlation import Correlations, RankMoments, RankScores, moments_of
from detectors.decision.dense import Dense, moved_probability
from detectors.decision.groups import Groups, learn_groups
from detectors.decision.nulls import Null, joined, learn_alike, standardised
from detectors.decision.tails import SMALLEST
from detectors.profile import Profile
from detectors.reference import Reference

_RIDGE = 0.1
"""On the diagonal of correlations: copies of a column have no inverse without it."""

_UNKNOWN = 1e9
"""Variance of what the reference has too few windows to tell."""


@dataclass(frozen=True, slots=True)
class Joint:
    """A window's groups and correlations.

    groups: (2 · groups,) the groups' locations, then their spreads. correlations: (n_pairs,)
    Fisher's z of each, scaled.
    """

    groups: Measurement
    correlations: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Strongest:
    """p-values of a window for what columns can do together; None where nothing can be said.

    many: small changes of many columns, which may have begun to move together. group: of the
    strongest group, for all of them. pair: of the strongest pair, for all of them.
    """

    many: float | None
    group: float | None
    pair: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Together:
    """Learned from a reference's windows.

    located: (components,) which are locations of numeric columns. ranked: (ranked columns,) where
    among the components are the locations of those that have rank scores. dense: the law of the
    locations. apart: (locations, locations) what each says beyond its relatives. trends: the law
    of that. null: of the groups' locations, then of their spreads.
    """

    located: NDArray[np.bool_]
    ranked: NDArray[np.intp]
    dense: Dense | None
    apart: Floats
    trends: Dense | None
    correlations: Correlations
    groups: Groups
    null: Null
    cohort: Cohort | None

    @staticmethod
    def fit(
        reference: Reference,
        profiles: Sequence[Profile],
        components: Components,
        windows: Measurement,
        null: Null,
        n_means: Floats,
    ) -> "Together":
        """From the reference's windows, measured as (windows, components), and their null.

        n_means: (components,) means of phases that the windows were freed of.
        """
        ranks = RankScores.of(reference)
        ranked = _ranked(ranks, components)
        moments = moments_of(ranks, profiles)
        correlations = Correlations.fit(ranks, moments, components.skewness[ranked])
        groups = Groups.of(ranks, correlations.r)
        of = null.at(ranked)
        locations = groups.locations(windows.at(ranked))
        learned = _learn_groups(
            groups, of, locations, moments, float(n_means[ranked].max(initial=1))
        )
        deviations = null.tails.tamed(standardised(null, windows))
        located = components.population == Kind.LOCATION
        between = correlations.deviations(moments)
        of_all = _of_scores(ranks, ranked, correlations.r, null, windows)
        correlation = of_all[np.ix_(located, located)]
        freed, moves = apart(correlation), deviations[:, located]
        return Together(
            located=located,
            ranked=ranked,
            dense=Dense.fit(moves, correlation),
            apart=freed,
            trends=Dense.fit(np.nan_to_num(moves) @ freed.T, freed @ correlation @ freed.T),
            correlations=correlations,
            groups=groups,
            null=learned,
            cohort=Cohort.fit(ranks, correlations.r, deviations[:, ranked], between),
        )

    def measure(self, profile: Profile, window: Measurement) -> Joint:
        """window: (components,) of the same profile."""
        ranks = self.correlations.ranks
        moments = ranks.moments(profile.counts, profile.pairs, np.array(float(profile.n)))
        locations = self.groups.locations(window.at(self.ranked))
        groups = locations.beside(self.groups.spreads(moments))
        return Joint(groups, self.correlations.measure(moments))

    def strongest(
        self, columns: Floats, groups: Floats, correlations: Floats, heeded: Floats
    ) -> Strongest:
        """From signed normal scores: (components,) of columns, (2 · groups,), and (n_pairs,) of
        correlations, all of them and those that count."""
        of_groups, pairs = _of_group(groups), np.abs(heeded[~np.isnan(heeded)])
        n_pairs = np.count_nonzero(~np.isnan(correlations))
        return Strongest(
            many=self._many(columns, correlations),
            group=min(1.0, of_groups.size * float(of_groups.min())) if of_groups.size else None,
            pair=min(1.0, 2 * n_pairs * float(ndtr(-pairs.max(initial=0.0)))) if n_pairs else None,
        )

    def _many(self, columns: Floats, correlations: Floats) -> float | None:
        p = np.nan if self.dense is None else self.dense.p_value(columns[self.located])
        known = None if np.isnan(p) else p
        if self.cohort is None:
            return known
        moved_alike = ndtr(-self.cohort.score(columns[self.ranked], correlations))
        return float(moved_alike) if known is None else fisher(known, float(moved_alike))

    def trend(self, columns: Floats) -> float | None:
        """The p-value of small trends of many columns, from (components,) normal scores; None
        where nothing is known of them.

        Each column is freed of what its relatives say: where they have not moved they only blur it,
        and where they have, their group shows it.
        """
        if self.trends is None:
            return None
        return self.trends.p_value(self.apart @ np.nan_to_num(columns[self.located]))

    def ignored(self, columns: NDArray[np.bool_], pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(2 · groups,) groups none of whose (components,) and (n_pairs,) count."""
        moved = self.groups.members @ ~columns[self.ranked] > 0
        return ~np.append(moved, moved | (np.abs(self.groups.both) @ ~pairs > 0))

    def of_strongest(self, groups: Floats) -> NDArray[np.intp]:
        """The components of the columns of the strongest group, from (2 · groups,) scores."""
        of = int(_of_group(groups).argmin())
        return np.asarray(self.ranked[self.groups.signs[of] != 0])

    def likely(self, columns: Floats) -> NDArray[np.intp]:
        """The components of columns that are likelier to have moved than not."""
        moved = moved_probability(np.nan_to_num(columns[self.ranked]))
        return np.asarray(self.ranked[moved > 0.5])


def fisher(first: float, second: float) -> float:
    """Fisher's combination of two independent p-values (1932)."""
    return float(chdtrc(4, -2 * np.log(max(first, SMALLEST)) - 2 * np.log(max(second, SMALLEST))))


def _of_group(scores: Floats) -> Floats:
    """(2 · groups,) locations and spreads -> (groups,) p-values; NaN says nothing.

    A cohort of rows moves a group either way, and always spreads it wider.
    """
    location, spread = np.nan_to_num(scores).reshape(2, -1)
    moved, wider = np.minimum(1.0, 2 * ndtr(-np.abs(location))), ndtr(-spread)
    logs = np.log(np.maximum(moved, SMALLEST)) + np.log(np.maximum(wider, SMALLEST))
    p_values: Floats = chdtrc(4, -2 * logs)
    return p_values


def _of_scores(
    ranks: RankScores, ranked: NDArray[np.intp], r: Floats, null: Null, windows: Measurement
) -> Floats:
    """(components, components) correlation of scores that rows explain; what windows vary by for
    themselves has no part in it."""
    rows = 1 / np.maximum(windows.n.mean(axis=0), 1.0)
    part = np.sqrt(rows / (rows + null.between))[ranked]
    full = np.eye(null.mean.size)
    full[np.ix_(ranked, ranked)] = ranks.matrix(r, np.zeros(ranked.size)) * np.outer(part, part)
    np.fill_diagonal(full, 1.0)
    return full


def apart(correlation: Floats) -> Floats:
    """(n, n) -> the matrix that turns correlated normal scores into those of each one's part that
    the others do not explain; of variance 1, and less for near copies of others: what is left of
    these is mostly error.
    """
    inverse = np.linalg.inv(correlation + _RIDGE * np.eye(len(correlation)))
    own = ((inverse @ correlation) * inverse).sum(axis=1)
    sd = np.sqrt(np.maximum(own, np.diag(inverse) / 4))
    freed: Floats = inverse / sd[:, np.newaxis]
    return freed


def _learn_groups(
    groups: Groups, columns: Null, locations: Measurement, moments: RankMoments, n_means: float
) -> Null:
    """columns: (ranked columns,). locations: (windows, groups)."""
    least = groups.signs**2 @ columns.between / groups.variance
    located = learn_groups(locations.whole(), locations, least, n_means=n_means)
    if groups.variance.size:
        tails = columns.tails.at(np.abs(groups.signs).argmax(axis=1))
        located = replace(located, tails=tails)
    spreads = groups.spreads(moments)
    spread = learn_alike(spreads.whole(), spreads)
    if len(spreads.n) < FEWEST_WINDOWS:
        spread = replace(spread, mean_variance=np.full(spread.mean.shape, _UNKNOWN))
    return joined(located, spread)


def _ranked(ranks: RankScores, components: Components) -> NDArray[np.intp]:
    """(ranked columns,) positions of their locations among the components."""
    position = {index: i for i, index in enumerate(components.column_indices)}
    locations = np.flatnonzero(components.kind == Kind.LOCATION)
    of = dict(zip(components.column[locations].tolist(), locations.tolist(), strict=True))
    return np.array([of[position[c]] for c in ranks.columns.tolist()], dtype=np.intp)
