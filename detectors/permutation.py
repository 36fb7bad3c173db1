"""p-values by dealing rows out again: for any statistic of counts, whatever its law."""

from collections.abc import Callable

import numpy as np

from detectors.columns import Counts, Floats

N_DRAWS = 1_000

Statistic = Callable[[Counts, Counts], Floats]
"""Two stacks of counts, (..., bins) each, to (...); larger is more different."""


def permutation_p_values(
    statistic: Statistic,
    reference: Counts,
    current: Counts,
    /,
    *,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> Floats:
    """Chance that rows dealt out at random into samples of these sizes differ at least as much.

    (columns, bins) and (columns, bins) -> (columns,), never below 1 / (n_draws + 1). Valid for
    any statistic and exactly so: ties, empty bins and a small reference are what they are in the
    draws too. NaN where the statistic is. Source: Phipson and Smyth (2010) for the ones added.
    """
    observed = statistic(reference, current)
    p_values = np.full(observed.shape, np.nan)
    for i in np.flatnonzero(~np.isnan(observed)):
        pooled = reference[i] + current[i]
        draws = rng.multivariate_hypergeometric(
            pooled, current[i].sum(), size=n_draws, method="marginals"
        )
        drawn = statistic(pooled - draws, draws)
        # What was observed can be drawn again, with another rounding.
        as_large = drawn >= observed[i] - 1e-12 * abs(observed[i])
        p_values[i] = (1 + np.count_nonzero(as_large)) / (1 + n_draws)
    return p_values
