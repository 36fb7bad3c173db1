"""Rows as two-sample tests want them: complete, centred, and of a size that squares well."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats

FARTHEST = 2.0**50
"""Times a row's typical size: coordinates beyond count as there, so that squares are finite."""

_N_TYPICAL = 1000


def finite_rows(rows: ArrayLike) -> Floats:
    """(rows, d) or (rows,) -> (rows, d) float64, without the rows that lack a finite value."""
    table = np.asarray(rows, dtype=np.float64)
    table = table[:, np.newaxis] if table.ndim == 1 else table
    complete: Floats = table[np.isfinite(table).all(axis=1)]
    return complete


def pooled(reference: Floats, current: Floats) -> tuple[Floats, int]:
    """The rows of both sides about a typical one, divided by 2^exponent; and the exponent.

    Centre and size are medians, so that one wild row does not cost the others their digits.
    """
    both = np.concatenate([reference, current]) / 4  # no difference of two overflows
    some = slice(None, None, -(-len(both) // _N_TYPICAL))
    both -= np.median(both[some], axis=0)
    size = np.abs(both[some]).max(axis=1, initial=0.0)
    exponent = int(np.frexp(np.median(size) or size.max())[1])
    with np.errstate(over="ignore"):  # clipped in the same line
        both = np.clip(np.ldexp(both, -exponent), -FARTHEST, FARTHEST)
    return both, exponent + 2
