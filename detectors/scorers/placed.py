"""What a scorer sees of rows: their values, and where each fell among the reference's bins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bins import Places, ReferenceColumn, place
from detectors.columns import Rows, rows_at


@dataclass(frozen=True, slots=True)
class PlacedRows:
    """Rows, and the places of their values.

    places: (columns, rows) positions in the count vectors of the reference's declared columns.
        Infinities, missing and unseen values have places of their own, so they are ordinary
        input to a scorer that looks at places alone.
    """

    rows: Rows
    places: Places

    @staticmethod
    def of(rows: Rows, columns: Sequence[ReferenceColumn]) -> "PlacedRows":
        return PlacedRows(rows, place(rows, columns))

    def at(self, where: slice | NDArray[np.intp]) -> "PlacedRows":
        """Some of the rows."""
        return PlacedRows(rows_at(self.rows, where), self.places[:, where])

    @property
    def n(self) -> int:
        return int(self.places.shape[1])
