"""False alarms of other tools by default, on stable traffic, beside ours and the two dummies.

    python -m benchmarks.false_alarms_peers [--quick] [--out FILE.json] [--tools NAME ...]
        [--references N]

A hundred columns, daily windows of 1,000 rows, a reference of thirty days, which every tool is
given whole; ours has a budget of one false alarm a year. Contiguous alarming days are one alarm,
which flatters a tool that hardly ever stops: so the share of days in alarm stands beside it. Days
here differ, or follow the week; how tools fare where all are alike, power_peers says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.panel import TOOLS, alarms, course
from benchmarks.rules import command_line, print_table
from benchmarks.wide_streams import STABLE, Shift
from detectors.columns import Floats

STREAMS = ("days differ by 0.05 sd", "a weekly season of 0.2 sd")


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """per_year: alarms begun. in_alarm: share of days."""

    stream: str
    rule: str
    per_year: float
    in_alarm: float


def false_alarms(
    stream: str, tools: Sequence[str], *, n_references: int, n_days: int
) -> Iterator[FalseAlarms]:
    """Of every tool and setting, and of what always and never alarms."""
    courses = [course(STABLE[stream], seed, {Shift.NONE: n_days}) for seed in range(n_references)]
    for tool in tools:
        found = [alarms(tool, each) for each in courses]
        for rule in found[0]:
            yield _counted(stream, rule, np.stack([each[rule] for each in found]))
    for rule, alarm in ("always", 1.0), ("never", 0.0):
        yield _counted(stream, rule, np.full((n_references, n_days), alarm))


def _counted(stream: str, rule: str, in_alarm: Floats) -> FalseAlarms:
    begins = np.diff(in_alarm, axis=1, prepend=0.0) > 0
    return FalseAlarms(
        stream=stream,
        rule=rule,
        per_year=float(begins.mean() * 365),
        in_alarm=float(in_alarm.mean()),
    )


def run(quick: bool, tools: Sequence[str], n_references: int) -> Iterator[FalseAlarms]:
    n_days = 20 if quick else 40
    for stream in STREAMS:
        yield from false_alarms(stream, tools, n_references=n_references, n_days=n_days)


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--tools", nargs="+", default=TOOLS, choices=TOOLS)
    parser.add_argument("--references", type=int, default=2, help="how many are drawn")
    arguments = parser.parse_args()
    print_table(run(arguments.quick, arguments.tools, arguments.references), arguments)
