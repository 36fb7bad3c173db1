"""The command `driftmeter check`."""

import argparse
import csv
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import get_args

from rich.console import Console

from detectors.columns import Role
from detectors.two_sample import Verdict
from monitor.check import document, page, table, wording
from monitor.check.comparison import check_tables
from monitor.files import FileError, read_table
from monitor.spec.samples import SampleTest

TESTS = get_args(SampleTest)
"""Of rows; their libraries are imported where they run."""

EXIT_CODES = {Verdict.QUIET: 0, Verdict.DRIFT: 1, Verdict.UNDECIDED: 2}

DESCRIPTION = """\
Compare two files column by column and say what has drifted.

The reference is what the model is expected to see, its training data say; the current file is what
it sees now. CSV, Parquet, JSON lines and Arrow are told by their suffix; .gz, .bz2 and .zst are
unpacked; a URL such as s3://bucket/day.parquet is opened by fsspec."""

EXAMPLES = """\
examples:
  driftmeter check train.parquet today.parquet
  driftmeter check train.csv today.csv.gz --columns age,income,region
  driftmeter check train.csv today.csv --label seats --prediction predicted_seats
  driftmeter check train.csv today.csv --html report.html
  driftmeter check train.csv today.csv --sample-tests mmd,energy,classifier
  driftmeter check train.csv today.csv --json | jq '.columns[] | {name, verdict, p_value}'
  driftmeter check train.csv today.csv > check.txt || mail -s Drift me@example.org < check.txt

exit code:
  0  quiet     no column drifted
  1  drift     at least one column drifted, vanished, is new, or changed its type
  2  error     a file or an option cannot be used, or no column could be decided; why is on stderr

json:
  version, verdict (drift, quiet, undecided), alpha, reference and current (path, n_rows),
  n_columns, n_drifted, notes, error (metric, reference, current, n_reference, n_current; or null)
  and columns, the strongest first, each with name, type, role, verdict, reason, moved, strength,
  statistics, effect, effect_unit, p_value, adjusted_p_value, intervals (95 %, low and high, of
  statistics by name and of missing_difference), reference and current (n, missing, mean, quantiles,
  shares) and distribution (bars, reference, current, edges); sample_tests, each with name,
  statistic, p_value, n_reference, n_current, interval and columns
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "check",
        help="compare two files column by column",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("reference", metavar="REFERENCE", help="what the model is expected to see")
    add("current", metavar="CURRENT", help="what it sees now")
    add("--columns", metavar="A,B", type=_names, help="compare only these; quote as in CSV")
    add("--label", metavar="NAME", help="the column that holds the true outcome")
    add("--prediction", metavar="NAME", help="the column that holds the model's output")
    add(
        "--alpha",
        metavar="P",
        type=_probability,
        default=0.01,
        help="the chance of any false drift that sampling may cause, over all columns (0.01)",
    )
    add(
        "--sample-tests",
        metavar="A,B",
        type=_tests,
        default=[],
        help=f"test rows of all columns together, too: {', '.join(TESTS)}; this changes no verdict",
    )
    add("--json", action="store_true", help="print a JSON document instead of a table")
    add("--html", metavar="FILE", type=Path, help="write a page with pictures, in one file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, print and write what was asked for; the exit code says what was found.

    Raises FileError for a file or a column that cannot be used, OSError if the page cannot be
    written.
    """
    roles = _roles(args.label, args.prediction)
    wanted = None if args.columns is None else {*args.columns, *roles}
    reference, current = (
        read_table(path, columns=wanted) for path in (args.reference, args.current)
    )
    _check_present(
        [*(args.columns or ()), *roles], {*reference.column_names, *current.column_names}
    )
    check = check_tables(reference, current, roles=roles, alpha=args.alpha, tests=args.sample_tests)
    # A file's name need not be text.
    shown = (_text(args.reference), _text(args.current))
    if args.html:
        args.html.write_text(page.as_html(check, shown), encoding="utf-8")
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal without Unicode shows "?" for "→" instead of failing.
        sys.stdout.reconfigure(errors="replace")
    if args.json:
        print(document.as_json(check, shown))
    elif sys.stdout.isatty():
        table.show(check, shown, Console())
    else:
        print(table.plain(check, shown))
    if check.verdict is Verdict.UNDECIDED:
        print(f"driftmeter: {wording.why_undecided(check)}", file=sys.stderr)
    return EXIT_CODES[check.verdict]


def _roles(label: str | None, prediction: str | None) -> Mapping[str, Role]:
    if label is not None and label == prediction:
        raise FileError(f"{label!r} cannot be both the label and the prediction")
    named = {label: Role.LABEL, prediction: Role.PREDICTION}
    return {name: role for name, role in named.items() if name is not None}


def _check_present(wanted: list[str], present: set[str]) -> None:
    for name in wanted:
        if name not in present:
            raise FileError(f"no column {name!r} in either file; without --columns all are shown")


def _text(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


def _names(text: str) -> list[str]:
    names = next(csv.reader([text], skipinitialspace=True))
    if not names:
        raise argparse.ArgumentTypeError("name at least one column")
    return names


def _tests(text: str) -> list[str]:
    names = list(dict.fromkeys(_names(text)))
    if unknown := [name for name in names if name not in TESTS]:
        raise argparse.ArgumentTypeError(f"no test {unknown[0]!r}; there are {', '.join(TESTS)}")
    return names


def _probability(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
