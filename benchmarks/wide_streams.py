"""Simulated traffic of a model with a hundred columns, stable or changed in a known way.

Fifty normal, twenty lognormal and ten heavy-tailed numbers and twenty categories. Each block of
ten columns shares a factor, so that within it the latent normal values are correlated by 0.3.
Days may differ, resemble the day before, and follow the week. Seeded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count as count_up
from typing import Final

import numpy as np
from scipy.special import ndtri

from benchmarks.streams import DAY_S, joined
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Rows
from detectors.profile import Profile, count
from detectors.reference import Reference

N_NORMAL, N_LOGNORMAL, N_HEAVY, N_CATEGORIES = 50, 20, 10, 20
N_NUMBERS: Final = N_NORMAL + N_LOGNORMAL + N_HEAVY
N_COLUMNS: Final = N_NUMBERS + N_CATEGORIES
BLOCK: Final = 10
CORRELATION: Final = 0.3
LEVELS: Final = {"a": 0.4, "b": 0.3, "c": 0.15, "d": 0.1, "rare": 0.05}
NAMES: Final = tuple(f"{'x' if i < N_NUMBERS else 'k'}{i}" for i in range(N_COLUMNS))
SCHEMA: Final = tuple(
    Field(name, ColumnType.FLOAT if i < N_NUMBERS else ColumnType.CATEGORY)
    for i, name in enumerate(NAMES)
)
_LIMITS: Final = ndtri(np.cumsum(list(LEVELS.values()))[:-1])


class Shift(StrEnum):
    """A change of single columns at full strength, or of how columns move together."""

    NONE = "none"
    MEAN = "mean + 0.25 sd in 1"
    SPREAD = "spread x 1.25 in 5"
    CATEGORY = "8 points to a rare level in 2"
    ZEROS = "5 % zeros in 3"
    COHORT = "10 % of rows + 1 sd in 10 correlated"
    SCATTERED = "10 % of rows + 1 sd in 10 unrelated"
    CORRELATION = "a block's correlation lost"
    STEP = "mean + 0.1 sd in 3"
    RAMP = "mean + 0.01 sd a day in 10"


@dataclass(frozen=True, slots=True, kw_only=True)
class WideWorld:
    """How the traffic behaves. Effects are in standard deviations of the latent values.

    rows: per day. day_effect: of every day on every column, of its own. memory: correlation of
    a day's effect with that of the day before. season: amplitude of a weekly wave, whose phase
    differs from column to column.
    """

    rows: int = 1_000
    day_effect: float = 0.0
    memory: float = 0.0
    season: float = 0.0

    def days(
        self, rng: np.random.Generator, *, shift: Shift = Shift.NONE, first: int = 0
    ) -> Iterator[Rows]:
        """One day's rows after the other, for ever; the shift begins with the first of them."""
        effects = rng.normal(size=N_COLUMNS)
        for since in count_up():
            wave = np.sin(2 * np.pi * ((first + since) / 7 + np.arange(N_COLUMNS) * 0.618))
            means = self.day_effect * effects + self.season * wave
            yield _rows(rng, _changed(rng, self._latent(rng, shift) + means, shift, since), shift)
            fresh = rng.normal(size=N_COLUMNS)
            effects = self.memory * effects + np.sqrt(1 - self.memory**2) * fresh

    def _latent(self, rng: np.random.Generator, shift: Shift) -> Floats:
        own = rng.normal(size=(self.rows, N_COLUMNS))
        shared = np.repeat(rng.normal(size=(self.rows, N_COLUMNS // BLOCK)), BLOCK, axis=1)
        latent: Floats = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own
        if shift is Shift.CORRELATION:
            latent[:, :BLOCK] = own[:, :BLOCK]
        return latent


def _changed(rng: np.random.Generator, latent: Floats, shift: Shift, since: int) -> Floats:
    """The latent values after the shift of their means and spreads; `since` counts its days."""
    if shift is Shift.MEAN:
        latent[:, 4] += 0.25
    elif shift is Shift.SPREAD:
        latent[:, 3:43:8] *= 1.25
    elif shift is Shift.STEP:
        latent[:, 5:60:20] += 0.1
    elif shift is Shift.RAMP:
        latent[:, 5:80:8] += 0.01 * (since + 1)
    elif shift in (Shift.COHORT, Shift.SCATTERED):
        columns = slice(0, BLOCK) if shift is Shift.COHORT else slice(3, N_NUMBERS, 8)
        latent[rng.random(len(latent)) < 0.1, columns] += 1
    return latent


def _rows(rng: np.random.Generator, latent: Floats, shift: Shift) -> Rows:
    n = len(latent)
    numbers = latent[:, :N_NUMBERS]
    numbers[:, N_NORMAL : N_NORMAL + N_LOGNORMAL] = np.exp(
        numbers[:, N_NORMAL : N_NORMAL + N_LOGNORMAL]
    )
    # Student's t with three degrees of freedom.
    numbers[:, -N_HEAVY:] /= np.sqrt(rng.chisquare(3, (n, N_HEAVY)) / 3)
    if shift is Shift.ZEROS:
        numbers[:, 7:50:20] *= rng.random((n, 3)) >= 0.05
    codes = np.searchsorted(_LIMITS, latent[:, N_NUMBERS:]).astype(np.int32)
    if shift is Shift.CATEGORY:
        moved = rng.random((n, 2)) < 0.08 / (1 - LEVELS["rare"])
        codes[:, 4:10:5][moved] = len(LEVELS) - 1
    columns: dict[str, Column] = {NAMES[i]: numbers[:, i].copy() for i in range(N_NUMBERS)}
    for i, name in enumerate(NAMES[N_NUMBERS:]):
        columns[name] = Coded(codes[:, i].copy(), tuple(LEVELS))
    return Rows(columns, n)


def reference_of(world: WideWorld, n_days: int, rng: np.random.Generator) -> Reference:
    """A reference of so many whole days, which knows its days apart."""
    days = [rows for rows, _ in zip(world.days(rng), range(n_days), strict=False)]
    return Reference.fit(
        joined(days),
        SCHEMA,
        times=np.repeat(np.arange(n_days) * DAY_S, world.rows),
        window_lengths_s=[DAY_S],
        seed=int(rng.integers(1 << 31)),
    )


def profiles(
    world: WideWorld,
    reference: Reference,
    rng: np.random.Generator,
    *,
    shift: Shift = Shift.NONE,
    first: int = 0,
) -> Iterator[Profile]:
    """The profile of one day after the other, for ever; `first` is a number of the calendar."""
    return (
        count(rows, reference, times=np.full(rows.n, (first + i) * DAY_S))
        for i, rows in enumerate(world.days(rng, shift=shift, first=first))
    )


STABLE: Final = {
    "equal days": WideWorld(),
    "days differ by 0.05 sd": WideWorld(day_effect=0.05),
    "days differ and remember": WideWorld(day_effect=0.05, memory=0.65),
    "a weekly season of 0.2 sd": WideWorld(season=0.2),
}
