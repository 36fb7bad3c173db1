"""Statistics: two stacks of counts in, one array out, every column at once.

Each lives in a module of its own name. The last axis is the bins; the others broadcast. Options
are keyword-only. No data gives NaN, never 0.
"""

from detectors.statistics.anderson_darling import (
    anderson_darling,
    anderson_darling_p_value,
    anderson_darling_variance,
)
from detectors.statistics.chebyshev import chebyshev
from detectors.statistics.chi_squared import (
    chi_squared,
    chi_squared_p_value,
    degrees_of_freedom,
)
from detectors.statistics.cramer_von_mises import (
    cramer_von_mises,
    cramer_von_mises_moments,
    cramer_von_mises_p_value,
)
from detectors.statistics.energy_distance import energy_distance
from detectors.statistics.g_test import g_test
from detectors.statistics.hellinger import hellinger
from detectors.statistics.jensen_shannon_distance import jensen_shannon_distance
from detectors.statistics.kolmogorov_smirnov import (
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
)
from detectors.statistics.kuiper import kuiper, kuiper_p_value
from detectors.statistics.kullback_leibler import kullback_leibler
from detectors.statistics.moments import Moments, moments
from detectors.statistics.population_stability_index import population_stability_index
from detectors.statistics.shares import shares
from detectors.statistics.total_variation import total_variation
from detectors.statistics.two_proportion import two_proportion, two_proportion_p_value
from detectors.statistics.variance_ratio import (
    variance_degrees_of_freedom,
    variance_ratio,
    variance_ratio_of_moments,
    variance_ratio_p_value,
)
from detectors.statistics.wasserstein import wasserstein
from detectors.statistics.welch_mean_shift import (
    welch_degrees_of_freedom,
    welch_mean_shift,
    welch_mean_shift_of_moments,
    welch_p_value,
)

__all__ = [
    "Moments",
    "anderson_darling",
    "anderson_darling_p_value",
    "anderson_darling_variance",
    "chebyshev",
    "chi_squared",
    "chi_squared_p_value",
    "cramer_von_mises",
    "cramer_von_mises_moments",
    "cramer_von_mises_p_value",
    "degrees_of_freedom",
    "energy_distance",
    "g_test",
    "hellinger",
    "jensen_shannon_distance",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_p_value",
    "kuiper",
    "kuiper_p_value",
    "kullback_leibler",
    "moments",
    "population_stability_index",
    "shares",
    "total_variation",
    "two_proportion",
    "two_proportion_p_value",
    "variance_degrees_of_freedom",
    "variance_ratio",
    "variance_ratio_of_moments",
    "variance_ratio_p_value",
    "wasserstein",
    "welch_degrees_of_freedom",
    "welch_mean_shift",
    "welch_mean_shift_of_moments",
    "welch_p_value",
]
