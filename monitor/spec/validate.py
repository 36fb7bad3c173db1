"""`driftmeter validate`: every fault of documents, its place, and what would be right."""

import argparse
import sys
from pathlib import Path
from typing import Any

from monitor.spec.documents import DocumentError, check

DESCRIPTION = """\
Reads Monitor, RetrainSubscription and Quotas documents and says all that is wrong with them at
once:
file:line:column: path: what is wrong (what would be right).
"""

EXAMPLES = """\
examples:
  driftmeter validate monitor.yaml
  driftmeter validate monitors/*.yaml && git push

A document needs a name and a reference; everything else has a default:

  apiVersion: driftmeter.dev/v1
  kind: Monitor
  metadata:
    name: free-seats
  spec:
    reference: training.parquet

exit code: 0 all is right, 1 something is wrong, 2 a file cannot be read
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "validate",
        help="check documents",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    return max(_validate(path) for path in args.files)


def _validate(path: Path) -> int:
    try:
        found = check(path)
    except DocumentError as error:
        print(error)
        return 1
    except OSError as error:
        print(f"driftmeter: {path}: {error.strerror}", file=sys.stderr)
        return 2
    names = ", ".join(one.name for one in found)
    print(f"{path}: all right: {names}")
    return 0
