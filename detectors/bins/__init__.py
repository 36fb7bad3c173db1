"""Where every value of a column is counted, as a reference fixes it once."""

from detectors.bins.categories import N_LEVELS, N_REMEMBERED_LEVELS, CategoryColumn
from detectors.bins.fitted import (
    SCORED_ROLES,
    Placer,
    ReferenceColumn,
    column_from_artifact,
    fit_column,
    offsets_of,
    p_value_column,
    place,
)
from detectors.bins.numeric import LARGEST_FLOAT, NumericColumn
from detectors.bins.slots import (
    ABOVE,
    BELOW,
    FIRST_BIN,
    FIRST_LEVEL,
    MISSING,
    NEG_INF,
    OTHER,
    POS_INF,
    UNSEEN,
    Places,
    Slots,
)

__all__ = [
    "ABOVE",
    "BELOW",
    "FIRST_BIN",
    "FIRST_LEVEL",
    "LARGEST_FLOAT",
    "MISSING",
    "NEG_INF",
    "N_LEVELS",
    "N_REMEMBERED_LEVELS",
    "OTHER",
    "POS_INF",
    "SCORED_ROLES",
    "UNSEEN",
    "CategoryColumn",
    "NumericColumn",
    "Placer",
    "Places",
    "ReferenceColumn",
    "Slots",
    "column_from_artifact",
    "fit_column",
    "offsets_of",
    "p_value_column",
    "place",
]
