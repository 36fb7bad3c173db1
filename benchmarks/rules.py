"""The rules that are compared: ours, the customary one, and the two dummies that any must beat."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.streams import DAY_S
from detectors.bins import NumericColumn
from detectors.decision import Detector
from detectors.decision.budget import Budget
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
YEARLY = Budget(alarms=1, period_s=365 * DAY_S)

Judge = Callable[[Iterable[Profile]], Iterator[bool]]
"""Successive windows to whether each is in alarm; every call begins anew."""


def driftmeter(reference: Reference) -> Judge:
    detector = Detector(reference, window_s=DAY_S, budget=YEARLY)

    def judge(windows: Iterable[Profile]) -> Iterator[bool]:
        evidence = detector.start()
        for window in windows:
            evidence, decision = detector.step(evidence, window)
            yield decision.verdict is Verdict.DRIFT

    return judge


def any_column_below_5_percent(reference: Reference) -> Judge:
    return lambda windows: (min(_p_values(reference, window)) < 0.05 for window in windows)


def always(_: Reference) -> Judge:
    return lambda windows: (True for _ in windows)


def never(_: Reference) -> Judge:
    return lambda windows: (False for _ in windows)


RULES: dict[str, Callable[[Reference], Judge]] = {
    "driftmeter": driftmeter,
    "any column p < 0.05": any_column_below_5_percent,
    "always": always,
    "never": never,
}


def _p_values(reference: Reference, window: Profile) -> Iterator[float]:
    """Kolmogorov-Smirnov of numbers, chi-squared of categories."""
    for i, column in enumerate(reference.declared):
        a = column.ordered(reference.part(reference.profile.counts, i))
        b = column.ordered(reference.part(window.counts, i))
        if isinstance(column, NumericColumn):
            distance = kolmogorov_smirnov(a, b)
            p = kolmogorov_smirnov_p_value(distance, n_reference=a.sum(), n_current=b.sum())
        else:
            p = chi_squared_p_value(chi_squared(a, b), dof=degrees_of_freedom(a, b))
        yield float(p)


def tabulate(what: str | None, results: Callable[[bool], Iterable[Any]]) -> None:
    """Run a benchmark from the command line: a line for every result, and JSON where asked for.

    what: the module's docstring. results: of whether to be quick, dataclasses of one kind.
    """
    arguments = command_line(what).parse_args()
    print_table(results(arguments.quick), arguments)


def command_line(what: str | None) -> argparse.ArgumentParser:
    """What every benchmark understands; `what` is its module's docstring."""
    parser = argparse.ArgumentParser(description=(what or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes, and noisier")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    return parser


def print_table(results: Iterable[Any], arguments: argparse.Namespace) -> None:
    """A line for every result as it comes, dataclasses of one kind; JSON where asked for."""
    started, written = time.perf_counter(), list[dict[str, Any]]()
    for result in results:
        row = asdict(result)
        if not written:
            print(_line([name.replace("_", " ") for name in row], like=list(row.values())))
        print(_line(list(row.values()), like=list(row.values())), flush=True)
        written.append(row)
    machine = platform.processor() or platform.machine()
    print(f"{time.perf_counter() - started:.0f} s on {machine}")
    if arguments.out:
        content = {"python": sys.version, "quick": arguments.quick, "results": written}
        arguments.out.write_text(json.dumps(content, indent=2) + "\n")


def _line(cells: Sequence[str | float | None], *, like: Sequence[object]) -> str:
    """Cells under one another: wide where the row `like` which they are holds text."""
    widths = (40 if isinstance(value, str) else 14 for value in like)
    return "".join(f"{_text(cell):{width}}" for cell, width in zip(cells, widths, strict=True))


def _text(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:.2f}"
