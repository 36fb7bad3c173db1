"""What one decision costs: counting a window of 1,000 rows, deciding it, writing its report.

    python -m benchmarks.decision_cost [--quick] [--out FILE.json]

A hundred columns (benchmarks/wide_streams.py) against a reference of thirty days, whose fit is
paid once. The best of several runs: whatever else the machine does can only slow it down.
"""

import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.rules import REFERENCE_DAYS, YEARLY, tabulate
from benchmarks.streams import DAY_S
from benchmarks.wide_streams import WideWorld, reference_of
from detectors.decision import Detector
from detectors.profile import count
from detectors.report.compare import report


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    step: str
    milliseconds: float


def run(quick: bool) -> Iterator[Cost]:
    rng = np.random.default_rng(1)
    reference = reference_of(WideWorld(), REFERENCE_DAYS, rng)
    rows = next(WideWorld().days(rng))
    detector = Detector(reference, window_s=DAY_S, budget=YEARLY)
    profile, evidence = count(rows, reference), detector.start()
    _, decision = detector.step(evidence, profile)
    steps: dict[str, Callable[[], object]] = {
        "count": lambda: count(rows, reference),
        "decide": lambda: detector.step(evidence, profile),
        "report": lambda: report(reference, profile, decision),
        "fit a detector": lambda: Detector(reference, window_s=DAY_S, budget=YEARLY),
    }
    for name, step in steps.items():
        best = min(timeit.repeat(step, number=1, repeat=10 if quick else 50))
        yield Cost(step=name, milliseconds=best * 1e3)


if __name__ == "__main__":
    tabulate(__doc__, run)
