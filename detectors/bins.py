"""Bins fitted to a reference: where every value of a column is counted.

A value's *slot* is its position in the count vector of its column. The bins of a numeric
column are reference quantiles, with a singleton bin for every value that carries much of the
mass, so that a rank is known to within one bin and ties are never smeared.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.columns import Coded, Column, Counts, Field, Floats, Role, Rows

MISSING, NEG_INF, POS_INF, BELOW, ABOVE = range(5)
"""The first slots of a numeric column; its bins follow."""

UNSEEN, OTHER = 1, 2
"""The slots of a category column after MISSING: never seen in the reference; seen, but too rare
for a slot of its own. Its levels follow."""

FIRST_BIN = 5
FIRST_LEVEL = 3
N_QUANTILES = 256
N_LEVELS = 256
N_REMEMBERED_LEVELS = 4096
LARGEST_EDGES = 1024

Slots = NDArray[np.intp]
"""(rows,) positions in the count vector of one column."""

Places = NDArray[np.intp]
"""(columns, rows) positions in the count vectors of several columns, one after another."""

SCORED_ROLES = (Role.FEATURE, Role.PREDICTION)
"""The columns that scorers look at."""

_MOMENTS = ("centre", "scale", "minimum", "maximum")
LARGEST_FLOAT = float(np.finfo(np.float64).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class NumericColumn:
    """A numeric column's bins and the moments of its finite reference values.

    edges: (k,) strictly increasing; bin i holds edges[i - 1] < x <= edges[i], so there are
        k - 1 bins between the reference's minimum and maximum. A column without a finite
        reference value has the one edge 0 and no bins.
    means: (k - 1,) mean reference value of each bin, the midpoint where it holds none.
    centre, scale: mean and standard deviation; scale is 0 for a constant column.
    """

    field: Field
    edges: Floats
    means: Floats
    centre: float
    scale: float
    minimum: float
    maximum: float

    @staticmethod
    def fit(field: Field, values: Floats) -> "NumericColumn":
        ordered = np.sort(values[np.isfinite(values)]) + 0.0  # -0 becomes 0: one value, one edge
        centre, scale = _mean_and_sd(ordered)
        edges = _edges(ordered)
        return NumericColumn(
            field=field,
            edges=edges,
            means=_bin_means(ordered, edges),
            centre=centre,
            scale=scale,
            minimum=float(ordered[0]) if len(ordered) else 0.0,
            maximum=float(ordered[-1]) if len(ordered) else 0.0,
        )

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "NumericColumn":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
        edges, means = artifact.arrays["edges"], artifact.arrays["means"]
        if edges.ndim != 1 or len(edges) == 0 or means.shape != (len(edges) - 1,):
            raise ValueError(f"column {field.name!r} has edges {edges.shape}, means {means.shape}")
        if len(edges) > LARGEST_EDGES or not (edges[1:] > edges[:-1]).all():
            raise ValueError(f"column {field.name!r} has too many edges, or not increasing ones")
        moments = {name: float(artifact.meta[name]) for name in _MOMENTS}
        if not np.isfinite([*moments.values(), *means]).all():
            raise ValueError(f"column {field.name!r} has moments that are not finite")
        return NumericColumn(field=field, edges=edges, means=means, **moments)

    def to_artifact(self) -> Artifact:
        meta = {name: getattr(self, name) for name in _MOMENTS}
        return Artifact(meta, {"edges": self.edges, "means": self.means})

    @property
    def n_slots(self) -> int:
        return FIRST_BIN + len(self.edges) - 1

    @property
    def unit(self) -> float:
        """What differences are measured in: the scale, or where it is 0 the centre's magnitude."""
        return self.scale or abs(self.centre) or 1.0

    @cached_property
    def value_order(self) -> Slots:
        """(bins + 4,) slots in the order of values: -inf, below, bins, above, +inf."""
        bins = range(FIRST_BIN, self.n_slots)
        return np.array([NEG_INF, BELOW, *bins, ABOVE, POS_INF], dtype=np.intp)

    @cached_property
    def limits(self) -> tuple[Floats, Floats]:
        """Lower (exclusive) and upper (inclusive) limit of each slot of `value_order`.

        Two arrays (bins + 4,). The slots of the infinities have both limits infinite.
        """
        infinite = np.inf
        lower = np.array([-infinite, -infinite, *self.edges, infinite])
        upper = np.array([-infinite, *self.edges, infinite, infinite])
        return lower, upper

    @cached_property
    def positions(self) -> Floats:
        """(bins + 4,) a finite value that stands for each slot of `value_order`.

        A bin's reference mean; beyond the reference, its minimum and maximum: a distance
        computed from positions never exceeds the true one by what lies outside.
        """
        low, high = self.minimum, self.maximum
        return np.array([low, low, *self.means, high, high])

    def count(self, values: Floats) -> Counts:
        """(rows,) -> (n_slots,) how many values fell into each slot.

        Sorting the column and looking the edges up in it is quicker than placing every value.
        """
        ends = np.searchsorted(np.sort(values), self._cuts, side="right")
        counts = np.zeros(self.n_slots, dtype=np.int64)
        counts[self._sorted_slots] = np.diff(ends, prepend=0, append=len(values))
        return counts

    def place(self, values: Floats) -> Slots:
        """(rows,) -> (rows,) the slot of every value."""
        return self._sorted_slots[np.searchsorted(self._cuts, values, side="left")]

    def ordered(self, counts: Counts) -> Counts:
        """(..., n_slots) -> (..., bins + 4) in the order of values, missing left out."""
        return counts[..., self.value_order]

    @cached_property
    def _sorted_slots(self) -> Slots:
        """The slots in the order in which a sort leaves values: NaN last."""
        return np.append(self.value_order, MISSING)

    @cached_property
    def _cuts(self) -> Floats:
        """The upper limits of `_sorted_slots` but the last, missing."""
        return np.array([-np.inf, *self.edges, LARGEST_FLOAT, np.inf])


