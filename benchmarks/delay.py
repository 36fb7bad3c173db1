"""How many daily windows until a change is seen, at a budget of one false alarm a year.

    python -m benchmarks.delay [--quick] [--out FILE.json]

A hundred columns (benchmarks/wide_streams.py), 1,000 rows a day, a reference of thirty days and
ten quiet days before the change, so that a rule that alarms without cause cannot pass for quick:
the delay counts from the first window of the change that begins an alarm.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from benchmarks.rules import REFERENCE_DAYS, RULES, tabulate
from benchmarks.wide_streams import STABLE, Shift, WideWorld, profiles, reference_of

QUIET_DAYS = 10
LONGEST_DELAY = 30

CASES = (
    ("equal days", Shift.STEP),
    ("equal days", Shift.RAMP),
    ("days differ by 0.05 sd", Shift.MEAN),
    ("days differ by 0.05 sd", Shift.STEP),
    ("days differ by 0.05 sd", Shift.RAMP),
    ("a weekly season of 0.2 sd", Shift.STEP),
    ("a weekly season of 0.2 sd", Shift.RAMP),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Windows from the change to the first alarm, the change's own first window being 1.

    median, ninetieth: percentiles; None where more than 30. within_3, within_7: shares.
    """

    change: str
    rule: str
    stream: str
    median: float | None
    ninetieth: float | None
    within_3: float
    within_7: float


def delays(stream: str, shift: Shift, *, n_references: int) -> Iterator[Delay]:
    found: dict[str, list[float]] = {name: [] for name in RULES}
    for seed in range(n_references):
        for name, delay in _of_reference(STABLE[stream], shift, seed):
            found[name].append(delay)
    for name, windows in found.items():
        median, ninetieth = np.percentile(windows, (50, 90), method="higher").tolist()
        yield Delay(
            change=shift,
            rule=name,
            stream=stream,
            median=median if median <= LONGEST_DELAY else None,
            ninetieth=ninetieth if ninetieth <= LONGEST_DELAY else None,
            within_3=float(np.mean(np.array(windows) <= 3)),
            within_7=float(np.mean(np.array(windows) <= 7)),
        )


def _of_reference(world: WideWorld, shift: Shift, seed: int) -> Iterator[tuple[str, float]]:
    rng = np.random.default_rng(seed)
    reference = reference_of(world, REFERENCE_DAYS, rng)
    quiet = profiles(world, reference, rng, first=REFERENCE_DAYS)
    changed = profiles(world, reference, rng, shift=shift, first=REFERENCE_DAYS + QUIET_DAYS)
    windows = list(chain(islice(quiet, QUIET_DAYS), islice(changed, LONGEST_DELAY)))
    for name, rule in RULES.items():
        in_alarm = np.array(list(rule(reference)(windows)))
        # An alarm that was on before the change says nothing of it.
        begins = in_alarm[QUIET_DAYS:] & ~np.logical_and.accumulate(in_alarm[QUIET_DAYS - 1 : -1])
        yield name, float(begins.argmax() + 1 if begins.any() else LONGEST_DELAY + 1)


def run(quick: bool) -> Iterator[Delay]:
    for stream, shift in CASES:
        yield from delays(stream, shift, n_references=6 if quick else 30)


if __name__ == "__main__":
    tabulate(__doc__, run)
