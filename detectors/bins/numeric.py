"""Bins of a numeric column: reference quantiles, and values of much mass each on its own."""

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.bins.placing import LARGEST, Keys, Ruler, Singles, largest_double, rulers_of
from detectors.bins.slots import ABOVE, BELOW, FIRST_BIN, MISSING, NEG_INF, POS_INF, Slots
from detectors.columns import Counts, Field, Floats, Numbers

N_QUANTILES = 256
LARGEST_EDGES = 1024
SMALLEST_UNIT = 1e-300
"""Has a finite inverse."""

LARGEST_FLOAT = float(np.finfo(np.float64).max)

LARGEST_UNSETTLED_SHARE = 0.01
"""Of the reference's values a ruler may leave so many to the binary search."""

_MOMENTS = ("centre", "scale", "minimum", "maximum")


@dataclass(frozen=True, kw_only=True, eq=False)
class NumericColumn:
    """A numeric column's bins and the moments of its finite reference values.

    edges: (k,) strictly increasing; bin i holds edges[i - 1] < x <= edges[i], so there are
        k - 1 bins between the reference's minimum and maximum. A column without a finite
        reference value has the one edge 0 and no bins.
    means: (k - 1,) mean reference value of each bin, the midpoint where it holds none.
    atoms: values of much mass, increasing. Each has a bin of its own, which holds what float32
        cannot tell from it, or, in a column without a ruler, nothing else.
    ruler: places values quickly; None where float32 is too coarse for the column.
    centre, scale: mean and standard deviation; scale is 0 for a constant column.
    """

    field: Field
    edges: Floats
    means: Floats
    atoms: Floats
    ruler: Ruler | None
    centre: float
    scale: float
    minimum: float
    maximum: float

    @staticmethod
    def fit(field: Field, values: Numbers) -> "NumericColumn":
        finite = values[np.isfinite(values)].astype(np.float64)
        ordered = np.sort(finite) + 0.0  # -0 becomes 0: one value, one edge
        centre, scale = _mean_and_sd(ordered)
        atoms = _atoms(ordered)
        ruler, edges = _ruler_and_edges(ordered, atoms)
        return NumericColumn(
            field=field,
            edges=edges,
            means=_bin_means(ordered, edges, atoms),
            atoms=atoms,
            ruler=ruler,
            centre=centre,
            scale=scale,
            minimum=float(ordered[0]) if len(ordered) else 0.0,
            maximum=float(ordered[-1]) if len(ordered) else 0.0,
        )

    @staticmethod
    def between(field: Field, edges: Floats) -> "NumericColumn":
        """Bins at given edges, to within a key of a ruler, for numbers from the first edge to the
        last that are spread evenly. Raises StopIteration where no ruler is fine enough.
        """
        ruler = next(rulers_of(edges))
        keys = ruler.keys(edges.astype(np.float32))
        keys[0] -= 1  # the first bin holds its lower edge, too
        low, high = float(edges[0]), float(edges[-1])
        return NumericColumn(
            field=field,
            edges=largest_double(ruler.last_values(keys)),
            means=(edges[:-1] + edges[1:]) / 2,
            atoms=np.empty(0),
            ruler=ruler,
            centre=(low + high) / 2,
            scale=(high - low) / math.sqrt(12),
            minimum=low,
            maximum=high,
        )

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "NumericColumn":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
        edges, means, atoms = (artifact.arrays[name] for name in ("edges", "means", "atoms"))
        if edges.ndim != 1 or len(edges) == 0 or means.shape != (len(edges) - 1,):
            raise ValueError(f"column {field.name!r} has edges {edges.shape}, means {means.shape}")
        if len(edges) > LARGEST_EDGES or not (edges[1:] > edges[:-1]).all():
            raise ValueError(f"column {field.name!r} has too many edges, or not increasing ones")
        if not ((atoms > edges[0]) & (atoms <= edges[-1])).all() or (atoms[1:] <= atoms[:-1]).any():
            raise ValueError(f"column {field.name!r} has atoms outside its bins")
        moments = {name: float(artifact.meta[name]) for name in _MOMENTS}
        if not np.isfinite([*moments.values(), *means]).all():
            raise ValueError(f"column {field.name!r} has moments that are not finite")
        ruler = artifact.meta.get("ruler")
        return NumericColumn(
            field=field,
            edges=edges,
            means=means,
            atoms=atoms,
            ruler=None if ruler is None else Ruler.read(ruler),
            **moments,
        )

    def to_artifact(self) -> Artifact:
        meta: dict[str, Any] = {name: getattr(self, name) for name in _MOMENTS}
        meta["ruler"] = None if self.ruler is None else asdict(self.ruler)
        return Artifact(meta, {"edges": self.edges, "means": self.means, "atoms": self.atoms})

    @property
    def n_slots(self) -> int:
        return FIRST_BIN + len(self.edges) - 1

    @property
    def unit(self) -> float:
        """What differences are measured in: the scale, or where it is 0 the centre's magnitude."""
        return max(self.scale or abs(self.centre) or 1.0, SMALLEST_UNIT)

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
    def extents(self) -> tuple[Floats, Floats]:
        """Between what values each bin lies: its edges, or for an atom's bin twice the atom."""
        lower, upper = self.edges[:-1].copy(), self.edges[1:].copy()
        of_atoms = np.searchsorted(self.edges, self.atoms) - 1
        lower[of_atoms] = upper[of_atoms] = self.atoms
        return lower, upper

    @cached_property
    def positions(self) -> Floats:
        """(bins + 4,) a finite value that stands for each slot of `value_order`.

        A bin's reference mean; beyond the reference, its minimum and maximum: a distance
        computed from positions never exceeds the true one by what lies outside.
        """
        low, high = self.minimum, self.maximum
        return np.array([low, low, *self.means, high, high])

    def count(self, values: Numbers) -> Counts:
        """(rows,) -> (n_slots,) how many values fell into each slot."""
        return np.bincount(self.place(values), minlength=self.n_slots)

    def place(self, values: Numbers) -> Slots:
        """(rows,) -> (rows,) the slot of every value, whether they are float64 or float32."""
        return self.place_from(0, values, np.empty(len(values), dtype=np.intp))

    def place_from(self, offset: int, values: Numbers, out: Slots) -> Slots:
        """Writes the slot of every value, counted from an offset; all are (rows,)."""
        if self.ruler is None:
            return np.add(self._search(values), offset, out=out)
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is searched for
            singles = values.astype(np.float32, copy=False)
            self._look_up(self.ruler.positions(singles), offset, out)
            # Twice as quick as to look at each; of large values it says no more than that.
            may_be_infinite = not np.isfinite(singles @ singles)
        if may_be_infinite:
            out[np.isnan(singles)] = MISSING + offset
            self._settle(offset, out, values, np.isinf(singles))
        if self.atom_of_slot is not None:
            atoms = self.atom_of_slot.take(out - offset)
            self._settle(offset, out, values, (singles < atoms) | (singles > atoms))
        return out

    def ordered(self, counts: Counts) -> Counts:
        """(..., n_slots) -> (..., bins + 4) in the order of values, missing left out."""
        return counts[..., self.value_order]

    def _search(self, values: Numbers) -> Slots:
        return self._sorted_slots[np.searchsorted(self._cuts, values, side="left")]

    def _look_up(self, positions: Keys, offset: int, out: Slots) -> None:
        if len(positions) > len(self.table):  # then the table is quicker added to than the slots
            (self.table + np.intp(offset)).take(positions, mode="clip", out=out)
        else:
            out[:] = self.table.take(positions, mode="clip")
            out += offset

    def _settle(
        self, offset: int, slots: Slots, values: Numbers, doubtful: NDArray[np.bool_]
    ) -> None:
        """Searches for those values for which the table has no answer."""
        rows = np.flatnonzero(doubtful)
        slots[rows] = self._search(values[rows]) + offset

    @cached_property
    def table(self) -> NDArray[np.uint16]:
        """(keys,) by position on the ruler, the slot of the values there; an atom's, if any."""
        assert self.ruler is not None
        ends = self.ruler.keys(self.edges.astype(np.float32))
        rank = np.searchsorted(ends, np.arange(self.ruler.n_keys))
        table = self._sorted_slots[rank + 1].astype(np.uint16)
        table[self.ruler.keys(self.atoms.astype(np.float32))] = self._search(self.atoms)
        return table if self.ruler.slope > 0 else table[::-1].copy()

    @cached_property
    def atom_of_slot(self) -> Singles | None:
        """(n_slots,) the atom of each slot, NaN where there is none; None without any."""
        if len(self.atoms) == 0:
            return None
        atoms = np.full(self.n_slots, np.nan, dtype=np.float32)
        atoms[self._search(self.atoms)] = self.atoms
        return atoms

    @cached_property
    def _sorted_slots(self) -> Slots:
        """The slots in the order in which a sort leaves values: NaN last."""
        return np.append(self.value_order, MISSING)

    @cached_property
    def _cuts(self) -> Floats:
        """The upper limits of `_sorted_slots` but the last, missing."""
        return np.array([-np.inf, *self.edges, LARGEST_FLOAT, np.inf])


