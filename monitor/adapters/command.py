"""`driftmeter alibi`: what a detector trained with alibi-detect says of the rows of a file."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from monitor.adapters.alibi import OutlierAnswer, SavedDetector, matrix, run
from monitor.adapters.folder_digest import folder_digest
from monitor.files import read_table, to_rows
from monitor.flags import duration

DESCRIPTION = """\
Runs a drift or outlier detector that was trained and saved with alibi-detect, in a process of its
own and by the Python of an environment that has alibi-detect.

A saved detector holds pickled code, which runs with your rights when it is loaded. So it is loaded
only if its content has the sha256 that you give; take that from somebody you trust, or compute it
where the detector was trained.
"""

EXAMPLES = """\
examples:
  driftmeter alibi digest detector/
  driftmeter alibi run detector/ rows.parquet --sha256 4f1c… --python /opt/alibi/bin/python
  driftmeter alibi run detector/ rows.csv --columns speed,stops --sha256 4f1c… --python …

an environment for it:
  python3.11 -m venv /opt/alibi && /opt/alibi/bin/pip install alibi-detect==0.11.4

exit code: 0 no drift and no outlier, 1 drift or outliers, 2 no answer
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "alibi",
        help="run a detector saved by alibi-detect",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    digest = commands.add_parser("digest", help="print the sha256 of a saved detector's content")
    digest.add_argument("folder", metavar="FOLDER", type=Path)
    digest.set_defaults(run=_digest)
    running = commands.add_parser("run", help="print, as JSON, what it says of a file's rows")
    running.add_argument("folder", metavar="FOLDER", type=Path)
    running.add_argument("rows", metavar="ROWS", help="CSV, Parquet, JSON lines or Arrow")
    running.add_argument("--sha256", required=True, help="the content that may be loaded")
    running.add_argument("--python", required=True, type=Path, help="of the environment")
    running.add_argument("--columns", help="in the order of training; all, as in ROWS, without")
    running.add_argument("--timeout", type=duration, default=60.0, metavar="DURATION")
    running.add_argument("--memory-mib", type=int, default=8192, metavar="N")
    running.set_defaults(run=_run)


def _digest(args: argparse.Namespace) -> int:
    print(folder_digest(args.folder))
    return 0


def _run(args: argparse.Namespace) -> int:
    rows, schema, _ = to_rows(read_table(args.rows))
    names = args.columns.split(",") if args.columns else [field.name for field in schema]
    detector = SavedDetector(
        folder=args.folder,
        sha256=args.sha256,
        python=args.python,
        timeout_s=args.timeout,
        memory_bytes=args.memory_mib << 20,
    )
    answer = run(detector, matrix(rows, names))
    print(json.dumps(dataclasses.asdict(answer), indent=1))
    found = any(answer.is_outlier) if isinstance(answer, OutlierAnswer) else answer.is_drift
    return int(found)
