"""`driftmeter up`: every role on this machine, in the foreground, with a broker of its own."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from monitor.adapters import allowed
from monitor.apply.client import Client
from monitor.flags import (
    DATA,
    Address,
    add_broker_security,
    add_hash_key,
    add_quotas,
    brokers,
    http_address,
)
from monitor.spec import documents
from monitor.spec.model import Monitor
from monitor.spec.retraining import RetrainSubscription
from monitor.up.starting import LOOPBACK, Addresses, Settings, start
from monitor.up.supervisor import NotReadyError, ProcessDiedError, Supervisor

DESCRIPTION = """\
Runs everything that one machine needs: a collector, the counting, the detector, the
API with its pages, and (unless --broker names another) a Kafka-protocol broker of its
own on loopback. Reports and references are kept in the data folder. Ctrl-C stops all.
"""

EXAMPLES = """\
examples:
  driftmeter up -f monitor.yaml --upstream http://127.0.0.1:8080
      The model server is at :8080; send its clients to http://127.0.0.1:9000 instead.
  driftmeter up -f monitor.yaml --grpc-upstream 127.0.0.1:8081
      The model server speaks gRPC; send its clients to 127.0.0.1:9002 instead.
  driftmeter up -f monitor.yaml
      No proxy: push predictions to http://127.0.0.1:9001/v1/predictions.
  driftmeter up -f monitor.yaml --broker kafka-1:9092,kafka-2:9092
      Use a Kafka cluster. What it holds outlives this command.
"""

Declared = Sequence[Monitor | RetrainSubscription]


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "up",
        help="run everything on this machine",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what(parser)
    _add_access(parser)
    allowed.add_flags(parser)
    add_hash_key(parser)
    add_quotas(parser)
    _add_where(parser)
    parser.set_defaults(run=run)


def _add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("-f", "--file"),
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="documents to declare once all is ready, as apply takes them; may be repeated",
    )
    parser.add_argument(
        "--upstream",
        metavar="URL",
        type=_model_url,
        help="the model server; without it there is no proxy, only the push endpoint",
    )
    parser.add_argument(
        "--grpc-upstream",
        metavar="HOST:PORT",
        type=Address.parse,
        help="where the model server speaks gRPC; with or without the above",
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        default=Path(DATA),
        help="database, references, spool and logs (default ./%(default)s)",
    )
    parser.add_argument(
        "--broker",
        metavar="HOST:PORT[,…]",
        type=brokers,
        help="a Kafka to use instead of starting one",
    )
    add_broker_security(parser)
    parser.add_argument(
        "--database", metavar="URL", help="a database to use instead of SQLite in the data folder"
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="where people reach the pages, for links in notifications"
    )


def _model_url(text: str) -> str:
    """An argparse type: http://HOST:PORT as it stands, which the collector is told."""
    http_address(text)
    return text


def _add_access(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="bearer tokens of the API, one a line; needed where --api is not loopback",
    )
    parser.add_argument(
        "--ingest-token-file",
        metavar="FILE",
        type=Path,
        help="who may push, as `driftmeter collect --help` describes it; this or the next is "
        "needed where --ingest is not loopback",
    )
    parser.add_argument(
        "--ingest-without-authentication",
        action="store_true",
        help="let everybody push who reaches --ingest",
    )


def _add_where(parser: argparse.ArgumentParser) -> None:
    where = {
        "--listen": (9000, "the proxy: send the model's clients here"),
        "--grpc-listen": (9002, "the gRPC proxy: send the model's gRPC clients here"),
        "--ingest": (9001, "pushed predictions and labels"),
        "--api": (8600, "the API and the pages"),
        "--aggregate-metrics": (9102, "metrics of the counting"),
        "--detect-metrics": (9103, "metrics of the detector"),
    }
    for flag, (port, purpose) in where.items():
        default = Address(LOOPBACK, port)
        parser.add_argument(
            flag,
            metavar="HOST:PORT",
            type=Address.parse,
            default=default,
            help=f"{purpose} (default %(default)s; port 0 is any free one)",
        )


