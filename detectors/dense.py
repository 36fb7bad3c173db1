"""A change spread thinly over many columns, none of which shows it alone."""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from detectors.columns import Floats

FEWEST_COMPONENTS = 3
FEWEST_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Dense:
    """The law of the mean square of many components' standardised deviations.

    Were they independent it would be χ²; as they are not, it is taken for a shifted and scaled
    χ² with the same variance and skewness (Pearson 1959, Liu, Tang and Zhang 2009), which follow
    from tr C² and tr C³ of the unknown correlations C. These are read from the cross products of
    the reference's windows. As few windows know them poorly, an F law stands for the χ².

    variance: of the mean square, halved. df: of the χ². n_windows: learned from.
    """

    variance: float
    df: float
    n_windows: int

    @staticmethod
    def fit(deviations: Floats) -> "Dense | None":
        """From the windows' standardised deviations from their mean, (windows, components).

        None where there is too little of either to learn from.
        """
        complete = deviations[:, ~np.isnan(deviations).any(axis=0)]
        n_windows, n = complete.shape
        if n < FEWEST_COMPONENTS or n_windows < FEWEST_WINDOWS:
            return None
        second, third = _traces(complete)
        # Correlations cannot lie outside those of independent and of identical components.
        second = float(np.clip(second, n, n * n))
        third = float(np.clip(third, second**1.5 / np.sqrt(n), second**1.5))
        return Dense(second / n**2, second**3 / third**2, n_windows)

    def p_value(self, scores: Floats) -> float:
        """Of the normal scores of one more window, (components,); NaN without any. One-sided: a
        window may be less remarkable than the reference's, and that is no drift.
        """
        known = scores[~np.isnan(scores)]
        if known.size == 0:
            return float("nan")
        mean_square = float((known**2).mean())
        ratio = 1 + (mean_square - 1) / np.sqrt(self.df * self.variance)
        return float(fdtrc(self.df, self.n_windows - 1, max(ratio, 0.0)))


def _traces(deviations: Floats) -> tuple[float, float]:
    """Estimates of tr C² and tr C³ from products over pairs and triples of different windows."""
    n = len(deviations)
    # From their own mean the windows deviate less than from the true one.
    products = deviations @ deviations.T * (n / (n - 1))
    np.fill_diagonal(products, 0.0)
    second = (products**2).sum() / (n * (n - 1))
    third = np.trace(products @ products @ products) / (n * (n - 1) * (n - 2))
    return float(second), float(third)
