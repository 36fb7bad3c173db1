"""`driftmeter serve`: starts the API with its pages, the registrar and the deliveries."""

import argparse
import ipaddress
import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from monitor import flags
from monitor.apply.registrar import Registrar
from monitor.collector.listening import bound
from monitor.kafka.log import KafkaLog
from monitor.leaving.hash_key import read_hash_key
from monitor.retraining.loop import Loop
from monitor.server import identities
from monitor.server.access import Identify, anyone
from monitor.server.app import create_app
from monitor.server.deliveries import pruning
from monitor.server.deliveries.worker import Deliveries
from monitor.spec.strict import NAMESPACE_PATTERN
from monitor.sql.database import Database, open_database
from monitor.sql.store import open_store
from monitor.telemetry import logs, tracing
from monitor.telemetry.instruments import Instruments
from monitor.tenants.quotas import quotas_of
from monitor.tenants.retention import Retention

DESCRIPTION = """\
Runs the API, its web pages, the fitting of references, and the delivery of
notifications and retrain requests.

  driftmeter serve
  driftmeter serve --database postgresql://driftmeter@db/driftmeter --broker kafka:9092
  driftmeter serve --listen 0.0.0.0:8600 --token-file /etc/driftmeter/tokens

On loopback everybody on this machine may call. Any other address needs a file of
bearer tokens, one a line; callers send 'Authorization: Bearer TOKEN', browsers are
asked for one. A line may say what its holder may do, and who that is:

  0c9f…  admin
  7a31…  viewer  grafana
  b2e5…  operator@transit,billing  on call of two teams

Who is confined to namespaces sees and changes only their monitors. An admin makes
further tokens on the page /tokens. Behind a proxy that asks an OpenID provider, such
as oauth2-proxy, its word is taken for who calls:

  driftmeter serve --listen 0.0.0.0:8600 --trust-proxy 10.2.0.7/32 \\
    --admin-group ml-platform --operator-group ml-oncall

Webhooks to private addresses are refused unless their network is allowed:

  driftmeter serve --webhook-allow 10.0.0.0/8
"""

TICK_S = 0.2

log = logging.getLogger(__name__)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "serve",
        help="run the API, its pages and the webhooks",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=flags.Address.parse,
        default=flags.Address("127.0.0.1", 8600),
        help="where the API and the pages are (default %(default)s)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="bearer tokens that callers need, one a line: TOKEN [ROLE[@NAMESPACE,…] [NAME]]",
    )
    _add_proxy(parser)
    parser.add_argument(
        "--webhook-allow",
        metavar="NETWORK",
        type=_network,
        action="append",
        default=[],
        help="a network, such as 10.0.0.0/8, to which webhooks may go although it is private",
    )
    parser.add_argument(
        "--keep-deliveries",
        metavar="DURATION",
        type=flags.duration,
        default=pruning.KEPT_S,
        help="for how long what was told is kept, and can be told again (default 30d)",
    )
    flags.add_quotas(parser)
    flags.add_hash_key(parser)
    flags.add_broker(parser)
    flags.add_database(parser)
    flags.add_store(parser)
    parser.set_defaults(run=run)


def _add_proxy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust-proxy",
        metavar="NETWORK",
        type=_network,
        action="append",
        default=[],
        help="where a proxy is whose X-Forwarded-User and X-Forwarded-Groups are believed",
    )
    parser.add_argument(
        "--namespace-group",
        metavar="GROUP=NAMESPACE",
        type=_membership,
        action="append",
        default=[],
        help="whose members see the monitors of this namespace; then who is in none such, and is "
        "no admin, sees none",
    )
    for role, may in (("admin", "make tokens too"), ("operator", "change things")):
        parser.add_argument(
            f"--{role}-group",
            metavar="GROUP",
            action="append",
            default=[],
            help=f"a group of the proxy's users who may {may}; others only look",
        )


