"""`driftmeter inject`: manifests with collectors in them, offline."""

import argparse
import sys
from pathlib import Path
from typing import Any

from monitor.inject import manifests
from monitor.inject.settings import Settings, add_flags

DESCRIPTION = """\
Writes manifests with a collector in front of the model: a native sidecar that takes over the
named port that callers reach. What has one already stays as it is.

  driftmeter inject -f deployment.yaml --broker kafka:9092 | kubectl apply -f -
  kustomize build . | driftmeter inject -f - > injected.yaml

A file with one workload gets its collector there; of several, those get one whose pod template has
the annotation driftmeter.dev/inject: "true". docs/kubernetes.md describes the others.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "inject",
        help="put a collector into manifests",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        required=True,
        help="manifests as YAML or JSON; - is the standard input",
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if args.file == "-" else Path(args.file).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise manifests.ManifestError(f"{args.file}: {error}") from None
    documents = [one for one in manifests.read(text, args.file) if one is not None]
    sys.stdout.write(manifests.write(manifests.inject(documents, Settings.from_flags(args))))
    return 0
