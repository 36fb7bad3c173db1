"""The model that every server serves: free seats on a tram, from a number, a count, a name and a
flag, so that each type of a format is used. Needs NumPy alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

NAME = "seats"
PREDICTION = "prediction"


def predict(columns: Mapping[str, Any]) -> Any:
    """(rows,) float64, from the columns headway, boarded, stop and rain of (rows,) each."""
    headway, boarded = (np.asarray(columns[name], float) for name in ("headway", "boarded"))
    stop, rain = np.asarray(columns["stop"], str), np.asarray(columns["rain"], bool)
    return 3.0 * headway - 0.25 * boarded + 10.0 * (stop == "harbour") - 1.5 * rain
