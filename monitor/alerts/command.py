"""`driftmeter alerts`: alerts, who was told of them, telling it again, and trying a channel."""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monitor.alerts import preview
from monitor.apply.answers import Delivery, Endpoint
from monitor.apply.calling import add_action, api_client, print_json, print_table
from monitor.apply.client import ApiError, Client

DESCRIPTION = """\
Shows alerts, whom they were told to and how that went; tells somebody again, and
lets you see what a channel would say.

  driftmeter alerts list --monitor free-seats
  driftmeter alerts deliveries --state failed
  driftmeter alerts redeliver delivery_0c9f8d1a5be24c07a5a3f6d2e1b4c7f8
  driftmeter alerts endpoints
  driftmeter alerts enable endpoint_5f1c
  driftmeter alerts test team --monitor free-seats
  driftmeter alerts test team -f monitor.yaml --print
"""

TEST_WAIT_S = 60.0
SETTLED = frozenset({"delivered", "standing", "failed", "gone", "exhausted"})


def add_parser(subparsers: Any) -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "alerts",
        help="show alerts and who was told; try a channel",
        description=DESCRIPTION,
        formatter_class=plain,
    )
    parser.set_defaults(run=lambda _: parser.print_help() or 2)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_lists(actions)
    add_action(actions, "redeliver", "tell somebody again, with the same id", run_redeliver, "ID")
    add_action(actions, "enable", "call an endpoint again that was disabled", run_enable, "ID")
    test = add_action(actions, "test", "tell a channel of a made-up incident", run_test, "CHANNEL")
    whose = test.add_mutually_exclusive_group(required=True)
    whose.add_argument("--monitor", metavar="NAME", help="of this monitor of the server")
    whose.add_argument(
        "-f", "--file", type=Path, metavar="FILE", help="of the monitor that is declared here"
    )
    test.add_argument(
        "--print", action="store_true", help="show what it would be told, and send nothing"
    )


def _add_lists(actions: Any) -> None:
    for name, text, run in (
        ("list", "alerts, the latest first", run_list),
        ("deliveries", "who was told, and what came of it", run_deliveries),
        ("endpoints", "who is told, and how that goes", run_endpoints),
    ):
        listing = add_action(actions, name, text, run)
        listing.add_argument("--json", action="store_true", help="everything, as JSON")
        if name != "endpoints":
            listing.add_argument("--monitor", metavar="NAME", help="only of this monitor")
            listing.add_argument("--limit", type=int, default=50, metavar="N")
        if name == "deliveries":
            listing.add_argument("--state", help="only those that are pending, failed, …")


def run_list(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.alerts(args.monitor, limit=args.limit)
    if args.json:
        return print_json(found)
    columns = ("STATE", "MONITOR", "CAUSE", "SINCE", "ID")
    keys = ("state", "monitor", "cause", "started_at", "id")
    return print_table(columns, ([alert.get(key) for key in keys] for alert in found))


def run_deliveries(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.deliveries(args.monitor, state=args.state, limit=args.limit)
    if args.json:
        return print_json(found)
    columns = ("STATE", "MONITOR", "TO", "WHAT", "ATTEMPTS", "LAST", "ID")
    return print_table(columns, map(_of_delivery, found))


def _of_delivery(delivery: Delivery) -> list[object]:
    attempts = delivery["attempts"]
    last = attempts[-1]["detail"] if attempts else "-"
    what = delivery["payload"]["type"].removeprefix("driftmeter.")
    told = (delivery["state"], delivery["monitor"], delivery["endpoint"], what)
    return [*told, len(attempts), last, delivery["id"]]


def run_endpoints(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.endpoints()
    if args.json:
        return print_json(found)
    columns = ("STATE", "KIND", "TOLD BY", "WAITING", "REASON", "ID")
    return print_table(columns, map(_of_endpoint, found))


def _of_endpoint(endpoint: Endpoint) -> list[object]:
    told_by = ", ".join(f"{one['monitor']}/{one['name']}" for one in endpoint["told_by"])
    shown = (endpoint["state"], endpoint["kind"], told_by, endpoint["waiting"])
    return [*shown, endpoint["reason"] or "-", endpoint["id"]]


def run_redeliver(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.redeliver(args.id)
        return _follow(client, [found["id"]], len(found["attempts"]))


def run_enable(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.enable_endpoint(args.id)
    print(f"{found['id']} is called again; {found['waiting']} waited for it")
    return 0


def run_test(args: argparse.Namespace) -> int:
    if args.file is not None:
        return preview.from_file(args.file, args.channel, printed=args.print, now=time.time())
    with api_client(args) as client:
        if args.print:
            return preview.of_document(
                client.monitor(args.monitor)["document"], args.channel, now=time.time()
            )
        put = client.try_channel(args.monitor, args.channel)
        return _follow(client, put["deliveries"])


def _follow(client: Client, ids: Iterable[str], n_before: int = 0) -> int:
    """Says what comes of deliveries; 0 if all arrive, else 1."""
    ended = [_attempted(client, one, n_before) for one in ids]
    for delivery in ended:
        last = delivery["attempts"][-1]
        what = delivery["payload"]["type"].removeprefix("driftmeter.")
        print(f"{delivery['endpoint']}: {what} {delivery['state']} ({last['detail']})")
    return 0 if all(one["state"] in ("delivered", "standing") for one in ended) else 1


def _attempted(client: Client, delivery_id: str, n_before: int) -> Delivery:
    """A delivery after its next attempt. Raises ApiError if there is none for a minute."""
    deadline = time.monotonic() + TEST_WAIT_S
    while time.monotonic() < deadline:
        found = client.delivery(delivery_id)
        if len(found["attempts"]) > n_before:
            return found
        time.sleep(0.1)
    raise ApiError(f"{delivery_id} has not been attempted for a minute: see `alerts endpoints`")
