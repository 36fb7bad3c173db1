"""Tail probabilities on one scale: normal scores, whose tail beyond z is that of N(0, 1).

On this scale the laws of counts, of sums and of estimated variances can be compared and
accumulated, also where their probabilities are too small to be written down.
"""

import numpy as np
from scipy.special import betainc, betaincc, ndtri

from detectors.columns import Floats

SMALLEST = 1e-300
"""Probabilities stay above, so that their normal scores stay finite."""


def student_score(t: Floats, df: Floats) -> Floats:
    """The normal score with the tail that Student's law with `df` degrees of freedom has at t.

    inf degrees of freedom are the normal law. Errs by less than 0.1, towards 0 (from 3 degrees
    of freedom on). Source: Wallace (1959), his second approximation.
    """
    finite = np.isfinite(df)
    f = np.where(finite, df, 1.0)
    log = np.maximum(np.log1p(t**2 / f), 1e-200)
    shortened = np.sqrt(-np.expm1(-((0.184 * (8 * f + 3)) ** 2) / (f * log)))
    score = np.copysign((1 - 2 * shortened / (8 * f + 3)) * np.sqrt(f * log), t)
    return np.where(finite, score, t)


def unskewed(z: Floats, skewness: Floats) -> Floats:
    """Wilson and Hilferty's cube root: a skew standardised sum becomes close to normal."""
    skewed = np.abs(skewness) > 1e-4
    g = np.where(skewed, skewness, 1.0)
    return np.where(skewed, 6 / g * (np.cbrt(1 + g * z / 2) - 1) + g / 6, z)


def count_scores(share: Floats, mean: Floats, size: Floats, mean_size: Floats) -> Floats:
    """Evidence of counts too small for a normal approximation, for a rise and for a fall.

    All (components,) -> (2, components). Given their sum, the count of the window among window
    and reference is binomial (Przyborowski and Wilenski 1940), for rare events exactly so however
    small the reference. `size` and `mean_size` are the rows that they are worth, their variance
    being what it is; the quasi-likelihood factor 1 − p makes the law fit common shares too, taken
    from their rarer side.
    """
    pooled = (share * size + mean * mean_size) / (size + mean_size)
    flip = pooled > 0.5
    scale = 1 / (1 - np.where(flip, 1 - pooled, pooled))
    c = np.where(flip, 1 - share, share) * size * scale
    d = np.where(flip, 1 - mean, mean) * mean_size * scale
    odds = size / (size + mean_size)
    upper, lower = np.ones(c.shape), np.ones(c.shape)
    some = c > 0
    upper[some] = betainc(c[some], d[some] + 1, odds[some])
    some = d > 0
    lower[some] = betaincc(c[some] + 1, d[some], odds[some])
    tails = np.stack([np.where(flip, lower, upper), np.where(flip, upper, lower)])
    scores: Floats = -ndtri(np.maximum(tails, SMALLEST))
    return scores


def signed(scores: Floats) -> Floats:
    """(2, ...) evidence for a rise and for a fall -> (...) the larger one, negative for a fall."""
    rise, fall = np.maximum(scores, 0.0)
    larger: Floats = np.where(rise > fall, rise, -fall)
    return larger
