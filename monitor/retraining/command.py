"""`driftmeter retrain`: which retrains were asked for, what became of them, who wants them."""

import argparse
from pathlib import Path
from typing import Any

from monitor.apply.answers import Retrain, RetrainDecision
from monitor.apply.calling import add_action, api_client, print_json, print_table
from monitor.spec import documents

DESCRIPTION = """\
Shows retrains and what became of them, approves those that wait for it, says what a
pipeline cannot say itself, and declares subscriptions for many monitors.

  driftmeter retrain list --monitor free-seats
  driftmeter retrain show retrain_0c9f8d1a5be24c07a5a3f6d2e1b4c7f8
  driftmeter retrain approve retrain_0c9f8d1a5be24c07a5a3f6d2e1b4c7f8
  driftmeter retrain tell retrain_0c9f8d1a5be24c07a5a3f6d2e1b4c7f8 promoted \\
      --model-version 7 --reference s3://models/free-seats/7/reference.parquet
  driftmeter retrain why --monitor free-seats
  driftmeter retrain subscribe nightly.yaml
  driftmeter retrain subscriptions
  driftmeter retrain unsubscribe nightly
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "retrain",
        help="show, approve and subscribe to retrains",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda _: parser.print_help() or 2)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_retrains(actions)
    _add_subscriptions(actions)


def _add_retrains(actions: Any) -> None:
    listing = add_action(actions, "list", "retrains, the latest first", run_list)
    listing.add_argument("--monitor", metavar="NAME", help="only of this monitor")
    listing.add_argument("--state", help="only those that are awaiting_approval, running, …")
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    listing.add_argument("--json", action="store_true", help="everything, as JSON")
    add_action(actions, "show", "all that is known of one, as JSON", run_show, "ID")
    add_action(actions, "approve", "ask for it now", run_approve, "ID")
    add_action(actions, "reject", "ask nobody", run_reject, "ID")
    tell = add_action(actions, "tell", "say what became of one", run_tell, "ID")
    tell.add_argument("state", choices=("running", "failed", "succeeded", "promoted"))
    tell.add_argument("--detail", metavar="TEXT", help="for people")
    tell.add_argument("--model-version", metavar="VERSION")
    tell.add_argument(
        "--reference",
        metavar="URL",
        help="what the promoted model is expected to see: the monitor goes on with it",
    )
    why = add_action(actions, "why", "what every subscription answered last", run_why)
    why.add_argument("--monitor", metavar="NAME", help="only of this monitor")


def _add_subscriptions(actions: Any) -> None:
    add_action(actions, "subscriptions", "those for many monitors, as JSON", run_subscriptions)
    subscribe = add_action(actions, "subscribe", "declare subscriptions from files", run_subscribe)
    subscribe.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_action(actions, "unsubscribe", "delete a subscription", run_unsubscribe, "NAME")


def run_list(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.retrains(args.monitor, state=args.state, limit=args.limit)
    if args.json:
        return print_json(found)
    return print_table(("STATE", "MONITOR", "BY", "AT", "HELPED", "ID"), map(_of_retrain, found))


def _of_retrain(retrain: Retrain) -> list[object]:
    result = retrain["promoted"] and retrain["promoted"]["result"]
    helped = {True: "yes", False: "no", None: "-"}[result["helped"] if result else None]
    shown = (retrain["state"], retrain["monitor"], retrain["subscription"], retrain["at"])
    return [*shown, helped, retrain["id"]]


def run_show(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        return print_json(client.retrain(args.id))


def run_approve(args: argparse.Namespace) -> int:
    return _decide(args, approved=True)


def run_reject(args: argparse.Namespace) -> int:
    return _decide(args, approved=False)


def _decide(args: argparse.Namespace, *, approved: bool) -> int:
    with api_client(args) as client:
        found = client.decide_retrain(args.id, approved=approved)
    print(f"{found['id']} of {found['monitor']} is {found['state']}")
    return 0


def run_tell(args: argparse.Namespace) -> int:
    said: dict[str, object] = {"state": args.state, "detail": args.detail}
    said["model_version"] = args.model_version
    if args.reference is not None:
        said["reference"] = {"url": args.reference}
    with api_client(args) as client:
        taken = client.tell_of_retrain(args.id, said)
    known = "" if taken["changed"] else ", as was known"
    print(f"{taken['id']} is {taken['state']}{known}")
    return 0


def run_why(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        found = client.retrain_decisions(args.monitor)
    columns = ("MONITOR", "SUBSCRIPTION", "AT", "ANSWER", "ALERT")
    return print_table(columns, map(_of_decision, found))


def _of_decision(one: RetrainDecision) -> list[object]:
    return [one["monitor"], one["subscription"], one["at"], one["answer"], one["alert"]]


def run_subscriptions(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        return print_json(client.subscriptions())


def run_subscribe(args: argparse.Namespace) -> int:
    wanted = [one for path in args.files for one in documents.load_subscriptions(path)]
    with api_client(args) as client:
        for subscription in wanted:
            client.put_subscription(subscription)
            print(f"{subscription.name} subscribed")
    return 0


def run_unsubscribe(args: argparse.Namespace) -> int:
    with api_client(args) as client:
        client.delete_subscription(args.name)
    print(f"{args.name} unsubscribed")
    return 0
