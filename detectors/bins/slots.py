"""Slots: the positions in the count vector of a column that mean the same in every column."""

import numpy as np
from numpy.typing import NDArray

MISSING, NEG_INF, POS_INF, BELOW, ABOVE = range(5)
"""The first slots of a numeric column; its bins follow."""

UNSEEN, OTHER = 1, 2
"""The slots of a category column after MISSING: never seen in the reference; seen, but too rare
for a slot of its own. Its levels follow."""

FIRST_BIN = 5
FIRST_LEVEL = 3

Slots = NDArray[np.intp]
"""(rows,) positions in the count vector of one column."""

Places = NDArray[np.intp]
"""(columns, rows) positions in the count vectors of several columns, one after another."""
