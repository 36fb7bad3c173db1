"""False alarms on stable traffic, at a budget of one a year of daily windows.

    python -m benchmarks.false_alarms [--quick] [--out FILE.json]

Simulated days of ten columns (benchmarks/streams.py) and of a hundred (benchmarks/wide_streams.py)
go through the real reference, profiles and detector. Beside ours stand the customary rule - any
column with a Kolmogorov-Smirnov or chi-squared p-value below 0.05 - and the two dummies that
always and never alarm, which any rule must beat. Contiguous alarming windows are one alarm, which
flatters a rule that hardly ever stops; so the share of days in alarm stands beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from benchmarks import streams, wide_streams
from benchmarks.rules import REFERENCE_DAYS, RULES, tabulate
from benchmarks.streams import World
from benchmarks.wide_streams import WideWorld
from detectors.profile import Profile
from detectors.reference import Reference

STABLE: dict[str, World | WideWorld] = {
    **{f"10 columns, {name}": world for name, world in streams.STABLE.items()},
    **{f"100 columns, {name}": world for name, world in wide_streams.STABLE.items()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """per_year: alarms begun. error: the standard error of that between references.
    in_alarm: share of days.
    """

    stream: str
    rule: str
    per_year: float
    error: float
    in_alarm: float


def false_alarms(stream: str, *, n_references: int, n_days: int) -> Iterator[FalseAlarms]:
    """Of every rule, on the same profiles."""
    found: dict[str, list[list[bool]]] = {name: [] for name in RULES}
    for seed in range(n_references):
        reference, windows = _stream(STABLE[stream], seed, n_days)
        for name, rule in RULES.items():
            found[name].append(list(rule(reference)(windows)))
    for name, in_alarm in found.items():
        begins = np.diff(np.array(in_alarm), axis=1, prepend=False) & np.array(in_alarm)
        yearly = begins.mean(axis=1) * 365
        yield FalseAlarms(
            stream=stream,
            rule=name,
            per_year=float(yearly.mean()),
            error=float(yearly.std(ddof=1) / np.sqrt(n_references)),
            in_alarm=float(np.mean(in_alarm)),
        )


def _stream(world: World | WideWorld, seed: int, n_days: int) -> tuple[Reference, list[Profile]]:
    rng = np.random.default_rng(seed)
    if isinstance(world, World):
        reference = streams.reference_of(world, REFERENCE_DAYS, rng)
        days = streams.profiles(world, reference, rng)
    else:
        reference = wide_streams.reference_of(world, REFERENCE_DAYS, rng)
        days = wide_streams.profiles(world, reference, rng, first=REFERENCE_DAYS)
    return reference, list(islice(days, n_days))


def run(quick: bool) -> Iterator[FalseAlarms]:
    n_references, n_days = (4, 100) if quick else (16, 365)
    for stream in STABLE:
        yield from false_alarms(stream, n_references=n_references, n_days=n_days)


if __name__ == "__main__":
    tabulate(__doc__, run)
