"""The command `driftmeter replay`."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import orjson

from alerts.notification import rfc3339
from monitor import flags
from monitor.batches.times import parse_microseconds
from monitor.replay import beside
from monitor.replay.log import Log
from monitor.replay.reported import ReplayError, reported
from monitor.replay.running import Replayed, replay
from monitor.sql.database import open_database
from monitor.sql.store import ArtifactStore

N_DIFFERENCES = 5
"""Told of one window, in text."""

DESCRIPTION = """\
Make windows of the past again from the log, and say of each whether its report is the same.

Rows are read from Kafka without a group and counted by the code that counts them as they come;
windows are judged by the code that judged them. What a report was made of is known to the message,
so the log is read just as far as it had been read then. Where rows are no longer in the log the
profiles that were made of them are taken. Nothing is written, to Kafka or to the database."""

EXAMPLES = """\
examples:
  driftmeter replay free-seats --from 2026-03-01 --to 2026-03-08
  driftmeter replay free-seats --from 2026-03-01T06:00 --to 2026-03-01T07:00 --json | jq .

exit code:
  0  every report is the same
  1  a report differs; what of it is told
  2  the range cannot be replayed: no window of it was reported, or the log no longer has it

json:
  monitor, from, to, conclusion (same, differs), and windows: id, start, end, seconds, reference_id,
  monitor_revision, revision, source (rows, profiles), same, differences (path, reported, replayed),
  left_out (what could not be made again)
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "replay",
        help="make past windows again from the log",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("monitor", metavar="MONITOR", help="its name")
    add("--from", metavar="TIME", dest="since", type=_moment, required=True, help="their beginning")
    add("--to", metavar="TIME", dest="until", type=_moment, required=True, help="their end")
    add("--json", action="store_true", help="print a JSON document instead of text")
    flags.add_broker(parser)
    flags.add_database(parser)
    flags.add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replays and prints what came of it. Raises ReplayError for what cannot be replayed."""
    if args.since >= args.until:
        raise ReplayError("--from must be before --to")
    broker = flags.broker(args)
    database = open_database(args.database, must_exist=True)
    with database.read() as connection:
        windows = reported(connection, args.monitor, args.since, args.until)
        kept = beside.read(connection, windows)
    with closing(Log(broker, clock=time.monotonic)) as log:
        found = replay(log, broker.topics, ArtifactStore(args.store), windows, kept)
    print(_document(args, found) if args.json else _text(args.monitor, found))
    sys.stdout.flush()
    return 1 if any(one.differences for one in found) else 0


def _moment(text: str) -> float:
    micros = parse_microseconds(text)
    if micros is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-03-01 or …T06:00+01:00")
    return micros / 1e6


def _document(args: argparse.Namespace, found: Sequence[Replayed]) -> str:
    document = {
        "monitor": args.monitor,
        "from": rfc3339(args.since),
        "to": rfc3339(args.until),
        "conclusion": "differs" if any(one.differences for one in found) else "same",
        "windows": list(map(_window, found)),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _window(one: Replayed) -> dict[str, Any]:
    window = one.window
    return {
        "id": window.body["id"],
        **window.body["window"],
        "reference_id": window.series.reference_id,
        "monitor_revision": window.registration.revision,
        "revision": window.revision,
        "source": one.source,
        "same": not one.differences,
        "differences": list(one.differences),
        "left_out": list(one.left_out),
    }


def _text(monitor: str, found: Sequence[Replayed]) -> str:
    lines = [f"{monitor}: {len(found)} window{'s' if len(found) > 1 else ''}, times in UTC", ""]
    for one in found:
        window = one.window
        said = f"{window.body['n_rows']:,} rows, {window.body['verdict']}, of {one.source}"
        said += "".join(f"; without its {key}" for key in one.left_out)
        verdict = "differs" if one.differences else "the same"
        lines.append(f"  {_minute(window.start)} to {_minute(window.end)}  {verdict:<8}  {said}")
        for difference in one.differences[:N_DIFFERENCES]:
            change = f"{_plain(difference.reported)} → {_plain(difference.replayed)}"
            lines.append(f"      {difference.path}: {change}")
        if (more := len(one.differences) - N_DIFFERENCES) > 0:
            lines.append(f"      and {more} more")
    n = sum(bool(one.differences) for one in found)
    lines += ["", f"{n} of {len(found)} differ." if n else "Every report is the same."]
    return "\n".join(lines)


def _minute(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _plain(value: object) -> str:
    return "nothing" if value is None else orjson.dumps(value).decode()[:60]
