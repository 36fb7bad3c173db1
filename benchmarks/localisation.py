"""Whether the columns named by the first alarm are those that moved.

    python -m benchmarks.localisation [--quick] [--out FILE.json]

A hundred columns, daily windows of 1,000 rows, a reference of thirty days, a budget of one false
alarm a year; changes of single columns, each until its first alarm. Precision is the share of
the named columns that had moved, recall the share of the moved ones that are named, both over
all alarms. The rows' outlier score moves with the columns: to name it is neither right nor wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from benchmarks.rules import REFERENCE_DAYS, YEARLY, tabulate
from benchmarks.streams import DAY_S
from benchmarks.wide_streams import STABLE, Shift, profiles, reference_of
from detectors.decision import Detector
from detectors.profile import Profile
from detectors.reference import OUTLIER
from detectors.report import Verdict

LONGEST_DELAY: Final = 30

MOVED: Final = {
    Shift.MEAN: {"x4"},
    Shift.SPREAD: {"x3", "x11", "x19", "x27", "x35"},
    Shift.CATEGORY: {"k84", "k89"},
    Shift.ZEROS: {"x7", "x27", "x47"},
}
"""The columns that each shift of wide_streams moves by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Localisation:
    """alarms: streams that alarmed at all, as a share. in_first: those whose first window did."""

    change: str
    stream: str
    precision: float
    recall: float
    alarms: float
    in_first: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alarm:
    delay: int
    named: frozenset[str]


def localisation(stream: str, shift: Shift, *, n_references: int, n_streams: int) -> Localisation:
    alarms = [
        alarm
        for seed in range(n_references)
        for alarm in _first_alarms(stream, shift, seed, n_streams)
    ]
    raised = [alarm for alarm in alarms if alarm is not None]
    right = sum(len(alarm.named & MOVED[shift]) for alarm in raised)
    named = sum(len(alarm.named) for alarm in raised)
    return Localisation(
        change=shift,
        stream=stream,
        precision=right / named if named else float("nan"),
        recall=right / (len(raised) * len(MOVED[shift])) if raised else float("nan"),
        alarms=len(raised) / len(alarms),
        in_first=sum(alarm.delay == 1 for alarm in raised) / len(alarms),
    )


def _first_alarms(stream: str, shift: Shift, seed: int, n_streams: int) -> Iterator[_Alarm | None]:
    """The first alarm of each of several streams that the shift begins; None where none came."""
    rng = np.random.default_rng(seed)
    world = STABLE[stream]
    reference = reference_of(world, REFERENCE_DAYS, rng)
    detector = Detector(reference, window_s=DAY_S, budget=YEARLY)
    for _ in range(n_streams):
        days = profiles(world, reference, rng, shift=shift, first=REFERENCE_DAYS)
        yield _first_alarm(detector, islice(days, LONGEST_DELAY))


def _first_alarm(detector: Detector, days: Iterable[Profile]) -> _Alarm | None:
    evidence = detector.start()
    for delay, day in enumerate(days, start=1):
        evidence, decision = detector.step(evidence, day)
        if decision.verdict is Verdict.DRIFT:
            named = {name for name, column in decision.columns.items() if column.named}
            return _Alarm(delay=delay, named=frozenset(named - {OUTLIER}))
    return None


def run(quick: bool) -> Iterator[Localisation]:
    n_references, n_streams = (3, 5) if quick else (6, 15)
    for stream in ("equal days", "days differ by 0.05 sd"):
        for shift in MOVED:
            yield localisation(stream, shift, n_references=n_references, n_streams=n_streams)


if __name__ == "__main__":
    tabulate(__doc__, run)
