"""The command `driftmeter backtest`."""

import argparse
import sys
from io import TextIOWrapper
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from monitor import flags
from monitor.backtest import document, table
from monitor.backtest.injection import Injection
from monitor.backtest.running import Question, answer
from monitor.files import FileError
from monitor.leaving.hash_key import read_hash_key
from monitor.spec import documents
from monitor.spec.detection import Budget, Detection
from monitor.spec.model import Monitor

BUDGETS = ("1 per 365d", "1 per 90d", "1 per 30d", "1 per 7d")

EXIT_CODES = {
    "quiet": 0,
    "found": 0,
    "drift": 1,
    "missed": 1,
    "too many false alarms": 1,
    "undecided": 2,
}

DESCRIPTION = """\
Say what a monitor would have said of rows that lie in files: window by window in event time, by the
code that judges predictions in production, without Kafka, a database or a running service.

Files are read in the order given: CSV, Parquet, JSON lines and Arrow, told by their suffix, at
paths or URLs; or lines that Amazon SageMaker has captured, or what KServe's payload logger has put
into a blob store. With --inject drift is put into the rows, to see after how long it would be
found, and how often the monitor cries wolf before."""

EXAMPLES = """\
examples:
  driftmeter backtest -f monitor.yaml --time at january.parquet february.parquet
  driftmeter backtest -f monitor.yaml --inject shift:column=x,by=0.5sd,from=2026-03-01 2026.parquet
  driftmeter backtest -f monitor.yaml captures/2026/03/*/*/*.jsonl
  driftmeter backtest -f monitor.yaml logs/trams/free-seats/predictor/*.json
  driftmeter backtest -f monitor.yaml --budget '2 per 30d' --json 2026.csv | jq '.series[].budgets'

injected drift, with from=TIME and, where it grows slowly, over=DURATION:
  shift:column=x,by=3,from=…                   adds 3; by=0.5sd: half of the reference's deviation
  scale:column=x,by=1.2,from=…                 multiplies
  missing:column=x,share=0.1,from=…            empties a tenth of the rows
  replace:column=x,with=none,share=0.1,from=…  sets a tenth of the rows to a value

exit code:
  0  no window drifts; or, with --inject, windows of some length find the drift, and there are no
     more false alarms before it than the budget allows in that time (a part of one counts as one)
  1  a window drifts; or the injected drift is missed, or there are more false alarms
  2  a file or an option cannot be used, or no window could be decided; why is on stderr

json:
  version, monitor, conclusion (quiet, drift, found, missed, too many false alarms, undecided),
  reference (rows), rows, first, last, unreadable, injected, since, allowed_false_alarms, and
  series, one for each kind of windows: windows_of, window_seconds, budgets, the monitor's own first
  (budget, n_drift, alarms, false_alarms, found_at, delay_seconds), and windows (start, end, n_rows,
  verdict, reason, p_value, evidence, threshold, columns, because, expected, realised; verdicts: one
  for each of the budgets; segments: column, value, which is null of all others, n_rows, share,
  n_moved, moved, the surest of the columns that moved, expected, realised)
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "backtest",
        help="run a monitor over files",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="rows, the earliest first")
    add("-f", "--file", metavar="DOCUMENT", type=Path, required=True, help="a Monitor document")
    add("--monitor", metavar="NAME", help="which one, where the document holds several")
    add("--time", metavar="COLUMN", help="which tells when a row happened (spec.reference.time)")
    add(
        "--inject",
        metavar="DRIFT",
        type=_injection,
        action="append",
        default=[],
        help="drift to put into the rows, see below; may be given several times",
    )
    add("--seed", metavar="N", type=int, default=0, help="of the rows that drift is put into (0)")
    add(
        "--budget",
        metavar="BUDGET",
        type=_budget,
        action="append",
        help=f"what to compare the monitor's own with; several ({', '.join(BUDGETS)})",
    )
    add("--json", action="store_true", help="print a JSON document instead of text")
    flags.add_hash_key(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judges the files' windows and prints what was found; the exit code says what that is.

    Raises FileError, ReferenceError, DocumentError or HashKeyError for what cannot be used.
    """
    monitor = _monitor(args.file, args.monitor)
    progress = Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
    question = Question(
        monitor=monitor,
        paths=args.files,
        time=args.time or monitor.spec.reference.time,
        injections=args.inject,
        budgets=args.budget or list(map(_budget, BUDGETS)),
        seed=args.seed,
        hash_key=read_hash_key(args.hash_key_file) if args.hash_key_file else None,
    )
    with progress:
        findings = answer(question, progress)
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal without Unicode shows "?" for "–" instead of failing.
        sys.stdout.reconfigure(errors="replace")
    print(document.as_json(findings) if args.json else table.plain(findings))
    if findings.conclusion == "undecided":
        n = monitor.spec.detection.minimum_rows
        print(f"driftmeter: no window has the {n} rows that decide one", file=sys.stderr)
    return EXIT_CODES[findings.conclusion]


def _monitor(path: Path, name: str | None) -> Monitor:
    monitors = documents.load(path)
    chosen = [one for one in monitors if name in (None, one.name)]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in monitors)
        raise FileError(f"{path}: say with --monitor which one of: {names}")
    return chosen[0]


def _injection(text: str) -> Injection:
    try:
        return Injection.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _budget(text: str) -> Budget:
    try:
        return Detection.model_validate({"false_alarms": text}).false_alarms
    except ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r} is no budget such as '1 per 90d'") from None
