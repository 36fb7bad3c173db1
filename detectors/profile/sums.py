"""Sums of a column's values and of their squares, as whole numbers that add exactly."""

from collections.abc import Sequence

import numpy as np

from detectors.bins.numeric import NumericColumn
from detectors.columns import Counts, Floats, Numbers

LARGEST_Z = 2.0**10
"""Standardised values are clipped here before they are summed."""

# Fixed point: with |z| <= 2^10 the sums of 2^31 rows and more fit into 63 bits.
RESOLUTION = np.array([2.0**20, 2.0**12])

# Of so few rows the sums are below 2^53, up to which floating-point sums of whole numbers are
# exact in any order.
_EXACT_ROWS = 1 << 17
_ONES = np.ones(_EXACT_ROWS)

# Columns of few rows are summed together: so many values are worth a call of NumPy's, and stay in
# the processor's cache.
_BLOCK_VALUES = 1 << 14

_SQUARES_PER_Z = RESOLUTION[1] / RESOLUTION[0] ** 2
_LARGEST_SQUARE = LARGEST_Z**2 * RESOLUTION[1]


def z_sums(columns: Sequence[NumericColumn], values: Sequence[Numbers]) -> Counts:
    """(columns, 2) sums of z and z² over each column's finite values, in 1 / `RESOLUTION`.

    values: (rows,) of each column, or empty. z is a value's distance from the column's mean in
    the column's unit.
    """
    totals = np.zeros((len(columns), 2), dtype=np.int64)
    known = [i for i in range(len(columns)) if len(values[i])]
    n = max((len(values[i]) for i in known), default=1)
    n_rows, n_columns = min(n, _EXACT_ROWS), max(1, _BLOCK_VALUES // n)
    memory = np.empty((2, min(n_columns, len(known)), n_rows))
    centres = np.array([[columns[i].centre] for i in known])
    # A power of two changes no digit, so this makes z in its fixed point, not yet whole.
    scales = np.array([[1 / columns[i].unit * float(RESOLUTION[0])] for i in known])
    with np.errstate(over="ignore", invalid="ignore"):  # clipped, or left out
        for first in range(0, len(known), n_columns):
            part = slice(first, first + n_columns)
            block = [(columns[i], values[i]) for i in known[part]]
            totals[known[part]] = _sums(block, centres[part], scales[part], memory)
    return totals


def _sums(
    block: Sequence[tuple[NumericColumn, Numbers]], centres: Floats, scales: Floats, memory: Floats
) -> Counts:
    """Of a few columns, in memory that was used before: new memory takes as long as arithmetic."""
    totals = np.zeros((len(block), 2), dtype=np.int64)
    for start in range(0, len(block[0][1]), _EXACT_ROWS):
        parts = [numbers[start : start + _EXACT_ROWS] for _, numbers in block]
        z, squares = memory[:, : len(block), : len(parts[0])]
        for row, numbers in zip(z, parts, strict=True):
            row[:] = numbers
        z -= centres
        z *= scales
        np.multiply(z, z, out=squares)
        squares *= _SQUARES_PER_Z
        ones = _ONES[: len(parts[0])]
        sums = np.array([np.rint(z, out=z) @ ones, np.rint(squares, out=squares) @ ones])
        # NaN is not less than anything; otherwise no square can be larger than all together.
        if not sums[1].max() < _LARGEST_SQUARE:
            for i, (column, _) in enumerate(block):
                if not squares[i].max() <= _LARGEST_SQUARE:
                    sums[:, i] = _clipped_sums(column, parts[i])
        totals += sums.T.astype(np.int64)
    return totals


def _clipped_sums(column: NumericColumn, values: Numbers) -> tuple[float, float]:
    finite = values[np.isfinite(values)].astype(np.float64)
    z = np.clip((finite - column.centre) * (1 / column.unit), -LARGEST_Z, LARGEST_Z)
    return float(np.rint(z * RESOLUTION[0]).sum()), float(np.rint(z * z * RESOLUTION[1]).sum())
