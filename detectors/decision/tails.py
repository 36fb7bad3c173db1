"""Tail probabilities on one scale: normal scores, whose tail beyond z is that of N(0, 1).

On this scale the laws of counts, of sums and of estimated variances can be compared and
accumulated, also where their probabilities are too small to be written down.
"""

import numpy as np
from scipy.special import betainc, ndtri

from detectors.columns import Floats

SMALLEST = 1e-300
"""Probabilities stay above, so that their normal scores stay finite."""


def student_score(t: Floats, df: Floats) -> Floats:
    """The normal score with the tail that Student's law with `df` degrees of freedom has at t.

    inf degrees of freedom are the normal law. Errs by less than 0.1, towards 0 (from 3 degrees
    of freedom on). Source: Wallace (1959), his second approximation.
    """
    score, finite = np.array(t), np.isfinite(df)
    if not finite.any():
        return score
    x, f = score[..., finite], df[finite]
    log = np.maximum(np.log1p(x**2 / f), 1e-200)
    shortened = np.sqrt(-np.expm1(-((0.184 * (8 * f + 3)) ** 2) / (f * log)))
    score[..., finite] = np.copysign((1 - 2 * shortened / (8 * f + 3)) * np.sqrt(f * log), x)
    return score


def unskewed(z: Floats, skewness: Floats) -> Floats:
    """Wilson and Hilferty's cube root: a skew standardised sum becomes close to normal."""
    straight, skewed = np.array(z), np.abs(skewness) > 1e-4
    g = skewness[skewed]
    straight[skewed] = 6 / g * (np.cbrt(1 + g * straight[skewed] / 2) - 1) + g / 6
    return straight


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
    fall = np.where(flip, odds, 1 - odds)
    hits, misses = np.where(flip, [d, c], [c, d]), np.where(flip, [c, d], [d, c])
    return binomial_score(hits, misses, np.stack([1 - fall, fall]))


def binomial_score(hits: Floats, misses: Floats, p: Floats) -> Floats:
    """The normal score of at least so many hits, which need not be whole, at a chance of p each.

    -inf for no hits. Errs by less than 0.1, towards 0 where it is most, up to scores of 4, and by
    0.15 up to 8; from five hits and misses on by 0.01 and 0.06. Source: Peizer and Pratt (1968);
    below one hit, where theirs fails, the incomplete beta function.
    """
    scores = np.full(hits.shape, -np.inf)
    some, tiny = hits >= 1, (hits > 0) & (hits < 1)
    scores[some] = _peizer_pratt(hits[some], misses[some], p[some])
    tail = betainc(hits[tiny], misses[tiny] + 1, p[tiny])
    scores[tiny] = -ndtri(np.maximum(tail, SMALLEST))
    return scores


def _peizer_pratt(hits: Floats, misses: Floats, p: Floats) -> Floats:
    n, q, above = hits + misses, 1 - p, hits - 0.5
    over = above - n * p
    excess = over - (p - 0.5) / 3 + 0.02 * (q / hits - p / (misses + 1) + (q - 0.5) / (n + 1))
    below = n - above
    deviance = 2 * (above * np.log(above / (n * p)) + below * np.log(below / (n * q)))
    # In the middle both vanish, and their ratio is the normal law's.
    sd = np.sqrt(n * p * q)
    far = np.abs(over) > 1e-3 * sd
    slope = np.sqrt(np.maximum(deviance, 0.0)) / np.where(far, np.abs(over), 1.0)
    scores: Floats = excess * np.where(far, slope, 1 / sd) / np.sqrt(1 + 1 / (6 * n))
    return scores


def signed(scores: Floats) -> Floats:
    """(2, ...) evidence for a rise and for a fall -> (...) the larger one, negative for a fall."""
    rise, fall = np.maximum(scores, 0.0)
    larger: Floats = np.where(rise > fall, rise, -fall)
    return larger
