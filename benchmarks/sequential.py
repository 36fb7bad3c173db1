"""How long until the evidence alarms: without a change, and after one of known size.

    python -m benchmarks.sequential [--quick] [--out FILE.json]

One component, whose window scores are standard normal until they shift by a known z, and a budget
of one false alarm in 365 windows. Run lengths are counted from an empty memory, as the tables of
control charts count them. Beside the evidence stand a Shewhart chart and a two-sided CUSUM
(k = 0.5), whose limits hold the budget exactly: where the mean is known, and, as it is in
practice, where it was learned from windows. The evidence goes on learning it.

Then the same for one component of a hundred that share the budget, as a monitor's do: each has a
hundredth of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
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
SHIFTS: Final = {1: (0.0, 0.5, 1.0, 2.0, 3.0), 100: (1.0, 2.0, 3.0)}
"""By the number of components that share the budget. Of many, none of 0: that is what
`benchmarks.false_alarms` measures, of whole monitors."""
REFERENCES: Final = {
    "known mean": np.inf,
    "mean of 365 windows": 365.0,
    "mean of 90 windows": 90.0,
    "mean of 30 windows": 30.0,
}
_NODES: Final = 80
_HIGHEST_LIMIT: Final = 30.0
"""As far as so many nodes solve Page's equation."""

RunLength = Callable[[float, float], float]
"""Of a chart's limit and a shift to the mean number of windows until it alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """components: that share the budget. windows: mean until the alarm; None where no limit of the
    chart holds the budget. in_budgets: the budget's rate of alarms over the rule's where nothing
    shifts. over_cusum: windows over CUSUM's.
    """

    reference: str
    components: int
    rule: str
    shift: float
    windows: float | None
    in_budgets: float | None
    over_cusum: float | None


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


def limit_within_budget(
    run_length: RunLength, n_windows: float, *, n_components: int = 1
) -> float | None:
    """A chart's limit at which so many of them alarm once in the budget, on average over
    references; None where there is none below 30: means err by more than the chart allows."""

    def excess(limit: float) -> float:
        rate = over_references(lambda error: 1 / run_length(limit, error), n_windows)
        return rate * BUDGET * n_components - 1

    if excess(_HIGHEST_LIMIT) > 0:
        return None
    return float(brentq(excess, 2, _HIGHEST_LIMIT, xtol=1e-4))


def evidence_run_lengths(
    shift: float,
    rng: np.random.Generator,
    errors: Floats,
    *,
    n_windows: float,
    n_components: int = 1,
) -> Floats:
    """(streams,) windows until the detector's rule alarms on one component.

    errors: (streams,) of the mean that the reference of so many windows expects. n_components: of
    which this one is the only one that moves. The rule: a window of p <= b/2, or accumulated
    evidence of 2/b, at b = 1/365; while the evidence raises no suspicion a window tells what to
    expect of the next, and how much it may vary.
    """
    lengths, running = np.zeros(errors.size), np.arange(errors.size)
    sums, mean, n_seen = start_sums(errors.size), errors.copy(), np.full(errors.size, n_windows)
    squares, n_scored = np.zeros(errors.size), np.zeros(errors.size)
    strong = -ndtri(1 / (4 * BUDGET * n_components))
    while running.size:
        value = rng.normal(loc=shift, size=running.size)
        z = (value - mean) / np.sqrt(1 + 1 / n_seen)
        score = z / spread(squares, n_scored, n_windows)
        sums = accumulate(sums, gains(np.stack([score, -score])), stakes(n_seen))
        lengths[running] += 1
        evidence = by_component(sums) / n_components
        trusted = (evidence < SUSPICION) & np.isfinite(n_seen)
        n_seen = n_seen + trusted
        mean = np.where(trusted, mean + (value - mean) / n_seen, mean)
        squares, n_scored = squares + trusted * z**2, n_scored + trusted
        alone = np.abs(value - errors[running]) / np.sqrt(1 + 1 / n_windows)
        quiet = (alone < strong) & (evidence < 2 * BUDGET)
        running, sums, mean, n_seen = running[quiet], sums[:, :, quiet], mean[quiet], n_seen[quiet]
        squares, n_scored = squares[quiet], n_scored[quiet]
    return lengths


def delays(
    reference: str, n_components: int, *, n_references: int, n_streams: int
) -> Iterator[Delay]:
    """Of every rule and shift. For the evidence's, so many references are drawn, and of each so
    many streams."""
    n_windows = REFERENCES[reference]
    charts = {"Shewhart": shewhart_run_length, "CUSUM": cusum_run_length}
    limits = {
        name: limit_within_budget(chart, n_windows, n_components=n_components)
        for name, chart in charts.items()
    }
    for shift in SHIFTS[n_components]:
        delay = partial(_delay, reference, n_components, shift)
        windows = {
            name: _mean_run_length(chart, limits[name], shift, n_windows)
            for name, chart in charts.items()
        }
        for name, limit in limits.items():
            rule = f"{name}, no limit" if limit is None else f"{name}, limit {limit:.2f}"
            yield delay(rule, windows[name], windows["CUSUM"], 1 / BUDGET)
        rng = np.random.default_rng(1)
        errors = np.repeat(rng.normal(size=n_references) / np.sqrt(n_windows), n_streams)
        lengths = evidence_run_lengths(
            shift, rng, errors, n_windows=n_windows, n_components=n_components
        )
        rate = float((1 / lengths.reshape(n_references, n_streams).mean(axis=1)).mean())
        yield delay("evidence", float(lengths.mean()), windows["CUSUM"], rate)


def _mean_run_length(
    chart: RunLength, limit: float | None, shift: float, n_windows: float
) -> float | None:
    if limit is None:
        return None
    return over_references(lambda error: chart(limit, shift + error), n_windows)


def _delay(
    reference: str,
    n_components: int,
    shift: float,
    rule: str,
    windows: float | None,
    cusum: float | None,
    rate: float,
) -> Delay:
    return Delay(
        reference=reference,
        components=n_components,
        rule=rule,
        shift=shift,
        windows=windows,
        in_budgets=None if shift else 1 / (rate * BUDGET),
        over_cusum=None if windows is None or cusum is None else windows / cusum,
    )


def run(quick: bool) -> Iterator[Delay]:
    n_references, n_streams = (50, 20) if quick else (400, 100)
    for n_components in SHIFTS:
        for reference in REFERENCES:
            yield from delays(
                reference, n_components, n_references=n_references, n_streams=n_streams
            )


if __name__ == "__main__":
    tabulate(__doc__, run)