@dataclass(frozen=True, kw_only=True, eq=False)
class CategoryColumn:
    """The levels of a category or boolean column that the reference knows.

    levels: the commonest, most common first, at most `N_LEVELS`; each has a slot.
    others: known, but too rare for a slot of their own.
    open_ended: there were more levels than are remembered, so a level that is not in memory
        may well be known: it counts as OTHER, not as UNSEEN.
    """

    field: Field
    levels: tuple[str, ...]
    others: tuple[str, ...] = ()
    open_ended: bool = False

    @staticmethod
    def fit(field: Field, column: Coded) -> "CategoryColumn":
        ranked = _ranked_levels(column)
        remembered = ranked[:N_REMEMBERED_LEVELS]
        return CategoryColumn(
            field=field,
            levels=tuple(remembered[:N_LEVELS]),
            others=tuple(remembered[N_LEVELS:]),
            open_ended=len(ranked) > len(remembered),
        )

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "CategoryColumn":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
        levels, others = tuple(artifact.meta["levels"]), tuple(artifact.meta["others"])
        if not all(isinstance(level, str) for level in levels + others):
            raise ValueError(f"column {field.name!r} has a level that is not a string")
        if len(set(levels + others)) < len(levels + others) or len(levels) > N_LEVELS:
            raise ValueError(f"column {field.name!r} has repeated levels, or too many")
        return CategoryColumn(
            field=field, levels=levels, others=others, open_ended=bool(artifact.meta["open_ended"])
        )

    def to_artifact(self) -> Artifact:
        meta = {"levels": self.levels, "others": self.others, "open_ended": self.open_ended}
        return Artifact(meta, {})

    @property
    def n_slots(self) -> int:
        return FIRST_LEVEL + len(self.levels)

    def count(self, column: Coded) -> Counts:
        """(rows,) -> (n_slots,) how many values fell into each slot."""
        counts = np.zeros(self.n_slots, dtype=np.int64)
        per_code = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)
        np.add.at(counts, self._slot_of_codes(column), per_code)
        return counts

    def place(self, column: Coded) -> Slots:
        """(rows,) -> (rows,) the slot of every value."""
        return self._slot_of_codes(column)[column.codes + 1]

    def ordered(self, counts: Counts) -> Counts:
        """(..., n_slots) -> (..., n_slots - 1): unseen, other, levels; missing left out."""
        return counts[..., UNSEEN:]

    def _slot_of_codes(self, column: Coded) -> Slots:
        """(1 + levels of the batch,) slots of the codes -1, 0, 1, ..."""
        slot_of, unknown = self._slot_of_level, OTHER if self.open_ended else UNSEEN
        slots = [slot_of.get(level, unknown) for level in column.levels]
        return np.array([MISSING, *slots], dtype=np.intp)

    @cached_property
    def _slot_of_level(self) -> Mapping[str, int]:
        slot_of = dict.fromkeys(self.others, OTHER)
        slot_of.update((level, FIRST_LEVEL + i) for i, level in enumerate(self.levels))
        return slot_of


ReferenceColumn = NumericColumn | CategoryColumn


def fit_column(field: Field, column: Column) -> ReferenceColumn:
    """The bins of one column; the column's kind must be what the field declares."""
    if isinstance(column, Coded):
        return CategoryColumn.fit(field, column)
    return NumericColumn.fit(field, column)


def p_value_column(field: Field) -> NumericColumn:
    """Fixed bins for p-values: logarithmic from 2^-12 to 1, four to each halving."""
    edges = np.append(0.0, 2.0 ** (np.arange(-48, 1) / 4))
    return NumericColumn(
        field=field,
        edges=edges,
        means=(edges[:-1] + edges[1:]) / 2,
        centre=0.5,
        scale=math.sqrt(1 / 12),
        minimum=0.0,
        maximum=1.0,
    )


