"""Rows as points, for scorers that measure distances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.bins import SCORED_ROLES, NumericColumn, Places, ReferenceColumn, offsets_of
from detectors.columns import Coded, Counts, Floats
from detectors.scorers.placed import PlacedRows

STEPS = 256
"""To one standard deviation: coordinates are whole multiples of 1/256."""

LARGEST = (2**15 - 1) / STEPS
"""Farther out than 128 standard deviations, all points are equally far."""

LARGEST_COLUMNS = 1000
"""Of scorers whose parameters are a matrix, (columns, columns)."""

Points = Floats
"""(columns, rows) multiples of 1/256 of at most `LARGEST`: 16 bits, so that sums of many
products of two coordinates are exact. A row's score then does not depend on its batch.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """What each column's values are as numbers, of which none is missing or infinite.

    A number is its distance from the reference's mean in the reference's standard deviations;
    a missing one lies at the mean. A category of share p lies at sqrt(-2 log p), about as far
    out as a normal number that is as rare; what was never seen lies farthest.

    names: of the columns that are scored. indices: (columns,) where they are among all.
    is_number: (columns,) 1, or 0 for categories.
    centres, units: (columns,) of numbers; 0 and 1 for categories.
    rarity: (slots,) of all columns, where their categories lie; zero in those of numbers.
    """

    names: tuple[str, ...]
    indices: NDArray[np.int32]
    is_number: NDArray[np.uint8]
    centres: Floats
    units: Floats
    rarity: Points

    @staticmethod
    def fit(places: Places, columns: Sequence[ReferenceColumn]) -> "Coordinates":
        indices = [i for i, c in enumerate(columns) if c.field.role in SCORED_ROLES]
        numbers = [c if isinstance(c, NumericColumn) else None for c in columns]
        offsets = offsets_of(columns)
        rarity = np.zeros(offsets[-1])
        for i in indices:
            if numbers[i] is None:
                where = slice(offsets[i], offsets[i + 1])
                counts = np.bincount(places[i] - offsets[i], minlength=columns[i].n_slots)
                rarity[where] = _rarity(counts)
        return Coordinates(
            names=tuple(columns[i].field.name for i in indices),
            indices=np.array(indices, dtype=np.int32),
            is_number=np.array([numbers[i] is not None for i in indices], dtype=np.uint8),
            centres=np.array([0.0 if (c := numbers[i]) is None else c.centre for i in indices]),
            units=np.array([1.0 if (c := numbers[i]) is None else c.unit for i in indices]),
            rarity=rarity,
        )

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "Coordinates":
        """Raises ValueError or KeyError where the artifact does not fit the columns."""
        names = [c.field.name for c in columns if c.field.role in SCORED_ROLES]
        found = Coordinates(tuple(artifact.meta["names"]), **artifact.arrays)
        if list(found.names) != names or found.rarity.shape != (offsets_of(columns)[-1],):
            raise ValueError(f"coordinates of {list(found.names)}, not of {names}")
        if [columns[i].field.name for i in found.indices] != names:
            raise ValueError("coordinates point at other columns")
        is_number = [isinstance(columns[i], NumericColumn) for i in found.indices]
        if found.is_number.tolist() != is_number:
            raise ValueError("coordinates take numbers for categories, or the reverse")
        if not found.centres.shape == found.units.shape == (len(names),):
            raise ValueError("centres and units are not one for each column")
        if not (np.isfinite(found.centres) & (found.units > 0) & np.isfinite(found.units)).all():
            raise ValueError("centres and units are not finite, or a unit is not positive")
        return found

    def to_artifact(self) -> Artifact:
        names = ("indices", "is_number", "centres", "units", "rarity")
        return Artifact({"names": list(self.names)}, {name: getattr(self, name) for name in names})

    def __len__(self) -> int:
        return len(self.names)

    def of(self, rows: PlacedRows) -> Points:
        """(columns, rows) where the rows lie; a column that they lack is missing in all."""
        values = np.empty((len(self), rows.n))
        for i, name in enumerate(self.names):
            column = rows.rows.columns.get(name)
            if not self.is_number[i]:
                values[i] = self.rarity[rows.places[self.indices[i]]]
            else:
                values[i] = np.nan if column is None or isinstance(column, Coded) else column
        with np.errstate(over="ignore"):  # of the largest floats: clipped
            values -= self.centres[:, None]
            values /= self.units[:, None]
        return clipped(values)

    def by_column(self, terms: Floats, n_columns: int) -> Floats:
        """(scored columns, rows) -> (rows, columns): zero in columns that are not scored."""
        spread = np.zeros((terms.shape[1], n_columns))
        spread[:, self.indices] = terms.T
        return spread


def clipped(values: Floats) -> Points:
    """Any numbers as coordinates, in place; one that is missing is 0."""
    np.clip(values, -LARGEST, LARGEST, out=values)
    np.copyto(values, 0.0, where=np.isnan(values))
    values *= STEPS
    np.rint(values, out=values)
    values /= STEPS
    return values


def _rarity(counts: Counts) -> Points:
    """(slots,) as if each slot had held one row more."""
    shares = (counts + 1) / (counts.sum() + 1)
    return clipped(np.sqrt(-2 * np.log(shares)))


def check_width(coordinates: Coordinates) -> None:
    """Raises ValueError where a matrix over pairs of columns would be too large."""
    if len(coordinates) > LARGEST_COLUMNS:
        raise ValueError(f"{len(coordinates)} columns; at most {LARGEST_COLUMNS} can be scored so")


def check_matrix(matrix: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The matrix; raises ValueError where it has another shape or is not of finite floats."""
    if matrix.shape != shape or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
        raise ValueError(f"expected finite floats {shape}, found {matrix.dtype} {matrix.shape}")
    return matrix
