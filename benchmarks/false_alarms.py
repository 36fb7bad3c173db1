"""False alarms on stable traffic, at a budget of one a year of daily windows.

    python -m benchmarks.false_alarms [--quick] [--out FILE.json] [--stream NAME ...]
        [--columns N ...] [--rows N] [--references N] [--windows N] [--reference-windows N]
        [--windows-per-alarm N] [--first-seed N]

Simulated streams (benchmarks/wide_streams.py) go through the real reference, profiles and
detector. Beside ours stand the customary rule - any column with a Kolmogorov-Smirnov or
chi-squared p-value below 0.05 - and the two dummies that always and never alarm, which any rule
must beat. Contiguous alarming windows are one alarm, which flatters a rule that hardly ever stops;
so the share of windows in alarm stands beside it.

Of our p-value of a window the table says how often it was below 5 %, 1 % and the budget, over how
often it should be.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from benchmarks.rules import REFERENCE_DAYS, RULES, command_line, print_table
from benchmarks.streams import DAY_S
from benchmarks.wide_streams import HARD, STABLE, WideWorld, profiles, reference_of
from detectors.columns import Floats
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Verdict

STREAMS = {**STABLE, **HARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """windows: of every stream. windows_per_alarm: what the budget allows one false alarm in."""

    columns: int = 100
    rows: int = 1_000
    n_references: int = 16
    windows: int = 365
    reference_windows: int = REFERENCE_DAYS
    windows_per_alarm: int = 365
    first_seed: int = 0

    def world(self, stream: str) -> WideWorld:
        return replace(STREAMS[stream], columns=self.columns, rows=self.rows)

    @property
    def budget(self) -> Budget:
        return Budget(alarms=1, period_s=self.windows_per_alarm * DAY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """alarms: begun, in as many windows as the budget allows one. error: the standard error of
    that between references, None of one. in_alarm: share of windows.
    at_5, at_1, at_budget: realised over nominal rate of small p-values; None without p-values.
    """

    stream: str
    rule: str
    columns: int
    rows: int
    windows: int
    alarms: float
    error: float | None
    in_alarm: float
    at_5: float | None
    at_1: float | None
    at_budget: float | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """One stream by one rule: (windows,) whether each is in alarm, and its p-value, if any."""

    in_alarm: Floats
    p_values: Floats


def false_alarms(stream: str, settings: Settings) -> Iterator[FalseAlarms]:
    """Of every rule, on the same profiles."""
    found: dict[str, list[_Judged]] = {}
    for seed in range(settings.first_seed, settings.first_seed + settings.n_references):
        rng = np.random.default_rng(seed)
        world = settings.world(stream)
        reference = reference_of(world, settings.reference_windows, rng)
        days = profiles(world, reference, rng, first=settings.reference_windows)
        windows = list(islice(days, settings.windows))
        found.setdefault("driftmeter", []).append(_ours(reference, windows, settings.budget))
        for name, rule in RULES.items():
            if name != "driftmeter":
                in_alarm = np.array(list(rule(reference)(windows)), dtype=np.float64)
                found.setdefault(name, []).append(_Judged(in_alarm, np.empty(0)))
    for name, judged in found.items():
        yield _summary(stream, name, settings, judged)


def _ours(reference: Reference, windows: list[Profile], budget: Budget) -> _Judged:
    detector = Detector(reference, window_s=DAY_S, budget=budget)
    evidence, in_alarm, p_values = detector.start(), list[bool](), list[float]()
    for window in windows:
        evidence, decision = detector.step(evidence, window)
        in_alarm.append(decision.verdict is Verdict.DRIFT)
        p_values.append(1.0 if decision.p_value is None else decision.p_value)
    return _Judged(np.array(in_alarm, dtype=np.float64), np.array(p_values))


def _summary(stream: str, rule: str, settings: Settings, judged: list[_Judged]) -> FalseAlarms:
    in_alarm = np.stack([one.in_alarm for one in judged])
    begins = np.maximum(np.diff(in_alarm, axis=1, prepend=0.0), 0.0)
    alarms = begins.mean(axis=1) * settings.windows_per_alarm
    p_values = np.concatenate([one.p_values for one in judged])
    levels = (0.05, 0.01, 1 / settings.windows_per_alarm)
    at_5, at_1, at_budget = (
        float(np.mean(p_values <= level) / level) if p_values.size else None for level in levels
    )
    return FalseAlarms(
        stream=stream,
        rule=rule,
        columns=settings.columns,
        rows=settings.rows,
        windows=in_alarm.size,
        alarms=float(alarms.mean()),
        error=float(alarms.std(ddof=1) / np.sqrt(len(judged))) if len(judged) > 1 else None,
        in_alarm=float(in_alarm.mean()),
        at_5=at_5,
        at_1=at_1,
        at_budget=at_budget,
    )


def _arguments() -> argparse.Namespace:
    parser, default = command_line(__doc__), Settings()
    parser.add_argument("--stream", action="append", choices=STREAMS, help="default: all")
    parser.add_argument("--columns", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--rows", type=int, default=default.rows, help="a window")
    parser.add_argument("--references", type=int, help="streams, each with a reference of its own")
    parser.add_argument("--windows", type=int, help="of each stream")
    parser.add_argument("--reference-windows", type=int, default=default.reference_windows)
    parser.add_argument("--windows-per-alarm", type=int, default=default.windows_per_alarm)
    parser.add_argument("--first-seed", type=int, default=default.first_seed)
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Iterator[FalseAlarms]:
    n_references, windows = (4, 100) if arguments.quick else (16, 365)
    for columns in arguments.columns:
        settings = Settings(
            columns=columns,
            rows=arguments.rows,
            n_references=arguments.references or n_references,
            windows=arguments.windows or windows,
            reference_windows=arguments.reference_windows,
            windows_per_alarm=arguments.windows_per_alarm,
            first_seed=arguments.first_seed,
        )
        for stream in arguments.stream or STREAMS:
            yield from false_alarms(stream, settings)


def main() -> None:
    arguments = _arguments()
    print_table(run(arguments), arguments)


if __name__ == "__main__":
    main()
