"""How long until the evidence alarms: without a change, and after one of known size.

    python -m benchmarks.sequential [--quick] [--out FILE.json]

One component, whose window scores are standard normal until they shift by a known z, and a budget
of one false alarm in 365 windows. Run lengths are counted from an empty memory, as the tables of
control charts count them. Beside the evidence stand a Shewhart chart and a two-sided CUSUM
(k = 0.5), whose limits hold the budget exactly: where the mean is known, and, as it is in
practice, where it was learned from windows. The evidence goes on learning it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from benchmarks.rules import tabulate
from detectors.columns import Floats
from detectors.decision import SUSPICION
from detectors.decision.evidence import (
    accumulate,
    by_component,
    gains,
    spread,
    stakes,
    start_sums,
)

BUDGET: Final = 365
ALLOWANCE: Final = 0.5
SHIFTS: Final = (0.0, 0.5, 1.0, 2.0, 3.0)
REFERENCES: Final = {
    "known mean": np.inf,
    "mean of 365 windows": 365.0,
    "mean of 90 windows": 90.0,
    "mean of 30 windows": 30.0,
}
_NODES: Final = 80

RunLength = Callable[[float, float], float]
"""Of a chart's limit and a shift to the mean number of windows until it alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """windows: mean until the alarm. in_budgets: the budget's rate of alarms over the rule's
    where nothing shifts. over_cusum: windows over CUSUM's.
    """

    reference: str
    rule: str
    shift: float
    windows: float
    in_budgets: float | None
    over_cusum: float


def shewhart_run_length(limit: float, shift: float) -> float:
    """Mean windows until |z| first exceeds the limit; z is N(shift, 1)."""
    return float(1 / (ndtr(shift - limit) + ndtr(-shift - limit)))


def cusum_run_length(limit: float, shift: float) -> float:
    """Mean windows until a two-sided CUSUM of N(shift, 1) scores first exceeds its limit.

    Both sides start from 0. The rates of the sides add (van Dobben de Bruyn 1968).
    """
    rise = _one_sided(limit, shift - ALLOWANCE)
    fall = _one_sided(limit, -shift - ALLOWANCE)
    return 1 / (1 / rise + 1 / fall)


def _one_sided(limit: float, drift: float) -> float:
    """Page's integral equation at 0, by Gauss-Legendre quadrature; steps are N(drift, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    at = np.append(0.0, (nodes + 1) * limit / 2)
    moves = norm.pdf(at[np.newaxis, 1:] - at[:, np.newaxis] - drift) * weights * limit / 2
    back_to_zero = ndtr(-at - drift)[:, np.newaxis]
    system = np.eye(at.size) - np.hstack([back_to_zero, moves])
    return float(np.linalg.solve(system, np.ones(at.size))[0])


def over_references(of_error: Callable[[float], float], n_windows: float) -> float:
    """The mean, over references of so many windows, of what depends on their mean's error."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    values = [of_error(float(node / np.sqrt(n_windows))) for node in nodes]
    return float(np.average(values, weights=weights))


def limit_within_budget(run_length: RunLength, n_windows: float) -> float:
    """A chart's limit at which it alarms once in the budget, on average over references."""

    def excess(limit: float) -> float:
        rate = over_references(lambda error: 1 / run_length(limit, error), n_windows)
        return rate * BUDGET - 1

    return float(brentq(excess, 2, 12, xtol=1e-4))


def evidence_run_lengths(
    shift: float, rng: np.random.Generator, errors: Floats, *, n_windows: float
) -> Floats:
    """(streams,) windows until the detector's rule alarms on one component.

    errors: (streams,) of the mean that the reference of so many windows expects. The rule: a
    window of p <= b/2, or accumulated evidence of 2/b, at b = 1/365; while the evidence raises no
    suspicion a window tells what to expect of the next, and how much it may vary.
    """
    lengths, running = np.zeros(errors.size), np.arange(errors.size)
    sums, mean, n_seen = start_sums(errors.size), errors.copy(), np.full(errors.size, n_windows)
    squares, n_scored = np.zeros(errors.size), np.zeros(errors.size)
    strong = -ndtri(1 / (4 * BUDGET))
    while running.size:
        value = rng.normal(loc=shift, size=running.size)
        z = (value - mean) / np.sqrt(1 + 1 / n_seen)
        score = z / spread(squares, n_scored, n_windows)
        sums = accumulate(sums, gains(np.stack([score, -score])), stakes(n_seen))
        lengths[running] += 1
        evidence = by_component(sums)
        trusted = (evidence < SUSPICION) & np.isfinite(n_seen)
        n_seen = n_seen + trusted
        mean = np.where(trusted, mean + (value - mean) / n_seen, mean)
        squares, n_scored = squares + trusted * z**2, n_scored + trusted
        alone = np.abs(value - errors[running]) / np.sqrt(1 + 1 / n_windows)
        quiet = (alone < strong) & (evidence < 2 * BUDGET)
        running, sums, mean, n_seen = running[quiet], sums[:, :, quiet], mean[quiet], n_seen[quiet]
        squares, n_scored = squares[quiet], n_scored[quiet]
    return lengths


def delays(reference: str, *, n_references: int, n_streams: int) -> Iterator[Delay]:
    """Of every rule and shift. For the evidence's, so many references are drawn, and of each so
    many streams."""
    n_windows = REFERENCES[reference]
    charts = {"Shewhart": shewhart_run_length, "CUSUM": cusum_run_length}
    limits = {name: limit_within_budget(chart, n_windows) for name, chart in charts.items()}
    for shift in SHIFTS:
        cusum = _mean_run_length(cusum_run_length, limits["CUSUM"], shift, n_windows)
        for name, chart in charts.items():
            windows = _mean_run_length(chart, limits[name], shift, n_windows)
            rule = f"{name}, limit {limits[name]:.2f}"
            yield _delay(reference, rule, shift, windows, cusum, 1 / BUDGET)
        rng = np.random.default_rng(1)
        errors = rng.normal(size=n_references) / np.sqrt(n_windows)
        each = evidence_run_lengths(
            shift, rng, np.repeat(errors, n_streams), n_windows=n_windows
        ).reshape(n_references, n_streams)
        rate = float((1 / each.mean(axis=1)).mean())
        yield _delay(reference, "evidence", shift, float(each.mean()), cusum, rate)


def _mean_run_length(chart: RunLength, limit: float, shift: float, n_windows: float) -> float:
    return over_references(lambda error: chart(limit, shift + error), n_windows)


def _delay(
    reference: str, rule: str, shift: float, windows: float, cusum: float, rate: float
) -> Delay:
    return Delay(
        reference=reference,
        rule=rule,
        shift=shift,
        windows=windows,
        in_budgets=None if shift else 1 / (rate * BUDGET),
        over_cusum=windows / cusum,
    )


def run(quick: bool) -> Iterator[Delay]:
    for reference in REFERENCES:
        yield from delays(
            reference, n_references=50 if quick else 400, n_streams=20 if quick else 100
        )


if __name__ == "__main__":
    tabulate(__doc__, run)
