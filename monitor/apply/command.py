"""`driftmeter apply`, `get`, `history`, `pause`, `resume`, `delete`: monitors, by the API."""

import argparse
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson

from monitor.apply.calling import add_api, api_client, print_json
from monitor.flags import duration
from monitor.spec import documents

APPLY = """\
Declares the monitors of one or more files and waits until each is active.
Applying the same file again changes nothing.

  driftmeter apply monitor.yaml
  driftmeter apply monitors/*.yaml --api http://driftmeter:8600
"""
GET = """\
Shows monitors: all, or one with its last report.

  driftmeter get
  driftmeter get free-seats --json
"""
HISTORY = """\
Shows every revision of a monitor, the latest first, and what each one changed.

  driftmeter history free-seats
  driftmeter history free-seats --json
"""
PAUSE = """\
Pauses a monitor: its rows are still counted and its windows reported, but nothing is
decided of them and nobody is told. An alert that fires keeps firing until it is resumed.

  driftmeter pause free-seats
  driftmeter resume free-seats
"""
RESUME = """\
Resumes a monitor that was paused. Windows that ended meanwhile stay undecided.

  driftmeter resume free-seats
"""
DELETE = """\
Deletes a monitor. Its rows are no longer counted; what was reported stays.

  driftmeter delete free-seats
"""


def add_parser(subparsers: Any) -> None:
    plain = argparse.RawDescriptionHelpFormatter
    apply = subparsers.add_parser(
        "apply", help="declare monitors from files", description=APPLY, formatter_class=plain
    )
    apply.add_argument("files", nargs="+", type=Path, metavar="FILE")
    apply.add_argument(
        "--wait",
        type=duration,
        default=300.0,
        metavar="DURATION",
        help="how long to wait for each reference to be fitted (default 5m)",
    )
    apply.set_defaults(run=run_apply)
    get = subparsers.add_parser("get", help="show monitors", description=GET, formatter_class=plain)
    get.add_argument("name", nargs="?", metavar="NAME")
    get.add_argument("--json", action="store_true", help="everything, as JSON")
    get.set_defaults(run=run_get)
    history = subparsers.add_parser(
        "history", help="show a monitor's revisions", description=HISTORY, formatter_class=plain
    )
    history.add_argument("name", metavar="NAME")
    history.add_argument("--json", action="store_true", help="whole documents, as JSON")
    history.set_defaults(run=run_history)
    for parser in (apply, get, history, *_named_parsers(subparsers, plain)):
        add_api(parser)


def _named_parsers(subparsers: Any, plain: Any) -> Iterator[argparse.ArgumentParser]:
    """The commands that do one thing to one monitor."""
    for name, description, run in (
        ("pause", PAUSE, run_pause),
        ("resume", RESUME, run_resume),
        ("delete", DELETE, run_delete),
    ):
        parser = subparsers.add_parser(
            name, help=f"{name} a monitor", description=description, formatter_class=plain
        )
        parser.add_argument("name", metavar="NAME")
        parser.set_defaults(run=run)
        yield parser


def run_apply(args: argparse.Namespace) -> int:
    monitors = [monitor for path in args.files for monitor in documents.load(path)]
    failed = 0
    with api_client(args) as client:
        for monitor in monitors:
            put = client.put_monitor(monitor)
            found = client.settle(monitor.name, put["revision"], timeout_s=args.wait)
            failed += found["status"] != "active"
            why = f": {found['reason']}" if found["reason"] else ""
            print(f"{found['name']} revision {found['revision']} {found['status']}{why}")
    return 2 if failed else 0


def run_get(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = [client.monitor(args.name)] if args.name else client.monitors()
    if args.json:
        return print_json(found)
    print(f"{'NAME':<32}{'STATUS':<12}{'STATE':<12}{'ALERT':<12}WINDOW")
    for monitor in found:
        report, alert = monitor["last_report"], monitor["alert"]
        print(
            f"{monitor['name']:<32}{monitor['status']:<12}{monitor['state'] or '-':<12}"
            f"{alert['state'] if alert else '-':<12}{report['window']['end'] if report else '-'}"
        )
    return 0


def run_history(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        revisions = client.revisions(args.name)
    if args.json:
        return print_json(revisions)
    for after, before in zip_longest(revisions, revisions[1:]):
        why = f": {after['reason']}" if after["reason"] else ""
        print(f"revision {after['revision']}  {after['created_at']}  {after['status']}{why}")
        for change in _changes(before["document"], after["document"]) if before else ():
            print(f"    {change}")
    return 0


def _changes(before: object, after: object, path: str = "") -> Iterator[str]:
    """What differs between two documents, a line for every key."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _changes(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
    elif before != after:
        yield f"{path}: {_as_text(before)} → {_as_text(after)}"


def _as_text(value: object) -> str:
    if value is None:
        return "not given"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def run_pause(args: argparse.Namespace) -> int:
    return _pause(args, paused=True)


def run_resume(args: argparse.Namespace) -> int:
    return _pause(args, paused=False)


def _pause(args: argparse.Namespace, *, paused: bool) -> int:
    with api_client(args) as client:
        now = client.pause_monitor(args.name, paused=paused)
    print(f"{now['name']} revision {now['revision']} {'paused' if paused else 'resumed'}")
    return 0


def run_delete(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        client.delete_monitor(args.name)
    print(f"{args.name} deleted")
    return 0
