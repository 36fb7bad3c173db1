"""Simulated traffic of a model whose world is stable, or has changed in a known way.

Ten columns: eight numbers (normal and lognormal) and two categories. Days may differ: each
has an effect of its own on every column, which may resemble the day before's. Seeded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.columns import Coded, Column, ColumnType, Field, Floats, Rows
from detectors.profile import Profile, count
from detectors.reference import Reference

DAY_S: Final = 86_400.0

N_NUMBERS: Final = 8
CATEGORIES: Final = {
    "vehicle": {"bus": 0.5, "tram": 0.25, "train": 0.15, "metro": 0.08, "ferry": 0.02},
    "ticket": {"day": 0.7, "week": 0.2, "month": 0.1},
}
SCHEMA: Final = (
    *(Field(f"x{i}", ColumnType.FLOAT) for i in range(N_NUMBERS)),
    *(Field(name, ColumnType.CATEGORY) for name in CATEGORIES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How the traffic behaves.

    rows: per day. day_effect: standard deviation of a day's shift of every number, in its own
    standard deviations (before the exponential of a lognormal), and of the log-odds of every
    category. memory: correlation of a day's effect with that of the day before.
    shift, spread: of the number x2. rarest: share of ferries in place of 0.02.
    missing: share of x5 that is missing.
    """

    rows: int = 1_000
    day_effect: float = 0.0
    memory: float = 0.0
    shift: float = 0.0
    spread: float = 1.0
    rarest: float = 0.02
    missing: float = 0.0

    def days(self, rng: np.random.Generator) -> Iterator[Rows]:
        """One day's rows after the other, for ever."""
        n_effects = N_NUMBERS + sum(map(len, CATEGORIES.values()))
        effects = rng.normal(size=n_effects)
        while True:
            yield self._day(rng, effects * self.day_effect)
            fresh = rng.normal(size=n_effects)
            effects = self.memory * effects + np.sqrt(1 - self.memory**2) * fresh

    def _day(self, rng: np.random.Generator, effects: Floats) -> Rows:
        columns: dict[str, Column] = {
            f"x{i}": self._number(rng, i, effects[i]) for i in range(N_NUMBERS)
        }
        start = N_NUMBERS
        for name, shares in CATEGORIES.items():
            odds = np.array(list(shares.values()))
            if name == "vehicle":
                odds = np.append(odds[:-1] * (1 - self.rarest) / 0.98, self.rarest)
            odds = odds * np.exp(effects[start : start + odds.size])
            codes = rng.choice(odds.size, size=self.rows, p=odds / odds.sum())
            columns[name] = Coded(codes.astype(np.int32), tuple(shares))
            start += odds.size
        return Rows(columns, self.rows)

    def _number(self, rng: np.random.Generator, index: int, effect: float) -> Floats:
        values = rng.normal(size=self.rows) + effect
        if index == 2:
            values = values * self.spread + self.shift
        if index == 5:
            values[rng.random(self.rows) < self.missing] = np.nan
        return np.exp(values) if index % 3 == 1 else values


def reference_of(world: World, n_days: int, rng: np.random.Generator) -> Reference:
    """A reference of so many whole days, which knows its days apart."""
    days = [rows for rows, _ in zip(world.days(rng), range(n_days), strict=False)]
    return Reference.fit(
        joined(days),
        SCHEMA,
        times=np.repeat(np.arange(n_days) * DAY_S, world.rows),
        window_lengths_s=[DAY_S],
        seed=int(rng.integers(1 << 31)),
    )


def profiles(world: World, reference: Reference, rng: np.random.Generator) -> Iterator[Profile]:
    """The profile of one day after the other, for ever."""
    return (count(rows, reference) for rows in world.days(rng))


def joined(batches: list[Rows]) -> Rows:
    """Batches of the same columns, one after the other."""
    columns: dict[str, Column] = {}
    for name, first in batches[0].columns.items():
        values = [batch.columns[name] for batch in batches]
        if isinstance(first, Coded):
            codes = [value.codes for value in values if isinstance(value, Coded)]
            columns[name] = Coded(np.concatenate(codes), first.levels)
        else:
            columns[name] = np.concatenate([v for v in values if not isinstance(v, Coded)])
    return Rows(columns, sum(batch.n for batch in batches))


STABLE: Final = {
    "equal days": World(),
    "days differ by 0.05 sd": World(day_effect=0.05),
    "days differ and remember": World(day_effect=0.05, memory=0.65),
}

CHANGED: Final = {
    "mean of x2 + 0.5 sd": lambda world: replace(world, shift=0.5),
    "mean of x2 + 0.1 sd": lambda world: replace(world, shift=0.1),
    "spread of x2 x 1.25": lambda world: replace(world, spread=1.25),
    "ferries 2 % to 6 %": lambda world: replace(world, rarest=0.06),
    "2 % of x5 missing": lambda world: replace(world, missing=0.02),
}
