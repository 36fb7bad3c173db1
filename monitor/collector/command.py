"""`driftmeter collect`: the sidecar beside a model server."""

import argparse
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from monitor import flags
from monitor.collector.access import AccessError, check_reach
from monitor.flags import Address, http_address
from monitor.kafka.security import read_security
from monitor.leaving.hash_key import read_hash_key

EXAMPLES = """\
examples:
  driftmeter collect --upstream http://127.0.0.1:8080
      Clients call http://127.0.0.1:9000 instead of the model server; labels are pushed to
      http://127.0.0.1:9001/v1/labels.

  driftmeter collect --grpc-upstream 127.0.0.1:8081
      The same for a model server that speaks gRPC: clients call 127.0.0.1:9002. A server that
      speaks both gets --upstream too.

  driftmeter collect --broker kafka-1:9092,kafka-2:9092
      No proxy: predictions and labels are both pushed.

  driftmeter collect --spool /var/spool/driftmeter --spool-limit 8GiB
      While Kafka is away, 8 GiB of predictions and labels wait on this disk. A spool belongs
      to one collector at a time.

  driftmeter collect --ingest 0.0.0.0:9001 --ingest-token-file tokens
      Others may push, who have a token. In the file, for each:
      printf %s "$TOKEN" | sha256sum

  driftmeter collect --upstream http://127.0.0.1:8080 --namespace transit --quotas quotas.yaml
      Predictions are those of this tenant's monitors, and no more than their quota.

  curl 127.0.0.1:9001/v1/labels -d '
    {"monitor": "free-seats", "rows": [{"id": "5f2b…", "label": 17}]}'

The id of a prediction is the X-Request-Id of its request. Where the client sends none, the
collector makes one; either way it is in the answer's header. The rows of a request with several
have ids of their own: 5f2b…/0, 5f2b…/1 and so on.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "collect",
        help="run a collector beside a model server",
        description="Passes requests on to a model server and sends predictions to Kafka. "
        "What is not in Kafka yet is kept in a spool on disk, over restarts too.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_proxies(parser)
    parser.add_argument(
        "--ingest",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9001),
        help="where rows are pushed, and /metrics is (default %(default)s)",
    )
    _add_access(parser)
    _add_tenancy(parser)
    flags.add_hash_key(parser)
    flags.add_spool(parser)
    flags.add_broker(parser)
    parser.add_argument("--beside", help=argparse.SUPPRESS)  # how the proxy starts its recorder
    parser.set_defaults(run=run)


def _add_proxies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--upstream",
        metavar="URL",
        type=http_address,
        help="the model server, such as http://127.0.0.1:8080; without it no HTTP is proxied",
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9000),
        help="where the model's clients connect (default %(default)s)",
    )
    parser.add_argument(
        "--grpc-upstream",
        metavar="HOST:PORT",
        type=Address.parse,
        help="where the model server speaks gRPC (Open Inference), without TLS",
    )
    parser.add_argument(
        "--grpc-listen",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9002),
        help="where the model's gRPC clients connect (default %(default)s)",
    )


def _add_access(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "access to the ingest address",
        "On loopback everybody on this machine may push. Any other address needs one of these.",
    )
    group.add_argument(
        "--ingest-token-file",
        metavar="FILE",
        type=Path,
        help="who may push: SHA-256 of bearer tokens, one a line, each followed by the names of "
        "its monitors or by none for all",
    )
    group.add_argument(
        "--ingest-client-ca",
        metavar="FILE",
        type=Path,
        help="PEM: only clients with a certificate of these authorities may push; needs the two "
        "below. With a token file, a token is needed too",
    )
    group.add_argument(
        "--ingest-certificate", metavar="FILE", type=Path, help="PEM: with it the address has TLS"
    )
    group.add_argument("--ingest-key", metavar="FILE", type=Path, help="PEM: the certificate's key")
    group.add_argument(
        "--ingest-without-authentication",
        action="store_true",
        help="let everybody push who reaches the address: where a network policy says who does",
    )


def _add_tenancy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        action="append",
        default=[],
        help="only monitors of this namespace; may be repeated (default: of all)",
    )
    flags.add_quotas(parser)


def run(args: argparse.Namespace) -> int:
    if args.beside is not None:
        return _record_beside(args, *args.beside.split(","))
    _check_access(args)
    if args.hash_key_file is not None:
        read_hash_key(args.hash_key_file)  # what is wrong with it is said before anything starts
    if args.broker_security is not None:
        read_security(args.broker_security)
    if args.quotas is not None:
        from monitor.tenants.quotas import QuotaFile  # noqa: PLC0415 - a proxy has no documents

        QuotaFile(args.quotas)
    if args.upstream is not None or args.grpc_upstream is not None:
        from monitor.collector import front  # noqa: PLC0415 - a recorder has none of it

        return front.run(
            front.Settings(
                upstream=args.upstream,
                listen=args.listen,
                grpc_upstream=args.grpc_upstream,
                grpc_listen=args.grpc_listen,
                ingest=args.ingest,
                arguments=sys.argv[1:],
            )
        )
    from monitor.collector import recording  # noqa: PLC0415 - heavy: a proxy has none of it

    recording.run_alone(args)
    return 0


def _check_access(args: argparse.Namespace) -> None:
    """Before anything is started. Raises AccessError."""
    if (args.ingest_certificate is None) != (args.ingest_key is None):
        raise AccessError("--ingest-certificate and --ingest-key need each other")
    if args.ingest_client_ca is not None and args.ingest_certificate is None:
        raise AccessError("--ingest-client-ca needs --ingest-certificate and --ingest-key")
    check_reach(
        args.ingest.host,
        is_authenticated=args.ingest_token_file is not None or args.ingest_client_ca is not None,
        is_open=args.ingest_without_authentication,
    )


def _record_beside(args: argparse.Namespace, link: str, ingest: str, collector_id: str) -> int:
    """The recorder's process. It lives as long as the proxy does.

    Signals that a terminal or a service manager sends to all processes at once are for the proxy
    to act on.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    from monitor.collector import recording  # noqa: PLC0415 - heavy, and the signals come first

    recording.run_beside(
        args,
        socket.socket(fileno=int(link)),
        socket.socket(fileno=int(ingest)),
        collector_id,
    )
    return 0
