"""Maximum mean discrepancy between vectors that were never kept, from sums of Fourier features.

The cosine and sine of a vector along a random frequency average, over frequencies, to the Gaussian
kernel: exp(-|x - y|²/2σ²) = E cos(w·(x - y)) for w normal with standard deviation 1/σ.
"""

import numpy as np
from scipy.special import gammaincc

from detectors.columns import Floats
from detectors.vectors.sums import FourierSums


def mmd_fourier(reference: FourierSums, current: FourierSums, /) -> float:
    """Squared MMD, unbiased, with the kernel that the frequencies stand for.

    At most 2, about 0 without a difference, and may be below. It is the mean over D frequencies of
    the squared difference of characteristic functions: from the Gaussian kernel's MMD² it differs
    by a random share of about 1/√D. NaN with fewer than two vectors on a side.
    Sources: Rahimi and Recht (2007); Gretton and others (2012); Zhao and Meng (2015).
    """
    n, m = reference.n, current.n
    if min(n, m) < 2:
        return np.nan
    n_frequencies = len(reference.sums) / 2
    within = sum(
        (float(side.sums @ side.sums) / n_frequencies - side.n) / (side.n * (side.n - 1))
        for side in (reference, current)
    )
    return within - 2 * float(reference.sums @ current.sums) / n_frequencies / (n * m)


def mmd_fourier_p_value(statistic: float, /, *, n: int, m: int, eigenvalues: Floats) -> float:
    """Chance of an MMD² at least as large between n and m vectors of one law.

    eigenvalues: of the covariance of one vector's 2 D features, each divided by √D, whose weights
    the law's χ² have; a gamma law with its mean, variance and skewness stands for it. 1 where the
    features do not vary; NaN where the statistic is, and with fewer than two vectors on a side.
    Sources: Gretton and others (2012), theorem 12; Buckley and Eagleson (1988) for the gamma law.
    """
    if min(n, m) < 2 or np.isnan(statistic):
        return np.nan
    weights = np.maximum(eigenvalues, 0) * (1 / n + 1 / m)
    variance, third = 2 * (weights**2).sum(), 8 * (weights**3).sum()
    if third <= 0:
        return 1.0
    freedom = 8 * variance**3 / third**2
    point = statistic * np.sqrt(2 * freedom / variance) + freedom
    return float(gammaincc(freedom / 2, max(point, 0) / 2))
