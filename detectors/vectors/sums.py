"""What two profiles say of one vector column: sums turned into moments, or kept as features."""

from dataclasses import dataclass

from detectors.columns import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorMoments:
    """n: vectors. mean: (k,). covariance: (k, k), unbiased; both NaN where n is too small."""

    n: int
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class FourierSums:
    """n: vectors. sums: (2 D,) over vectors of the cosines, then the sines, of D frequencies."""

    n: int
    sums: Floats
