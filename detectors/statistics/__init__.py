"""Statistics: two stacks of counts in, one array out, every column at once.

Each lives in a module of its own name. The last axis is the bins; the others broadcast. Options
are keyword-only. No data gives NaN, never 0.
"""

from detectors.statistics.anderson_darling import (
    anderson_darling,
    anderson_darling_p_value,
    anderson_darling_variance,
)
from detectors.statistics.bin_sums import Dealt, dealt
from detectors.statistics.chebyshev import (
    chebyshev,
    chebyshev_p_value,
)
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
from detectors.statistics.energy_distance import (
    energy_distance,
    energy_distance_moments,
    energy_distance_p_value,
)
from detectors.statistics.g_test import g_test
from detectors.statistics.hellinger import (
    hellinger,
    hellinger_moments,
    hellinger_p_value,
)
from detectors.statistics.jensen_shannon_distance import (
    jensen_shannon_distance,
    jensen_shannon_distance_moments,
    jensen_shannon_distance_p_value,
)
from detectors.statistics.kolmogorov_smirnov import (
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
)
from detectors.statistics.kuiper import kuiper, kuiper_p_value
from detectors.statistics.kullback_leibler import (
    kullback_leibler,
    kullback_leibler_moments,
    kullback_leibler_p_value,
)
from detectors.statistics.moments import Moments, moments
from detectors.statistics.population_stability_index import (
    population_stability_index,
    population_stability_index_moments,
    population_stability_index_p_value,
)
from detectors.statistics.shares import shares
from detectors.statistics.total_variation import (
    total_variation,
    total_variation_moments,
    total_variation_p_value,
)
from detectors.statistics.two_proportion import two_proportion, two_proportion_p_value
from detectors.statistics.variance_ratio import (
    variance_degrees_of_freedom,
    variance_ratio,
    variance_ratio_of_moments,
    variance_ratio_p_value,
)
from detectors.statistics.wasserstein import (
    wasserstein,
    wasserstein_moments,
    wasserstein_p_value,
)
from detectors.statistics.welch_mean_shift import (
    welch_degrees_of_freedom,
    welch_mean_shift,
    welch_mean_shift_of_moments,
    welch_p_value,
)

__all__ = [
    "Dealt",
    "Moments",
    "anderson_darling",
    "anderson_darling_p_value",
    "anderson_darling_variance",
    "chebyshev",
    "chebyshev_p_value",
    "chi_squared",
    "chi_squared_p_value",
    "cramer_von_mises",
    "cramer_von_mises_moments",
    "cramer_von_mises_p_value",
    "dealt",
    "degrees_of_freedom",
    "energy_distance",
    "energy_distance_moments",
    "energy_distance_p_value",
    "g_test",
    "hellinger",
    "hellinger_moments",
    "hellinger_p_value",
    "jensen_shannon_distance",
    "jensen_shannon_distance_moments",
    "jensen_shannon_distance_p_value",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_p_value",
    "kuiper",
    "kuiper_p_value",
    "kullback_leibler",
    "kullback_leibler_moments",
    "kullback_leibler_p_value",
    "moments",
    "population_stability_index",
    "population_stability_index_moments",
    "population_stability_index_p_value",
    "shares",
    "total_variation",
    "total_variation_moments",
    "total_variation_p_value",
    "two_proportion",
    "two_proportion_p_value",
    "variance_degrees_of_freedom",
    "variance_ratio",
    "variance_ratio_of_moments",
    "variance_ratio_p_value",
    "wasserstein",
    "wasserstein_moments",
    "wasserstein_p_value",
    "welch_degrees_of_freedom",
    "welch_mean_shift",
    "welch_mean_shift_of_moments",
    "welch_p_value",
]
