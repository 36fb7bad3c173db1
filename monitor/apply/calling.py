"""How every command that asks the API finds it, and shows what it says."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from monitor.apply.client import Client


def add_api(parser: argparse.ArgumentParser) -> None:
    """The flags that `api_client` reads."""
    parser.add_argument(
        "--api",
        metavar="URL",
        default=os.environ.get("DRIFTMETER_API", "http://127.0.0.1:8600"),
        help="address of the API (env DRIFTMETER_API; default %(default)s); "
        "a bearer token is taken from env DRIFTMETER_TOKEN",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="take the bearer token from here instead: the first line, as `serve` reads it",
    )


def add_action(
    actions: Any,
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
    argument: str | None = None,
) -> argparse.ArgumentParser:
    """One of the things that a command does, with the flags of the API and perhaps an argument."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    if argument is not None:
        parser.add_argument(argument.lower(), metavar=argument)
    add_api(parser)
    parser.set_defaults(run=run)
    return parser


def api_client(args: argparse.Namespace) -> Client:
    return Client(args.api, token=_token(args.token_file))


def print_json(found: object) -> int:
    sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


def print_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> int:
    lines = [tuple(columns), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    return 0


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get("DRIFTMETER_TOKEN")
    lines = (line.strip() for line in path.read_text().splitlines())
    return next((line for line in lines if line and not line.startswith("#")), None)
