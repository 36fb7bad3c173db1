"""A check in the terminal: a table of the columns, then what to make of it."""

from collections.abc import Sequence
from textwrap import wrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detectors.two_sample import Verdict
from monitor.check import wording
from monitor.check.comparison import Check, ColumnCheck
from monitor.pictures import shortened

WIDTH = 116
HEADER = ("column", "type", "from → to", "statistic", "effect", "p-value", "verdict")

_LIMITS = (17, 8, 26, 9, 25, 7, 12)
"""With two spaces between them they come to `WIDTH`."""

_STYLES = {
    Verdict.SMALL: "yellow",
    Verdict.QUIET: "green",
    Verdict.UNDECIDED: "dim",
}


def plain(check: Check, names: tuple[str, str]) -> str:
    """As aligned text, at most `WIDTH` columns wide.

    names: of the two files.
    """
    rows = [HEADER, *(_cells(column) for column in check.columns)]
    widths = [
        min(limit, max(len(cell) for cell in cells))
        for limit, cells in zip(_LIMITS, zip(*rows, strict=True), strict=True)
    ]
    lines = ["  ".join(_fit(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * max(len(line) for line in lines))
    below = [line for text in _below(check) for line in wrap(text, WIDTH)]
    return "\n".join([*_above(check, names), "", *lines, "", *below])


def show(check: Check, names: tuple[str, str], console: Console) -> None:
    """In colour, as wide as the terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in HEADER:
        table.add_column(title, overflow="ellipsis", no_wrap=title != "from → to")
    for column in check.columns:
        *cells, verdict = _cells(column)
        style = _STYLES.get(column.verdict, "bold red")
        table.add_row(*map(Text, cells), Text(verdict, style=style))
    console.print(*map(Text, _above(check, names)), sep="\n")
    console.print(table)
    headline, *rest = _below(check)
    console.print(Text(headline, style="bold"))
    for text in rest:
        console.print(Text(text, style="dim" if text in _FIXED else ""))


_FIXED = (wording.HOW_TO_READ, wording.TWO_WINDOWS)


def _cells(column: ColumnCheck) -> tuple[str, ...]:
    is_changed = column.verdict is Verdict.TYPE_CHANGED
    return (
        shortened(column.name, 60) or "(no name)",
        wording.NOTHING if is_changed else column.type,
        column.moved,
        wording.statistic(column),
        wording.effect(column),
        wording.p_value(column.p_value),
        column.verdict,
    )


def _fit(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [shortened(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)]


def _above(check: Check, names: tuple[str, str]) -> list[str]:
    return [
        f"reference  {shortened(names[0], 60)}, {wording.count(check.n_reference)} rows",
        f"current    {shortened(names[1], 60)}, {wording.count(check.n_current)} rows",
    ]


def _below(check: Check) -> list[str]:
    error = [wording.model_error(check.error)] if check.error else []
    tests = [wording.row_test(test) for test in check.row_tests]
    notes = [f"Note: {note}." for note in check.notes]
    return [wording.headline(check), *error, *tests, *notes, *_FIXED]
