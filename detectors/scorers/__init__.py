"""Scorers map a row to one number: how unlike the reference it is, or how wrong the model on it.

One algorithm a file, its parameters plain arrays. Every scorer is fitted on `PlacedRows` of the
reference and scores others. `Outlier` is one of `OUTLIER_SCORERS`, chosen by name, and the scores
by which others are judged.
"""

from detectors.scorers.expected_error import ExpectedError
from detectors.scorers.outlier import OUTLIER_SCORERS, Outlier
from detectors.scorers.placed import PlacedRows

__all__ = ["OUTLIER_SCORERS", "ExpectedError", "Outlier", "PlacedRows"]
