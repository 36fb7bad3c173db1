"""Profiles of rows against a reference, and how they are counted."""

from detectors.columns import rows_at, values_at
from detectors.profile.counting import count, count_faults, count_labels, count_served
from detectors.profile.profiles import ERROR, Profile, mean, stack, unstack
from detectors.profile.sums import LARGEST_Z, RESOLUTION
from detectors.profile.weighing import evened, weighed

__all__ = [
    "ERROR",
    "LARGEST_Z",
    "RESOLUTION",
    "Profile",
    "count",
    "count_faults",
    "count_labels",
    "count_served",
    "evened",
    "mean",
    "rows_at",
    "stack",
    "unstack",
    "values_at",
    "weighed",
]
