"""`driftmeter apply`, `get`, `history`, `pause`, `resume`, `delete`: documents, by the API."""

import argparse
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson

from monitor.apply.calling import add_api, api_client, print_json, print_table
from monitor.apply.client import Client
from monitor.flags import duration
from monitor.spec import documents
from monitor.spec.model import Monitor
from monitor.spec.retraining import RetrainSubscription

SUBSCRIPTION = "RetrainSubscription"

APPLY = """\
Declares what one or more files hold: monitors, of which it waits until each is active, and
subscriptions to retrains. Applying the same file again changes nothing.

  driftmeter apply monitor.yaml
  driftmeter apply monitors/*.yaml --api http://driftmeter:8600
"""
GET = """\
Shows monitors: all, or one with its last report. Or documents of another kind.

  driftmeter get
  driftmeter get free-seats --json
  driftmeter get --kind RetrainSubscription
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
Deletes a monitor. Its rows are no longer counted; what was reported stays. Or deletes a
subscription to retrains: nobody is asked by it any more.

  driftmeter delete free-seats
  driftmeter delete --kind RetrainSubscription nightly
"""


def add_parser(subparsers: Any) -> None:
    plain = argparse.RawDescriptionHelpFormatter
    apply = subparsers.add_parser(
        "apply", help="declare documents from files", description=APPLY, formatter_class=plain
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
    _add_kind(get)
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
        if name == "delete":
            _add_kind(parser)
        yield parser


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        choices=("Monitor", SUBSCRIPTION),
        default="Monitor",
        help="of the document (default %(default)s)",
    )


def run_apply(args: argparse.Namespace) -> int:
    wanted = [one for path in args.files for one in documents.load_all(path)]
    with api_client(args) as client:
        are_active = [_applied(client, one, wait_s=args.wait) for one in wanted]
    return 0 if all(are_active) else 2


def _applied(client: Client, wanted: Monitor | RetrainSubscription, *, wait_s: float) -> bool:
    """Whether a document that was put is in force."""
    if isinstance(wanted, RetrainSubscription):
        client.put_subscription(wanted)
        print(f"{wanted.name} subscribed")
        return True
    put = client.put_monitor(wanted)
    found = client.settle(wanted.name, put["revision"], timeout_s=wait_s)
    why = f": {found['reason']}" if found["reason"] else ""
    print(f"{found['name']} revision {found['revision']} {found['status']}{why}")
    return bool(found["status"] == "active")


def run_get(args: argparse.Namespace) -> int:
    if args.kind == SUBSCRIPTION:
        return _get_subscriptions(args)
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


def _get_subscriptions(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = [client.subscription(args.name)] if args.name else client.subscriptions()
    if args.json:
        return print_json(found)
    rows = [(one["metadata"]["name"], _selected(one["spec"].get("select", {}))) for one in found]
    return print_table(("NAME", "MONITORS"), rows)


def _selected(select: Mapping[str, Any]) -> str:
    labels = [f"{name}={value}" for name, value in select.get("labels", {}).items()]
    return " ".join([*select.get("monitors", ()), *labels]) or "all"


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
        if args.kind == SUBSCRIPTION:
            client.delete_subscription(args.name)
        else:
            client.delete_monitor(args.name)
    print(f"{args.name} deleted")
    return 0
