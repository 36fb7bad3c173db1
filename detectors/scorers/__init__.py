"""Scorers map a row to one number. Each sees where a row's values fell, never the values.

A scorer's input is *places*: (columns, rows) positions in the count vector of a reference's
declared columns. So infinities, missing and unseen values are ordinary input to it, and its
parameters are plain arrays over those positions.
"""

from detectors.scorers.expected_error import ExpectedError
from detectors.scorers.outlier import Outlier

__all__ = ["ExpectedError", "Outlier"]
