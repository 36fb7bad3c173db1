"""Numeric columns that have rulers, placed together: for few rows, a call of NumPy's costs more
than what it does to one column of them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bins.numeric import NumericColumn
from detectors.bins.placing import Singles
from detectors.bins.slots import MISSING, Places
from detectors.columns import Numbers

BLOCK_VALUES = 1 << 15
"""So many are placed at once, that they stay in the processor's cache."""


class RuledColumns:
    """Columns with a ruler each, and their tables one after another."""

    def __init__(self, columns: Sequence[NumericColumn], offsets: Sequence[int]) -> None:
        """offsets: where the columns' slots begin among all places."""
        rulers = [column.ruler for column in columns if column.ruler is not None]
        tables = [column.table for column in columns]
        starts = [0, *accumulate(len(table) for table in tables)]
        self._columns = columns
        self._slopes = _column([ruler.slope for ruler in rulers], np.float32)
        self._intercepts = _column([ruler.intercept for ruler in rulers], np.float32)
        self._shifts = _column([ruler.shift for ruler in rulers], np.int32)
        self._origins = _column([ruler.origin - 1 for ruler in rulers], np.int32)
        self._last_keys = _column([ruler.n_keys - 1 for ruler in rulers], np.int32)
        self._starts = _column(starts[:-1], np.int32)
        self._offsets = _column(offsets, np.intp)
        self._table = np.concatenate([np.empty(0, np.uint16), *tables])
        self._atoms = _atoms(columns, offsets)

    def place(self, values: Sequence[Numbers], first: int = 0) -> Places:
        """(columns, rows) the places of the values of as many columns, from the `first` on."""
        part = slice(first, first + len(values))
        singles = np.empty((len(values), len(values[0])), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is searched for
            for row, numbers in zip(singles, values, strict=True):
                row[:] = numbers
            keys = self._keys(singles, part)
        places = self._table.take(keys, mode="clip").astype(np.intp)
        places += self._offsets[part]
        for i in self._doubtful(singles, places, part):
            places[i] = self._columns[first + i].place(values[i]) + self._offsets[first + i]
        return places

    def _keys(self, singles: Singles, part: slice) -> NDArray[np.int32]:
        """Positions in `table`; see `Ruler.positions`."""
        scaled = singles * self._slopes[part]
        scaled += self._intercepts[part]
        bits: NDArray[np.int32] = scaled.view(np.int32)
        np.right_shift(bits, self._shifts[part], out=bits)
        bits -= self._origins[part]
        np.clip(bits, 0, self._last_keys[part], out=bits)
        bits += self._starts[part]
        return bits

    def _doubtful(self, singles: Singles, places: Places, part: slice) -> NDArray[np.intp]:
        """Columns with a value for which their table has no answer; missing values get theirs."""
        doubtful = np.zeros(len(singles), dtype=bool)
        is_finite = np.isfinite(singles)
        if not is_finite.all():
            missing = np.isnan(singles)
            np.copyto(places, self._offsets[part] + MISSING, where=missing)
            doubtful |= ~(is_finite | missing).all(axis=1)
        if self._atoms is not None:
            atoms = self._atoms.take(places)
            doubtful |= ((singles < atoms) | (singles > atoms)).any(axis=1)
        return np.flatnonzero(doubtful)


def _column(numbers: Sequence[float], dtype: type) -> NDArray[Any]:
    return np.array(numbers, dtype=dtype)[:, np.newaxis]


def _atoms(columns: Sequence[NumericColumn], offsets: Sequence[int]) -> Singles | None:
    """(places,) the atom of each place, NaN where there is none; None without any."""
    found = [(o, c.atom_of_slot) for c, o in zip(columns, offsets, strict=True)]
    if all(of_slot is None for _, of_slot in found):
        return None
    atoms = np.full(offsets[-1] + columns[-1].n_slots, np.nan, dtype=np.float32)
    for offset, of_slot in found:
        if of_slot is not None:
            atoms[offset : offset + len(of_slot)] = of_slot
    return atoms
