"""False alarms on stable traffic, and the delay until a change is seen.

    python -m benchmarks.false_alarms [--quick] [--out FILE.json]

Simulated days (benchmarks/streams.py) go through the real reference, profiles and detector.
Beside ours stand the customary rule - any column with a Kolmogorov-Smirnov or chi-squared p-value
below 0.05 - and the two dummies that always and never alarm, which any rule must beat.
The budget is one false alarm a year of daily windows. Contiguous alarming windows are one alarm,
which flatters a rule that hardly ever stops; so the share of days in alarm stands beside it.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.streams import CHANGED, DAY_S, STABLE, World, profiles, reference_of
from detectors.bins import NumericColumn
from detectors.budget import Budget
from detectors.decision import Detector
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Verdict
from detectors.statistics import (
    chi_squared,
    chi_squared_p_value,
    degrees_of_freedom,
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
)

REFERENCE_DAYS = 30
LONGEST_DELAY = 30

Rule = Callable[[Reference, Iterator[Profile]], Iterator[bool]]


def driftmeter(reference: Reference, windows: Iterator[Profile]) -> Iterator[bool]:
    detector = Detector(reference, window_s=DAY_S, budget=Budget(alarms=1, period_s=365 * DAY_S))
    evidence = detector.start()
    for window in windows:
        evidence, decision = detector.step(evidence, window)
        yield decision.verdict is Verdict.DRIFT


def any_column_below_5_percent(reference: Reference, windows: Iterator[Profile]) -> Iterator[bool]:
    for window in windows:
        yield min(_p_values(reference, window)) < 0.05


def always(_: Reference, windows: Iterator[Profile]) -> Iterator[bool]:
    return (True for _ in windows)


def never(_: Reference, windows: Iterator[Profile]) -> Iterator[bool]:
    return (False for _ in windows)


def _p_values(reference: Reference, window: Profile) -> Iterator[float]:
    for i, column in enumerate(reference.declared):
        a = column.ordered(reference.part(reference.profile.counts, i))
        b = column.ordered(reference.part(window.counts, i))
        if isinstance(column, NumericColumn):
            distance = kolmogorov_smirnov(a, b)
            p = kolmogorov_smirnov_p_value(distance, n_reference=a.sum(), n_current=b.sum())
        else:
            p = chi_squared_p_value(chi_squared(a, b), dof=degrees_of_freedom(a, b))
        yield float(p)


RULES: dict[str, Rule] = {
    "driftmeter": driftmeter,
    "any column p < 0.05": any_column_below_5_percent,
    "always": always,
    "never": never,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One rule on one stream.

    false_alarms: per year of a stable stream. in_alarm: share of its days. first_window: share
    of changes seen at once. median_delay: windows until seen; None if not within 30.
    """

    rule: str
    stream: str
    change: str
    false_alarms: float | None = None
    in_alarm: float | None = None
    first_window: float | None = None
    median_delay: float | None = None


def false_alarms(stream: str, *, n_references: int, n_days: int) -> Iterator[Result]:
    """Onsets of alarms per 365 days, over several references, rule by rule."""
    world = STABLE[stream]
    by_rule = alarms(world, world, n_references=n_references, n_days=n_days)
    for rule, in_alarm in by_rule.items():
        starts = in_alarm & ~np.pad(in_alarm[:, :-1], ((0, 0), (1, 0)))
        yield Result(
            rule=rule,
            stream=stream,
            change="none",
            false_alarms=float(starts.mean()) * 365,
            in_alarm=float(in_alarm.mean()),
        )


def delays(stream: str, change: str, *, n_references: int) -> Iterator[Result]:
    """Windows from the change until the first alarm, rule by rule."""
    before = STABLE[stream]
    after = CHANGED[change](before)
    by_rule = alarms(before, after, n_references=n_references, n_days=LONGEST_DELAY)
    for rule, in_alarm in by_rule.items():
        first = np.where(in_alarm.any(axis=1), in_alarm.argmax(axis=1), LONGEST_DELAY) + 1
        median = float(np.median(first))
        yield Result(
            rule=rule,
            stream=stream,
            change=change,
            first_window=float((first == 1).mean()),
            median_delay=median if median <= LONGEST_DELAY else None,
        )


def alarms(
    before: World, after: World, *, n_references: int, n_days: int
) -> dict[str, NDArray[np.bool_]]:
    """(references, days) in alarm, of every rule on the same profiles."""
    found: dict[str, list[list[bool]]] = {rule: [] for rule in RULES}
    for seed in range(n_references):
        rng = np.random.default_rng(seed)
        reference = reference_of(before, REFERENCE_DAYS, rng)
        windows = list(islice(profiles(after, reference, rng), n_days))
        for rule, decide in RULES.items():
            found[rule].append(list(decide(reference, iter(windows))))
    return {rule: np.array(in_alarm, dtype=np.bool_) for rule, in_alarm in found.items()}


def run(*, quick: bool) -> Iterator[Result]:
    n_references, n_days, n_changes = (6, 150, 6) if quick else (16, 730, 40)
    for stream in STABLE:
        yield from false_alarms(stream, n_references=n_references, n_days=n_days)
    for stream in ("equal days", "days differ by 0.05 sd"):
        for change in CHANGED:
            yield from delays(stream, change, n_references=n_changes)


def _line(result: Result) -> str:
    cells = (result.false_alarms, result.in_alarm, result.first_window, result.median_delay)
    numbers = "".join(f"{'-' if cell is None else f'{cell:.2f}':>13}" for cell in cells)
    return f"{result.stream:26}{result.change:22}{result.rule:22}{numbers}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="under a minute, and noisier")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    arguments = parser.parse_args()
    heads = "".join(f"{head:>13}" for head in ("alarms/year", "in alarm", "1st window", "delay"))
    print(f"{'stream':26}{'change':22}{'rule':22}{heads}")
    started, results = time.perf_counter(), []
    for result in run(quick=arguments.quick):
        print(_line(result), flush=True)
        results.append(asdict(result))
    print(f"{time.perf_counter() - started:.0f} s on {platform.processor() or platform.machine()}")
    if arguments.out:
        content = {"python": sys.version, "quick": arguments.quick, "results": results}
        arguments.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