def run(args: argparse.Namespace) -> int:
    declared = [document for path in args.file for document in documents.load_all(path)]
    settings = Settings(
        data=args.data,
        upstream=args.upstream,
        grpc_upstream=args.grpc_upstream,
        listen=args.listen,
        grpc_listen=args.grpc_listen,
        ingest=args.ingest,
        api=args.api,
        aggregate_metrics=args.aggregate_metrics,
        detect_metrics=args.detect_metrics,
        broker=args.broker,
        broker_security=args.broker_security if args.broker else None,
        database=args.database,
        token_file=args.token_file,
        hash_key_file=args.hash_key_file,
        quotas=args.quotas,
        ingest_token_file=args.ingest_token_file,
        is_ingest_open=args.ingest_without_authentication,
        base_url=args.base_url,
        allowed=allowed.allowed_by(args),
    )
    signal.signal(signal.SIGTERM, _stop)
    try:
        with Supervisor(args.data / "logs") as supervisor:
            _run(supervisor, settings, declared)
    except (NotReadyError, ProcessDiedError) as error:
        print(f"driftmeter: {error}", file=sys.stderr)
        return 1


def _stop(_signum: int, _frame: object) -> NoReturn:
    """SIGTERM leaves through every `with` block, as a return would."""
    sys.exit(0)


def _run(supervisor: Supervisor, settings: Settings, declared: Declared) -> NoReturn:
    _say("starting …")
    addresses = start(supervisor, settings)
    _say(_welcome(settings, addresses))
    _declare(addresses, settings.token_file, declared)
    _say("Ctrl-C stops everything.")
    while True:
        supervisor.check()
        time.sleep(0.2)


def _welcome(settings: Settings, addresses: Addresses) -> str:
    where = {
        "pages": addresses.api_url,
        "API": f"{addresses.api_url}/docs",
        "proxy": f"http://{addresses.listen} → {settings.upstream}" if settings.upstream else "-",
        **_grpc(settings, addresses),
        "push": f"http://{addresses.ingest}/v1/predictions and /v1/labels",
        "broker": f"{addresses.broker}, topics {addresses.topic_prefix}*",
        "metrics": " ".join(addresses.metrics_urls.values()),
    }
    lines = [f"  {what:<9}{address}" for what, address in where.items()]
    return "\n".join([f"Driftmeter is running; data and logs are in {settings.data}.", *lines])


def _grpc(settings: Settings, addresses: Addresses) -> dict[str, str]:
    upstream = settings.grpc_upstream
    return {"gRPC": f"{addresses.grpc_listen} → {upstream}"} if upstream else {}


def _declare(addresses: Addresses, token_file: Path | None, declared: Declared) -> None:
    from monitor.server.identities import secret_of  # noqa: PLC0415 - it brings a web framework

    token = secret_of(token_file) if token_file else None
    with Client(addresses.api_url, token=token) as client:
        for one in declared:
            if isinstance(one, Monitor):
                _declare_monitor(client, one)
            else:
                client.put_subscription(one)
                _say(f"{one.name}: subscribed to retrains")


def _declare_monitor(client: Client, monitor: Monitor) -> None:
    put = client.put_monitor(monitor)
    if monitor.spec.reference.first is not None:
        n = monitor.spec.reference.first
        _say(f"{monitor.name}: its first {n:,} predictions will be its reference")
        return
    if monitor.spec.reference.trailing is not None:
        _say(f"{monitor.name}: its predictions will be its reference")
        return
    _say(f"{monitor.name}: reading its reference …")
    found = client.settle(monitor.name, put["revision"], timeout_s=600)
    ending = "is active" if found["status"] == "active" else f"failed: {found['reason']}"
    _say(f"{monitor.name}: revision {found['revision']} {ending}")


def _say(text: str) -> None:
    print(text, flush=True)
