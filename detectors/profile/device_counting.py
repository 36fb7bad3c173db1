"""Counting rows on a device: what `detectors.profile.count` counts, by the kernels of a backend.

One number for each value travels to the device; what comes back are sums, and one number for each
row from each scorer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.backend import Array, Backend
from detectors.backend.rounding import rounded_down
from detectors.bins import (
    LARGEST_FLOAT,
    MISSING,
    CategoryColumn,
    NumericColumn,
    ReferenceColumn,
)
from detectors.columns import Coded, Column, Counts, Floats, Rows
from detectors.profile.sums import LARGEST_Z, RESOLUTION
from detectors.scorers.surprise import Surprise

if TYPE_CHECKING:
    from detectors.reference import Reference

T = TypeVar("T", np.float64, np.intp)

Numbers = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCounts:
    """What some rows add to a profile.

    counts: (slots,) of the declared columns. sums: (declared columns, 2) in the fixed point of a
    profile, without meaning for categories. pairs: (n_pairs,). outlier, expected_error: (rows,)
    scores.
    """

    counts: Counts
    sums: Counts
    pairs: Counts
    outlier: Floats
    expected_error: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReference:
    """A reference's tables, put on a device once.

    The *rank* of a value is how many cuts lie below it: for a number, the position of its slot in
    the order of values, for a category, its slot; the last rank is that of NaN. All tables have a
    row for each declared column and an entry for each rank.

    slots: where ranks are counted. surprise, scores, errors: what they are to the outlier score, to
    pairs of columns and to the expected error, which is None without.
    """

    reference: "Reference"
    backend: Backend
    slots: NDArray[np.intp]
    cuts: dict[str, Array]
    centre: Array
    scale: Array
    resolution: Array
    surprise: Array
    scores: Array
    errors: Array

    @staticmethod
    def of(reference: "Reference", backend: Backend) -> "DeviceReference":
        """Raises ValueError where outliers are scored by more than the places of values."""
        columns, put = reference.declared, backend.put
        n_cuts = max(len(_cuts(column)) for column in columns)
        cuts = np.stack([_filled_up(_cuts(c), n_cuts, np.inf) for c in columns])
        slots = np.stack([_filled_up(_slots(c), n_cuts + 1, MISSING) for c in columns])
        slots += np.array(reference.offsets[: len(columns)])[:, None]
        unit = [c.unit if isinstance(c, NumericColumn) else 1.0 for c in columns]
        centre = [c.centre if isinstance(c, NumericColumn) else 0.0 for c in columns]
        error = reference.expected_error
        return DeviceReference(
            reference=reference,
            backend=backend,
            slots=slots,
            cuts={"float32": put(rounded_down(cuts)), "float64": put(cuts)},
            centre=put(np.array(centre)),
            scale=put(1 / np.array(unit)),
            resolution=put(RESOLUTION),
            surprise=put(_surprise(reference)[slots]),
            scores=put(reference.rank_pairs.scores[slots].astype(np.float64)),
            errors=None if error is None else put(error.ranks[slots].astype(np.int32)),
        )

    def count(self, rows: Rows) -> DeviceCounts:
        """Of some rows, all at once: `in_batches` keeps within the device's memory.

        Raises ValueError naming a column whose kind is not the declared one.
        """
        values = self._values(rows)
        on_device = self.backend.put(values)
        ranks = self.backend.place(on_device, self.cuts[values.dtype.name])
        sums = self.backend.moments(
            on_device,
            centre=self.centre,
            scale=self.scale,
            largest=LARGEST_Z,
            resolution=self.resolution,
        )
        return DeviceCounts(
            counts=self._counts(ranks),
            sums=self.backend.get(sums),
            pairs=self._pairs(ranks),
            outlier=self._outlier(ranks),
            expected_error=self._expected_error(ranks),
        )

    def _values(self, rows: Rows) -> Numbers:
        """(declared columns, rows) float32 where all numeric columns are, else float64."""
        columns = [_numbers(rows.columns.get(c.field.name), c, rows.n) for c in self._columns]
        values: Numbers = np.stack(columns)  # of the wider type, where there are two
        return values

    def _counts(self, ranks: Array) -> Counts:
        by_rank = self.backend.count(ranks, n_places=self.slots.shape[1])
        counts = np.zeros(self.reference.offsets[len(self.slots)], dtype=np.int64)
        np.add.at(counts, self.slots, self.backend.get(by_rank))
        return counts

    def _pairs(self, ranks: Array) -> Counts:
        """Exact: products of whole numbers, whose sums float64 holds."""
        first, second = self.reference.rank_pairs.columns.T
        scores = self.backend.take(self.scores, ranks)
        products: Floats = self.backend.get(self.backend.product(scores, scores.T))
        sums: Counts = products[first, second].astype(np.int64)
        return sums

    def _outlier(self, ranks: Array) -> Floats:
        """Exact: surprises are multiples of 2^-20."""
        ones = self.backend.put(np.ones((1, len(self.slots))))
        total = self.backend.product(ones, self.backend.take(self.surprise, ranks))
        scores: Floats = self.backend.get(total)[0]
        return scores

    def _expected_error(self, ranks: Array) -> Floats | None:
        if self.reference.expected_error is None:
            return None
        features = self.backend.take(self.errors, ranks)
        trees = self.reference.expected_error.trees
        errors: Floats = self.backend.get(self.backend.sum_of_trees(trees, features))
        return errors

    @property
    def _columns(self) -> tuple[ReferenceColumn, ...]:
        return self.reference.declared


def scores_by_place(reference: "Reference") -> bool:
    """Whether the places of a row's values are all that its outlier score depends on."""
    return isinstance(reference.outlier.scorer, Surprise)


def _surprise(reference: "Reference") -> Floats:
    if isinstance(reference.outlier.scorer, Surprise):
        return reference.outlier.scorer.surprise
    raise ValueError(f"rows are scored by {reference.outlier.name!r} without a device only")


def _cuts(column: ReferenceColumn) -> Floats:
    if isinstance(column, NumericColumn):
        return np.array([-np.inf, *column.edges, LARGEST_FLOAT, np.inf])
    return np.arange(column.n_slots - 1, dtype=np.float64) + 0.5


def _slots(column: ReferenceColumn) -> NDArray[np.intp]:
    """The slot of every rank but that of NaN, which is missing."""
    if isinstance(column, NumericColumn):
        return column.value_order
    return np.arange(column.n_slots)


def _filled_up(values: NDArray[T], length: int, fill: float) -> NDArray[T]:
    filled = np.full(length, fill, dtype=values.dtype)
    filled[: len(values)] = values
    return filled


def _numbers(values: Column | None, column: ReferenceColumn, n: int) -> Numbers:
    """(rows,) a number's value, a category's slot."""
    if values is None:
        is_number = isinstance(column, NumericColumn)
        return np.full(n, np.nan if is_number else MISSING, dtype=np.float32)
    if isinstance(column, NumericColumn) and not isinstance(values, Coded):
        return values
    if isinstance(column, CategoryColumn) and isinstance(values, Coded):
        return column.place(values).astype(np.float32)
    found = "categories" if isinstance(values, Coded) else "numbers"
    raise ValueError(f"column {column.field.name!r} is {column.field.type}, but holds {found}")
