"""How surely a change is seen in its first window, at a budget of one false alarm a year.

    python -m benchmarks.power [--quick] [--out FILE.json]

A hundred columns (benchmarks/wide_streams.py), daily windows of 1,000 rows, a reference of thirty
days. Every window is judged on its own. The change "none" is the share of stable windows in
alarm, without which the others say little.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from benchmarks.rules import REFERENCE_DAYS, RULES, tabulate
from benchmarks.wide_streams import STABLE, Shift, WideWorld, profiles, reference_of

SHIFTS = [shift for shift in Shift if shift not in (Shift.STEP, Shift.RAMP)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Share of windows in alarm, and the standard error of that between references."""

    change: str
    rule: str
    stream: str
    seen: float
    error: float


def power(stream: str, *, n_references: int, n_windows: int) -> Iterator[Power]:
    seen: dict[tuple[Shift, str], list[float]] = {}
    for seed in range(n_references):
        for cell, share in _of_reference(STABLE[stream], seed, n_windows):
            seen.setdefault(cell, []).append(share)
    for (shift, rule), shares in seen.items():
        error = float(np.std(shares, ddof=1) / np.sqrt(len(shares)))
        mean = float(np.mean(shares))
        yield Power(change=shift, rule=rule, stream=stream, seen=mean, error=error)


def _of_reference(
    world: WideWorld, seed: int, n_windows: int
) -> Iterator[tuple[tuple[Shift, str], float]]:
    rng = np.random.default_rng(seed)
    reference = reference_of(world, REFERENCE_DAYS, rng)
    judges = {name: rule(reference) for name, rule in RULES.items()}
    for shift in SHIFTS:
        days = profiles(world, reference, rng, shift=shift, first=REFERENCE_DAYS)
        windows = list(islice(days, n_windows))
        for name, judge in judges.items():
            yield (shift, name), float(np.mean([next(judge([window])) for window in windows]))


def run(quick: bool) -> Iterator[Power]:
    n_references, n_windows = (3, 20) if quick else (12, 50)
    for stream in ("equal days", "days differ by 0.05 sd", "a weekly season of 0.2 sd"):
        yield from power(stream, n_references=n_references, n_windows=n_windows)


if __name__ == "__main__":
    tabulate(__doc__, run)
