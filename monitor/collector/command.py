"""`driftmeter collect`: the sidecar beside a model server."""

import argparse
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor import flags
from monitor.collector import front
from monitor.flags import Address

EXAMPLES = """\
examples:
  driftmeter collect --upstream http://127.0.0.1:8080
      Clients call http://127.0.0.1:9000 instead of the model server; labels are pushed to
      http://127.0.0.1:9001/v1/labels.

  driftmeter collect --broker kafka-1:9092,kafka-2:9092
      No proxy: predictions and labels are both pushed.

  driftmeter collect --spool /var/spool/driftmeter --spool-limit 8GiB
      While Kafka is away, 8 GiB of predictions and labels wait on this disk. A spool belongs
      to one collector at a time.

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
    parser.add_argument(
        "--upstream",
        metavar="URL",
        type=upstream,
        help="the model server, such as http://127.0.0.1:8080; without it nothing is proxied",
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9000),
        help="where the model's clients connect (default %(default)s)",
    )
    parser.add_argument(
        "--ingest",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9001),
        help="where rows are pushed, and /metrics is (default %(default)s)",
    )
    parser.add_argument(
        "--ingest-token-file",
        metavar="FILE",
        type=Path,
        help="who may push: SHA-256 of bearer tokens, one a line, each followed by the names of "
        "its monitors or by none for all (default: everybody who reaches the address)",
    )
    flags.add_spool(parser)
    flags.add_broker(parser)
    parser.add_argument("--beside", help=argparse.SUPPRESS)  # how the proxy starts its recorder
    parser.set_defaults(run=run)


def upstream(text: str) -> Address:
    """An argparse type: the address in http://HOST:PORT."""
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname or url.path not in ("", "/") or url.query:
        raise argparse.ArgumentTypeError(f"{text!r} is not http://HOST:PORT")
    return Address(url.hostname, url.port or 80)


def run(args: argparse.Namespace) -> int:
    if args.beside is not None:
        return _record_beside(args, *args.beside.split(","))
    if args.upstream is not None:
        return front.run(front.Settings(args.upstream, args.listen, args.ingest, sys.argv[1:]))
    from monitor.collector import recording  # noqa: PLC0415 - heavy: a proxy has none of it

    recording.run_alone(args)
    return 0


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
