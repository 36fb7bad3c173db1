"""Sums of a column's values and of their squares, as whole numbers that add exactly."""

import numpy as np

from detectors.bins.numeric import NumericColumn
from detectors.columns import Counts, Floats, Numbers

LARGEST_Z = 2.0**10
"""Standardised values are clipped here before they are summed."""

# Fixed point: with |z| <= 2^10 the sums of 2^31 rows and more fit into 63 bits.
RESOLUTION = np.array([2.0**20, 2.0**12])

# Of so few rows the sums are below 2^53, up to which floating-point sums of whole numbers are
# exact in any order.
_EXACT_ROWS = 1 << 14
_ONES = np.ones(_EXACT_ROWS)


def z_sums(column: NumericColumn, values: Numbers) -> Counts:
    """(rows,) -> (2,) sums of z and z² over the finite values, in 1 / `RESOLUTION`.

    z is a value's distance from the column's mean in the column's unit.
    """
    total = np.zeros(2, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):  # clipped, or left out
        for start in range(0, len(values), _EXACT_ROWS):
            part = values[start : start + _EXACT_ROWS]
            sums = _sums(_z(column, part))
            # The square of one z beyond the limit is more; and NaN is not less than anything.
            if not sums[1] < LARGEST_Z**2 * RESOLUTION[1]:
                z = np.where(np.isfinite(part), _z(column, part), 0.0)
                sums = _sums(np.clip(z, -LARGEST_Z, LARGEST_Z, out=z))
            total += np.array(sums).astype(np.int64)
    return total


def _z(column: NumericColumn, values: Numbers) -> Floats:
    z = values.astype(np.float64)
    z -= column.centre
    z *= 1 / column.unit
    return z


def _sums(z: Floats) -> tuple[float, float]:
    """Of z and z² in fixed point; writes over z, for new memory takes as long as arithmetic."""
    squares, ones = z * z, _ONES[: len(z)]
    squares *= RESOLUTION[1]
    z *= RESOLUTION[0]
    return float(np.rint(z, out=z) @ ones), float(np.rint(squares, out=squares) @ ones)