def _ruler_and_edges(ordered: Floats, atoms: Floats) -> tuple[Ruler | None, Floats]:
    """A ruler that is fine enough, with edges on it; without one, edges at values themselves."""
    if len(ordered) == 0:
        return None, np.zeros(1)
    if _survives_rounding(ordered, atoms):
        marks = np.unique(np.concatenate([ordered[[0, -1]], atoms, _quantiles(ordered)]))
        for ruler in rulers_of(marks):
            if _unsettled_share(ruler, ordered, atoms) <= LARGEST_UNSETTLED_SHARE:
                return ruler, _edges_on(ruler, ordered, atoms)
    return None, _edges(ordered, atoms)


def _survives_rounding(ordered: Floats, atoms: Floats) -> bool:
    """Whether float32 holds the values, and rounds no other to what it rounds an atom to."""
    if max(abs(ordered[0]), abs(ordered[-1])) > LARGEST:
        return False
    n_alike = _multiplicities(ordered.astype(np.float32), atoms.astype(np.float32))
    return bool((n_alike == _multiplicities(ordered, atoms)).all())


def _multiplicities(ordered: NDArray[np.floating], values: NDArray[np.floating]) -> Counts:
    ends = np.searchsorted(ordered, values, side="right")
    return ends - np.searchsorted(ordered, values, side="left")


