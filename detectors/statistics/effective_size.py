"""How large one sample would have to be to say as much as two samples do together."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats


def effective_size(n_reference: ArrayLike, n_current: ArrayLike) -> Floats:
    """n₁n₂/(n₁ + n₂), the size by which the squared distance of two samples is scaled.

    (...) and (...) -> (...). NaN where a sample is empty.
    """
    a, b = np.asarray(n_reference, dtype=np.float64), np.asarray(n_current, dtype=np.float64)
    known = (a > 0) & (b > 0)
    size: Floats = np.divide(a * b, a + b, out=np.full(known.shape, np.nan), where=known)
    return size
