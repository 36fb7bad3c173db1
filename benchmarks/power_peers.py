"""How surely other tools see a change, by default and at an equal measured rate of false alarms.

    python -m benchmarks.power_peers [--quick] [--out FILE.json] [--tools NAME ...]
        [--references N]

The windows of `power`: a hundred columns, 1,000 rows a day, a reference of thirty days, which
every tool is given whole. Each window is judged by itself: by the tool's default threshold, and
by the one that would have called 1 % of the stable windows drift. The first column is the tools'
false alarms by default. Peers are slow; each setting that they offer for such data has its row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.panel import TOOLS, course, strengths
from benchmarks.rules import command_line, print_table
from benchmarks.wide_streams import STABLE, Shift
from detectors.columns import Floats

STREAM = "equal days"
EQUAL_RATE = 0.01
SHIFTS = [shift for shift in Shift if shift not in (Shift.NONE, Shift.STEP, Shift.RAMP)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Shares of windows in alarm; of stable ones by default only, 1 % being given otherwise."""

    change: str
    rule: str
    by_default: float
    at_1_percent: float


def power(tool: str, *, n_references: int, n_stable: int, n_shifted: int) -> Iterator[Power]:
    """Of every rule of a tool, the stable windows first."""
    lengths = {Shift.NONE: n_stable} | dict.fromkeys(SHIFTS, n_shifted)
    kinds = np.repeat(list(lengths), list(lengths.values()))
    seen = [strengths(tool, course(STABLE[STREAM], seed, lengths)) for seed in range(n_references)]
    for rule in seen[0]:
        strength = np.stack([each[rule] for each in seen])
        limit = exceeded_by(EQUAL_RATE, strength[:, kinds == Shift.NONE])
        for shift in lengths:
            of_shift = strength[:, kinds == shift]
            yield Power(
                change=shift,
                rule=rule,
                by_default=float((of_shift >= 1).mean()),
                at_1_percent=float((of_shift > limit).mean()),
            )


def exceeded_by(share: float, strengths: Floats) -> float:
    """The strength above which that share of them lies, or the nearest that is possible."""
    largest_first = np.sort(strengths, axis=None)[::-1]
    return float(largest_first[round(share * strengths.size)])


def run(quick: bool, tools: Sequence[str], n_references: int) -> Iterator[Power]:
    n_stable, n_shifted = (50, 5) if quick else (100, 10)
    for tool in tools:
        yield from power(tool, n_references=n_references, n_stable=n_stable, n_shifted=n_shifted)


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--tools", nargs="+", default=TOOLS, choices=TOOLS)
    parser.add_argument("--references", type=int, default=3, help="how many are drawn")
    arguments = parser.parse_args()
    print_table(run(arguments.quick, arguments.tools, arguments.references), arguments)
