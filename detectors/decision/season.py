"""Cycles of the day and of the week, and levels of a user's column, that windows are matched by.

A cycle that a reference contains is no drift. Left among what windows vary by, it would raise no
false alarm, but it would hide any change that is smaller than itself. The same goes for what a
column says of whole windows: that they are a holiday's, say, or a promotion's.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from detectors.bins import FIRST_LEVEL, CategoryColumn
from detectors.columns import Counts, Floats
from detectors.decision.budget import DAY_S
from detectors.decision.components import Components, Measurement
from detectors.decision.moderation import n_independent_components
from detectors.reference import Reference

Levels = NDArray[np.intp]
"""(windows,) which level of a column a window is of, -1 for none."""

CYCLES_S = (DAY_S, 7 * DAY_S)

FEWEST_CYCLES = 3
"""Means of phases that were seen less often are worth less than the variance they remove."""

_LEVEL = 0.001
"""Chance at which phases without a cycle are given one; which costs degrees of freedom, no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """What the phase of a cycle adds to each component.

    waves: one (period in windows, components) for every cycle; 0 for components without it.
    levels: (levels, components) what a level of the column adds that windows are matched by; 0 for
        levels of fewer than three windows, and no levels without such a column.
    n_means: (components,) means that were fitted to each, the overall one included.
    """

    window_s: float
    is_share: NDArray[np.bool_]
    waves: tuple[Floats, ...]
    levels: Floats
    n_means: Floats

    def adjusted(
        self, windows: Measurement, times: Floats, levels: Levels | None = None
    ) -> Measurement:
        """The windows less the part of their phases and levels; shares stay shares.

        times: (...) epoch seconds within each window; NaN is of no phase and changes nothing.
        levels: (...) of each window; -1 is of no level and changes nothing.
        """
        number = np.floor(np.asarray(times) / self.window_s)
        known = np.isfinite(number)
        part = np.zeros(windows.values.shape)
        for wave in self.waves:
            phase = np.where(known, number, 0).astype(np.int64) % len(wave)
            part += np.where(known[..., np.newaxis], wave[phase], 0.0)
        if levels is not None and len(self.levels):
            seen = (levels >= 0) & (levels < len(self.levels))
            part += np.where(seen[..., np.newaxis], self.levels[np.where(seen, levels, 0)], 0.0)
        values = windows.values - part
        return Measurement(np.where(self.is_share, np.clip(values, 0, 1), values), windows.n)


@dataclass(frozen=True, slots=True)
class Matching:
    """Matches windows by what a category or boolean column says of most of their rows."""

    reference: Reference
    index: int

    @staticmethod
    def by(reference: Reference, name: str) -> "Matching":
        """Raises ValueError for a column that is not there, or is not of categories."""
        if not reference.has(name):
            raise ValueError(f"windows cannot be matched by {name!r}: there is no such column")
        index = reference.index(name)
        if not isinstance(reference.columns[index], CategoryColumn):
            # Of a user's document, not of our code.
            raise ValueError(  # noqa: TRY004
                f"windows cannot be matched by {name!r}: it holds no categories"
            )
        return Matching(reference, index)

    def levels(self, counts: Counts) -> Levels:
        """(..., slots) -> (...) the level of more than half of the rows, -1 without one."""
        rows = self.reference.part(counts, self.index)
        most = rows.argmax(axis=-1)
        is_most = (2 * rows.max(axis=-1) > rows.sum(axis=-1)) & (most >= FIRST_LEVEL)
        return np.where(is_most, most - FIRST_LEVEL, -1)


def fit_season(
    components: Components,
    windows: Measurement,
    times: Floats,
    *,
    window_s: float,
    levels: Levels | None = None,
) -> Season:
    """The cycles of each population of components, from (windows, components).

    A cycle needs three full turns with a time for every window. It is there if the means of its
    phases differ by more than chance, over all components of the population together; and so are
    the levels, if there are two that three windows have.
    """
    season = Season(
        window_s=window_s,
        is_share=components.is_share,
        waves=(),
        levels=np.zeros((0, components.kind.size)),
        n_means=np.ones(components.kind.size),
    )
    if levels is not None:
        season = _with_levels(season, components, windows, levels)
    for cycle_s in CYCLES_S:
        period = cycle_s / window_s
        if period < 2 or period != round(period) or not _is_covered(times / window_s, int(period)):
            continue
        phase = np.floor(times / window_s).astype(np.int64) % int(period)
        adjusted = season.adjusted(windows, times, levels)
        season = _with_wave(season, components, adjusted, phase)
    return season


def _is_covered(numbers: Floats, period: int) -> bool:
    """Whether the windows hold three of every phase."""
    if not np.isfinite(numbers).all():
        return False
    phases = np.floor(numbers).astype(np.int64) % period
    return int(np.bincount(phases, minlength=period).min()) >= FEWEST_CYCLES


def _with_wave(
    season: Season, components: Components, windows: Measurement, phase: NDArray[np.int64]
) -> Season:
    means, cycles = _phases(components, windows.values, phase)
    if not cycles.any():
        return season
    wave = np.where(cycles, means - means.mean(axis=0), 0.0)
    n_means = season.n_means + np.where(cycles, len(wave) - 1, 0)
    return replace(season, waves=(*season.waves, wave), n_means=n_means)


def _with_levels(
    season: Season, components: Components, windows: Measurement, levels: Levels
) -> Season:
    """Levels lie as unevenly as holidays do: each is measured from the mean of all windows."""
    counted = np.bincount(levels[levels >= 0], minlength=1)
    frequent = np.flatnonzero(counted >= FEWEST_CYCLES)
    chosen = np.isin(levels, frequent)
    if len(frequent) < 2:
        return season
    values, phase = windows.values[chosen], np.searchsorted(frequent, levels[chosen])
    means, differ = _phases(components, values, phase)
    parts = np.zeros((len(counted), components.kind.size))
    parts[frequent] = np.where(differ, means - values.mean(axis=0), 0.0)
    n_means = season.n_means + np.where(differ, len(frequent) - 1, 0)
    return replace(season, levels=parts, n_means=n_means)


def _phases(
    components: Components, values: Floats, phase: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    """(phases, components) means, and (components,) whether they differ."""
    means = np.stack([values[phase == p].mean(axis=0) for p in range(phase.max() + 1)])
    differ = np.zeros(components.kind.shape, dtype=np.bool_)
    for population in np.unique(components.population):
        of = components.population == population
        differ[of] = _cycles(values[:, of], means[:, of], phase)
    return means, differ & ~np.isnan(means).any(axis=0)


def _cycles(values: Floats, means: Floats, phase: NDArray[np.int64]) -> bool:
    """Whether the phases' means differ: an F ratio pooled over the components of a population."""
    spread = values.std(axis=0)
    moving = spread > 0  # and not NaN
    values, means = values[:, moving] / spread[moving], means[:, moving] / spread[moving]
    if values.shape[1] == 0:
        return False
    within, overall = values - means[phase], values.mean(axis=0)
    df_between, df_within = len(means) - 1, len(values) - len(means)
    between = ((means[phase] - overall) ** 2).sum() / df_between
    # A column that says of whole windows what they are leaves nothing within them.
    ratio = between / max((within**2).sum() / df_within, 1e-12)
    independent = n_independent_components(within)
    return bool(fdtrc(df_between * independent, df_within * independent, ratio) < _LEVEL)