def _membership(text: str) -> tuple[str, str]:
    group, equals, namespace = text.rpartition("=")
    if not equals or not group or not re.fullmatch(NAMESPACE_PATTERN, namespace):
        raise argparse.ArgumentTypeError(f"{text!r} is not GROUP=NAMESPACE")
    return group, namespace


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: write a network such as 10.0.0.0/8") from None


def run(args: argparse.Namespace) -> int:
    logs.configure()
    _check_access(args)
    store = open_store(args.store)
    hash_key = read_hash_key(args.hash_key_file) if args.hash_key_file else None
    tracing.configure("serve")
    quotas = quotas_of(args.quotas)
    database = open_database(args.database)
    registry = CollectorRegistry()
    topics = KafkaLog(flags.broker(args), client_id="driftmeter-serve")
    deliveries = Deliveries(
        database,
        Instruments(registry),
        time.time,
        allow=args.webhook_allow,
        log=topics,
        kept_s=args.keep_deliveries,
    )
    registrar = Registrar(database, store, flags.broker(args), hash_key=hash_key, quotas=quotas)
    retrains = Loop(database, flags.broker(args), time.time, allow=args.webhook_allow)
    app = create_app(
        database,
        registry,
        time.time,
        identify=_identities(args, database),
        broker=flags.broker(args),
        quotas=quotas,
    )
    ticks = {
        "registrar": registrar.tick,
        "deliveries": deliveries.tick,
        "retrains": retrains.tick,
        "retention": Retention(database, quotas).tick,
    }
    try:
        with _beside(ticks):
            _serve(app, args.listen)
    finally:
        deliveries.close()
        topics.close()
        retrains.close()
        registrar.close()
        tracing.shutdown()
    return 0


def _identities(args: argparse.Namespace, database: Database) -> list[Identify]:
    """Ways to know who calls; on loopback everybody does."""
    ways: list[Identify] = []
    if args.token_file is not None:
        ways.append(identities.in_file(lambda: identities.read_tokens(args.token_file)))
    if args.trust_proxy:
        ways.append(
            identities.Proxy(
                networks=args.trust_proxy,
                admins=args.admin_group,
                operators=args.operator_group,
                members=args.namespace_group,
            )
        )
    return [*ways, identities.in_database(database, time.time)] if ways else [anyone]


def _check_access(args: argparse.Namespace) -> None:
    """Raises OSError or ValueError where not just this machine could call, or nobody."""
    if args.token_file is not None:
        identities.read_tokens(args.token_file)  # one that cannot be used is said now, not later
    elif not args.trust_proxy and not _is_loopback(args.listen.host):
        raise OSError(
            f"--listen {args.listen} is not loopback: give --token-file, so that not everybody "
            "who reaches it can declare monitors"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which any address may be behind
        return host == "localhost"


@contextmanager
def _beside(ticks: Mapping[str, Callable[[float], object]]) -> Iterator[None]:
    """Each ticks meanwhile on a thread of its own, by the name that it has here."""
    stop = threading.Event()
    workers = [_worker(name, tick, stop) for name, tick in ticks.items()]
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def _worker(name: str, tick: Callable[[float], object], stop: threading.Event) -> threading.Thread:
    """A thread that ticks until told to stop. A failed tick is logged, and tried again later."""

    def work() -> None:
        while not stop.wait(TICK_S):
            try:
                tick(time.time())
            except Exception:  # the other parts of the process must go on
                log.exception("%s failed; it is tried again", name)
                stop.wait(5)

    thread = threading.Thread(target=work, name=name)
    thread.start()
    return thread


class _Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM, where uvicorn would die of the signal after all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _serve(app: ASGIApp, address: flags.Address) -> None:
    """Raises OSError, naming the address, if it cannot be listened on."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who a connection is from decides whose headers are believed
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    with bound(address) as listening:
        ours = replace(address, port=listening.getsockname()[1])
        log.info("the API and its pages are at http://%s", ours)
        _Server(config).run(sockets=[listening])
