"""Sums of squares of linear forms of a point: what Mahalanobis' distance and a reconstruction
error are."""

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats
from detectors.scorers.coordinates import Points

_MATRIX_STEPS = 2.0**20
_FORM_STEPS, _LARGEST_FORM = 2.0**8, 2.0**13
_BATCH_ROWS = 1 << 10


def rounded(matrix: NDArray[np.float64]) -> Floats:
    """A matrix whose products with points are exact sums: multiples of 2^-20, at most 32."""
    return np.asarray(np.rint(np.clip(matrix, -32.0, 32.0) * _MATRIX_STEPS) / _MATRIX_STEPS)


def squared_forms(matrix: Floats, points: Points) -> Floats:
    """(forms, columns) and (columns, rows) -> (forms, rows) the square of each form.

    Each form is rounded to 1/256 and clipped at 2^13, so that sums of the squares are exact too.
    """
    forms: Floats = matrix @ points
    np.clip(forms, -_LARGEST_FORM, _LARGEST_FORM, out=forms)
    forms *= _FORM_STEPS
    np.rint(forms, out=forms)
    forms /= _FORM_STEPS
    forms *= forms
    return forms


def sum_of_squared_forms(matrix: Floats, points: Points) -> Floats:
    """(forms, columns) and (columns, rows) -> (rows,), in batches that fit a cache."""
    total = np.empty(points.shape[1])
    for i in range(0, len(total), _BATCH_ROWS):
        squared_forms(matrix, points[:, i : i + _BATCH_ROWS]).sum(
            axis=0, out=total[i : i + _BATCH_ROWS]
        )
    return total
