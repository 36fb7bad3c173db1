"""How a model served in a window. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingReport:
    """What became of all requests that a proxy in front of the model saw, sampled or not.

    n_refused: answered with a 4xx, which may be the clients' doing. n_failed: answered with
        anything else but 200, or not at all.
    error_share: of both among the requests, at 95 % within `error_interval`.
    latencies_s: of the answers with 200, their quantiles, keyed "0.5", "0.95" and "0.99", to 4.3 %;
        latency_intervals_s: at 95 % confidence. Both empty without such an answer.
    """

    n_requests: int
    n_refused: int
    n_failed: int
    error_share: float
    error_interval: tuple[float, float]
    latencies_s: Mapping[str, float] = field(default_factory=dict)
    latency_intervals_s: Mapping[str, tuple[float, float]] = field(default_factory=dict)
