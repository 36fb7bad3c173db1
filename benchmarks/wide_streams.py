"""Simulated traffic of a model with many columns, stable or changed in a known way.

Half of the columns are normal, a fifth lognormal, a tenth heavy-tailed numbers and a fifth
categories. Each block of ten columns shares a factor, so that within it the latent normal values
are correlated by 0.3. Days may differ in many ways. Seeded.
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

BLOCK: Final = 10
CORRELATION: Final = 0.3
LEVELS: Final = {"a": 0.4, "b": 0.3, "c": 0.15, "d": 0.1, "rare": 0.05}
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


class Unequal(StrEnum):
    """How the size of day effects differs between columns."""

    NOT = "all alike"
    LOGNORMAL = "lognormal, 0.8"
    TENTH = "a tenth of the columns"


@dataclass(frozen=True, slots=True, kw_only=True)
class WideWorld:
    """How the traffic behaves. Effects are in standard deviations of the latent values.

    columns: a multiple of ten. rows: per day. rows_vary: each day has from √(1/3) to √3 times
    as many. hours: windows per day; effects are of windows.
    day_effect: of every day on every column, of its own; `heavy`, of Student's law with three
    degrees of freedom; `common`, one and the same for all columns; `unequal` in size. memory:
    correlation of a day's effect with that of the day before. season: amplitude of a weekly wave,
    whose phase differs from column to column.
    missing: mean share of missing values, in every fifth number; it varies by the day like a beta
    law with 40 prior rows. coarse: of every ten numbers one is rounded to integers and one is 0
    for two rows in five.
    """

    columns: int = 100
    rows: int = 1_000
    rows_vary: bool = False
    day_effect: float = 0.0
    heavy: bool = False
    common: bool = False
    unequal: Unequal = Unequal.NOT
    memory: float = 0.0
    season: float = 0.0
    missing: float = 0.0
    coarse: bool = False

    @property
    def n_numbers(self) -> int:
        return self.columns * 8 // 10

    @property
    def schema(self) -> tuple[Field, ...]:
        numbers = (Field(f"x{i}", ColumnType.FLOAT) for i in range(self.n_numbers))
        kinds = range(self.n_numbers, self.columns)
        return (*numbers, *(Field(f"k{i}", ColumnType.CATEGORY) for i in kinds))

    def days(
        self, rng: np.random.Generator, *, shift: Shift = Shift.NONE, first: int = 0
    ) -> Iterator[Rows]:
        """One day's rows after the other, for ever; the shift begins with the first of them."""
        sizes = self._sizes()
        effects = self._fresh(rng)
        for since in count_up():
            wave = np.sin(2 * np.pi * ((first + since) / 7 + np.arange(self.columns) * 0.618))
            means = self.day_effect * sizes * effects + self.season * wave
            latent = _changed(rng, self._latent(rng, shift) + means, shift, since)
            yield self._rows(rng, latent, shift)
            effects = self.memory * effects + np.sqrt(1 - self.memory**2) * self._fresh(rng)

    def _sizes(self) -> Floats:
        """(columns,) of the day effects; the same for every stream."""
        columns = np.arange(self.columns)
        if self.unequal is Unequal.LOGNORMAL:
            return np.asarray(np.exp(0.8 * ndtri((columns * 0.618034 + 0.5) % 1)))
        return np.where((self.unequal is Unequal.NOT) | (columns % 10 == 7), 1.0, 0.0)

    def _fresh(self, rng: np.random.Generator) -> Floats:
        n = 1 if self.common else self.columns
        effects = rng.standard_t(3, n) / np.sqrt(3) if self.heavy else rng.normal(size=n)
        return np.broadcast_to(effects, self.columns)

    def _latent(self, rng: np.random.Generator, shift: Shift) -> Floats:
        n = round(self.rows * 3 ** rng.uniform(-0.5, 0.5)) if self.rows_vary else self.rows
        own = rng.normal(size=(n, self.columns))
        shared = np.repeat(rng.normal(size=(n, self.columns // BLOCK)), BLOCK, axis=1)
        latent: Floats = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own
        if shift is Shift.CORRELATION:
            latent[:, :BLOCK] = own[:, :BLOCK]
        return latent

    def _rows(self, rng: np.random.Generator, latent: Floats, shift: Shift) -> Rows:
        n, numbers = len(latent), latent[:, : self.n_numbers]
        lognormal = slice(self.columns // 2, self.columns * 7 // 10)
        heavy = slice(self.columns * 7 // 10, self.n_numbers)
        numbers[:, lognormal] = np.exp(numbers[:, lognormal])
        # Student's t with three degrees of freedom.
        numbers[:, heavy] /= np.sqrt(rng.chisquare(3, numbers[:, heavy].shape) / 3)
        if shift is Shift.ZEROS:
            numbers[:, 7:50:20] *= rng.random((n, 3)) >= 0.05
        self._spoil(rng, numbers)
        codes = np.searchsorted(_LIMITS, latent[:, self.n_numbers :]).astype(np.int32)
        if shift is Shift.CATEGORY:
            moved = rng.random((n, 2)) < 0.08 / (1 - LEVELS["rare"])
            codes[:, 4:10:5][moved] = len(LEVELS) - 1
        columns: dict[str, Column] = {}
        for i, field in enumerate(self.schema):
            if i < self.n_numbers:
                columns[field.name] = numbers[:, i].copy()
            else:
                columns[field.name] = Coded(codes[:, i - self.n_numbers].copy(), tuple(LEVELS))
        return Rows(columns, n)

    def _spoil(self, rng: np.random.Generator, numbers: Floats) -> None:
        n = len(numbers)
        if self.coarse:
            numbers[:, 2::10] = np.round(2 * numbers[:, 2::10])
            numbers[:, 6::10] *= rng.random(numbers[:, 6::10].shape) >= 0.4
        if self.missing:
            gaps = numbers[:, 1::5]
            shares = rng.beta(40 * self.missing, 40 * (1 - self.missing), gaps.shape[1])
            gaps[rng.random((n, gaps.shape[1])) < shares] = np.nan


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
        columns = slice(0, BLOCK) if shift is Shift.COHORT else slice(3, 80, 8)
        latent[rng.random(len(latent)) < 0.1, columns] += 1
    return latent


def reference_of(world: WideWorld, n_days: int, rng: np.random.Generator) -> Reference:
    """A reference of so many whole days, which knows its days apart."""
    days = [rows for rows, _ in zip(world.days(rng), range(n_days), strict=False)]
    return Reference.fit(
        joined(days),
        world.schema,
        times=np.repeat(np.arange(n_days) * DAY_S, [day.n for day in days]),
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
    "missing values, atoms, integers": WideWorld(missing=0.05, coarse=True),
    "sizes vary threefold": WideWorld(rows_vary=True, day_effect=0.05),
}

HARD: Final = {
    "heavy-tailed days": WideWorld(day_effect=0.05, heavy=True),
    "days differ, lognormal in size": WideWorld(day_effect=0.05, unequal=Unequal.LOGNORMAL),
    "a tenth differs by 0.2 sd": WideWorld(day_effect=0.2, unequal=Unequal.TENTH),
    "long memory": WideWorld(day_effect=0.05, memory=0.9),
    "days differ in common": WideWorld(day_effect=0.05, common=True),
}