def column_from_artifact(field: Field, artifact: Artifact) -> ReferenceColumn:
    """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
    kind = NumericColumn if field.type.is_numeric else CategoryColumn
    return kind.from_artifact(field, artifact)


def offsets_of(columns: Sequence[ReferenceColumn]) -> tuple[int, ...]:
    """(columns + 1) where each column's slots begin and where the last one's end."""
    return (0, *accumulate(column.n_slots for column in columns))


def place(rows: Rows, columns: Sequence[ReferenceColumn]) -> Places:
    """The place of every value; a column that the rows lack is missing in all of them.

    Raises ValueError naming a column that holds strings where numbers were declared, or the
    reverse.
    """
    places = np.empty((len(columns), rows.n), dtype=np.intp)
    for i, (column, offset) in enumerate(zip(columns, offsets_of(columns)[:-1], strict=True)):
        places[i] = offset + _place_column(rows.columns.get(column.field.name), column)
    return places


def _place_column(values: Column | None, column: ReferenceColumn) -> Slots | int:
    if values is None:
        return MISSING
    if isinstance(column, NumericColumn) and not isinstance(values, Coded):
        return column.place(values)
    if isinstance(column, CategoryColumn) and isinstance(values, Coded):
        return column.place(values)
    found = "categories" if isinstance(values, Coded) else "numbers"
    raise ValueError(f"column {column.field.name!r} is {column.field.type}, but holds {found}")


def _edges(ordered: Floats) -> Floats:
    """Strictly increasing edges for sorted finite values; the one edge 0 without any."""
    if len(ordered) == 0:
        return np.zeros(1)
    atoms = _atoms(ordered)
    with np.errstate(over="ignore"):  # below the lowest float lies -inf, which serves as well
        below_atoms = np.nextafter(np.append(atoms, ordered[0]), -np.inf)
    edges = np.unique(np.concatenate([below_atoms, atoms, _quantiles(ordered)]))
    return edges + 0.0  # no -0 among them


def _quantiles(ordered: Floats) -> Floats:
    """Inverted-CDF quantiles, the last of them the maximum: every one a value that occurs."""
    probabilities = np.append(np.arange(1, N_QUANTILES + 1) / N_QUANTILES, (0.005, 0.995))
    ranks = np.ceil(probabilities * len(ordered)).astype(np.intp)
    quantiles: Floats = ordered[ranks - 1]
    return quantiles


def _atoms(ordered: Floats) -> Floats:
    """The values that occur more than once and hold at least one quantile's worth of mass."""
    starts = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)
    lengths = np.diff(starts, append=len(ordered))
    atoms: Floats = ordered[starts[lengths >= max(2.0, len(ordered) / N_QUANTILES)]]
    return atoms


def _mean_and_sd(ordered: Floats) -> tuple[float, float]:
    """Of sorted finite values; (0, 0) without any."""
    if len(ordered) == 0:
        return 0.0, 0.0
    lowest, highest = float(ordered[0]), float(ordered[-1])
    if lowest == highest:
        return lowest, 0.0
    scaled, exponent = _scaled(ordered)
    mean, sd = _unscaled(np.array([scaled.mean(), scaled.std()]), exponent)
    return float(np.clip(mean, lowest, highest)), float(min(sd, LARGEST_FLOAT))


def _bin_means(ordered: Floats, edges: Floats) -> Floats:
    """(k - 1,) mean value of each bin, its midpoint where it is empty."""
    lower, upper = np.maximum(edges[:-1], -LARGEST_FLOAT), edges[1:]
    means = lower / 2 + upper / 2
    ends = np.searchsorted(ordered, edges, side="right")
    n = np.diff(ends)
    if len(ordered):
        scaled, exponent = _scaled(ordered)
        sums = np.add.reduceat(scaled, ends[:-1][n > 0])
        means[n > 0] = _unscaled(sums / n[n > 0], exponent)
    singleton = np.nextafter(lower, np.inf) == upper
    return np.where(singleton, upper, np.clip(means, lower, upper))


def _scaled(ordered: Floats) -> tuple[Floats, int]:
    """Sorted values times a power of two, which is exact, so that no sum or square overflows."""
    exponent = int(np.frexp(max(abs(ordered[0]), abs(ordered[-1])))[1])
    scaled: Floats = np.ldexp(ordered, -exponent)
    return scaled, exponent


def _unscaled(values: Floats, exponent: int) -> Floats:
    with np.errstate(over="ignore"):  # rounding may pass the largest float: callers clip
        unscaled: Floats = np.ldexp(values, exponent)
    return unscaled


def _ranked_levels(column: Coded) -> list[str]:
    """The levels that occur, most common first, equally common ones by name."""
    per_code = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)[1:]
    tally = Counter(dict(zip(column.levels, per_code.tolist(), strict=True)))
    present = [(level, n) for level, n in tally.items() if n > 0]
    return [level for level, _ in sorted(present, key=lambda item: (-item[1], item[0]))]
