"""`driftmeter silence`: when nobody is told of some alerts, by way of the API."""

import argparse
import getpass
from typing import Any

from monitor.apply.answers import Silence
from monitor.apply.calling import add_api, api_client, print_json

DESCRIPTION = """\
Says of which alerts nobody is told, and when. Alerts are decided as ever: what still
fires when a silence ends is told then.

  driftmeter silence add monitor=free-seats --for 2h --comment "the line is rebuilt"
  driftmeter silence add 'team=~"seats|trams"' 'severity!=critical' --for 1d
  driftmeter silence add monitor=free-seats --days sat,sun --from 02:00 --to 04:00 \\
      --timezone Europe/Berlin                        every week, until it is ended
  driftmeter silence list
  driftmeter silence end silence_0123456789abcdef0123456789abcdef

A matcher is a label, one of =, !=, =~ and !~, and a value. There are the monitor's labels,
and monitor, cause, severity and rule; all matchers must match.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "silence",
        help="tell nobody of some alerts for a while",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_adding(what.add_parser("add", help="begin a silence, or a window every week"))
    listing = what.add_parser("list", help="show silences")
    listing.add_argument("--all", action="store_true", help="those that are over, too")
    listing.add_argument("--json", action="store_true", help="everything, as JSON")
    listing.set_defaults(run=run_list)
    ending = what.add_parser("end", help="end a silence now")
    ending.add_argument("id", metavar="ID")
    ending.set_defaults(run=run_end)
    for action in what.choices.values():
        add_api(action)


def _add_adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("matchers", nargs="+", metavar="MATCHER")
    parser.add_argument("--for", dest="duration", metavar="DURATION", help="how long, as in 2h")
    parser.add_argument("--until", metavar="TIME", help="instead: when it ends, RFC 3339")
    parser.add_argument("--start", metavar="TIME", help="when it begins (default now)")
    parser.add_argument("--days", metavar="DAYS", help="of the week: sat,sun (default all)")
    parser.add_argument("--from", dest="from_", metavar="HH:MM", help="every week from this hour")
    parser.add_argument("--to", metavar="HH:MM", help="to this one")
    parser.add_argument("--timezone", default="UTC", help="of these hours (default %(default)s)")
    parser.add_argument("--comment", default="", help="why, for the others")
    parser.set_defaults(run=run_add)


def run_add(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        made = client.add_silence(_request(args))
    print(f"{made['id']} {made['state']} {_when(made)}")
    return 0


def _request(args: argparse.Namespace) -> dict[str, object]:
    """What was given; what is missing in it, the API says."""
    asked = {
        "matchers": args.matchers,
        "duration": args.duration,
        "ends_at": args.until,
        "starts_at": args.start,
        "weekly": _weekly(args),
        "comment": args.comment,
        "created_by": getpass.getuser(),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _weekly(args: argparse.Namespace) -> dict[str, object] | None:
    if args.from_ is None and args.to is None and args.days is None:
        return None
    hours = {"from": args.from_ or "00:00", "to": args.to or "00:00", "timezone": args.timezone}
    days = {} if args.days is None else {"days": args.days.split(",")}
    return {**days, **hours}


def run_list(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.silences(ended=args.all)
    if args.json:
        return print_json(found)
    for silence in found:
        print(f"{silence['id']} {silence['state']} {_when(silence)}")
        print(f"    {', '.join(silence['matchers'])}")
        if silence["comment"]:
            print(f"    {silence['created_by']}: {silence['comment']}")
    return 0


def run_end(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        client.end_silence(args.id)
    print(f"{args.id} ended")
    return 0


def _when(silence: Silence) -> str:
    span = f"from {silence['starts_at']} to {silence['ends_at'] or 'when it is ended'}"
    weekly = silence["weekly"]
    if weekly is None:
        return span
    days, zone = ",".join(weekly["days"]), weekly["timezone"]
    return f"{span}, {days} {weekly['from']} to {weekly['to']} {zone}"
