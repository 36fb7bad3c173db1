"""Cycles of the day and of the week, found in the reference's own windows.

A cycle that a reference contains is no drift. Left among what windows vary by, it would raise no
false alarm, but it would hide any change that is smaller than itself.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from detectors.budget import DAY_S
from detectors.columns import Floats
from detectors.components import Components, Measurement
from detectors.moderation import n_independent_components

CYCLES_S = (DAY_S, 7 * DAY_S)

FEWEST_CYCLES = 3
"""Means of phases that were seen less often are worth less than the variance they remove."""

_LEVEL = 0.001
"""Chance at which phases without a cycle are given one; which costs degrees of freedom, no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """What the phase of a cycle adds to each component.

    waves: one (period in windows, components) for every cycle; 0 for components without it.
    n_means: (components,) means that were fitted to each, the overall one included.
    """

    window_s: float
    is_share: NDArray[np.bool_]
    waves: tuple[Floats, ...]
    n_means: Floats

    def adjusted(self, windows: Measurement, times: Floats) -> Measurement:
        """The windows less their phases' part; shares stay shares.

        times: (...) epoch seconds within each window; NaN is of no phase and changes nothing.
        """
        number = np.floor(np.asarray(times) / self.window_s)
        known = np.isfinite(number)
        part = np.zeros(windows.values.shape)
        for wave in self.waves:
            phase = np.where(known, number, 0).astype(np.int64) % len(wave)
            part += np.where(known[..., np.newaxis], wave[phase], 0.0)
        values = windows.values - part
        return Measurement(np.where(self.is_share, np.clip(values, 0, 1), values), windows.n)


def fit_season(
    components: Components, windows: Measurement, times: Floats, *, window_s: float
) -> Season:
    """The cycles of each population of components, from (windows, components).

    A cycle needs three full turns with a time for every window. It is there if the means of its
    phases differ by more than chance, over all components of the population together.
    """
    season = Season(
        window_s=window_s,
        is_share=components.is_share,
        waves=(),
        n_means=np.ones(components.kind.size),
    )
    for cycle_s in CYCLES_S:
        period = cycle_s / window_s
        if period < 2 or period != round(period) or not _is_covered(times / window_s, int(period)):
            continue
        phase = np.floor(times / window_s).astype(np.int64) % int(period)
        season = _with_wave(season, components, season.adjusted(windows, times), phase)
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
    means = np.stack([windows.values[phase == p].mean(axis=0) for p in range(phase.max() + 1)])
    cycles = np.zeros(components.kind.shape, dtype=np.bool_)
    for population in np.unique(components.population):
        of = components.population == population
        cycles[of] = _cycles(windows.values[:, of], means[:, of], phase)
    cycles &= ~np.isnan(means).any(axis=0)
    if not cycles.any():
        return season
    wave = np.where(cycles, means - means.mean(axis=0), 0.0)
    n_means = season.n_means + np.where(cycles, len(wave) - 1, 0)
    return replace(season, waves=(*season.waves, wave), n_means=n_means)


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
    ratio = between / max((within**2).sum() / df_within, np.finfo(np.float64).tiny)
    independent = n_independent_components(within)
    return bool(fdtrc(df_between * independent, df_within * independent, ratio) < _LEVEL)
