"""How a model served: the share of its errors and the quantiles of its latencies, from counts."""

import math

from detectors.columns import Counts
from detectors.performance.intervals import Z, wilson
from detectors.report import ServingReport
from detectors.served import FAILED, FIRST_LATENCY, REFUSED, quantile_s

QUANTILES = (0.5, 0.95, 0.99)


def serving(served: Counts) -> ServingReport | None:
    """What the counts of a window's requests say, (N_SLOTS,); None where none were counted.

    Requests are taken for a sample, as rows are: the share's interval is Wilson's, a quantile's has
    the places in the order of the answers that a binomial count leaves, by its normal limit.
    """
    n_requests, n_refused, n_failed = (int(n) for n in (served.sum(), *served[[REFUSED, FAILED]]))
    if n_requests == 0:
        return None
    share = (n_refused + n_failed) / n_requests
    latencies = served[FIRST_LATENCY:]
    told = QUANTILES if latencies.any() else ()
    return ServingReport(
        n_requests=n_requests,
        n_refused=n_refused,
        n_failed=n_failed,
        error_share=share,
        error_interval=wilson(share, n_requests),
        latencies_s={f"{p:g}": quantile_s(latencies, p) for p in told},
        latency_intervals_s={f"{p:g}": _interval_s(latencies, p) for p in told},
    )


def _interval_s(latencies: Counts, p: float) -> tuple[float, float]:
    margin = Z * math.sqrt(p * (1 - p) / int(latencies.sum()))
    return quantile_s(latencies, p - margin), quantile_s(latencies, p + margin)