def _unsettled_share(ruler: Ruler, ordered: Floats, atoms: Floats) -> float:
    """The share of values that have an atom's key and are not that atom."""
    singles, rounded = ordered.astype(np.float32), atoms.astype(np.float32)
    atom_of_key = dict(zip(ruler.keys(rounded).tolist(), rounded.tolist(), strict=True))
    keys = ruler.keys(singles)
    of_key = np.full(ruler.n_keys, np.nan, dtype=np.float32)
    of_key[list(atom_of_key)] = list(atom_of_key.values())
    found = of_key[keys]
    return float(np.mean((found < singles) | (found > singles)))


def _edges_on(ruler: Ruler, ordered: Floats, atoms: Floats) -> Floats:
    """Edges where keys end, and on either side of every atom."""
    rounded = atoms.astype(np.float32)
    ends = ruler.keys(np.setdiff1d(_quantiles(ordered), atoms).astype(np.float32))
    if ordered[0] not in atoms:
        ends = np.append(ends, ruler.keys(ordered[:1].astype(np.float32)) - 1)
    below_atoms = np.nextafter(rounded, np.float32(-np.inf))
    lasts = np.concatenate([ruler.last_values(np.unique(ends)), below_atoms, rounded])
    return np.unique(largest_double(lasts)) + 0.0  # no -0 among them


def _edges(ordered: Floats, atoms: Floats) -> Floats:
    """Strictly increasing edges at values that occur, for sorted finite values."""
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
    if len(ordered) == 0:
        return np.empty(0)
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


def _bin_means(ordered: Floats, edges: Floats, atoms: Floats) -> Floats:
    """(k - 1,) mean value of each bin, its midpoint where it is empty."""
    lower, upper = np.maximum(edges[:-1], -LARGEST_FLOAT), edges[1:]
    means = lower / 2 + upper / 2
    ends = np.searchsorted(ordered, edges, side="right")
    n = np.diff(ends)
    if len(ordered):
        scaled, exponent = _scaled(ordered)
        sums = np.add.reduceat(scaled, ends[:-1][n > 0])
        means[n > 0] = _unscaled(sums / n[n > 0], exponent)
    means = np.clip(means, lower, upper)
    means[np.searchsorted(edges, atoms) - 1] = atoms
    return means


def _scaled(ordered: Floats) -> tuple[Floats, int]:
    """Sorted values times a power of two, which is exact, so that no sum or square overflows."""
    exponent = int(np.frexp(max(abs(ordered[0]), abs(ordered[-1])))[1])
    scaled: Floats = np.ldexp(ordered, -exponent)
    return scaled, exponent


def _unscaled(values: Floats, exponent: int) -> Floats:
    with np.errstate(over="ignore"):  # rounding may pass the largest float: callers clip
        unscaled: Floats = np.ldexp(values, exponent)
    return unscaled
