"""`driftmeter controller`: monitors as resources of a cluster."""

import argparse
import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

from monitor.apply.calling import add_api, api_client
from monitor.controller.cluster import ACCOUNT, Cluster
from monitor.controller.config_maps import LABEL, ConfigMaps
from monitor.controller.following import Kind, follow
from monitor.controller.monitors import Monitors
from monitor.flags import duration
from monitor.telemetry import logs

DESCRIPTION = f"""\
Declares the Monitor resources of a namespace at the API, and writes into their status what became
of them. ConfigMaps labelled {LABEL}=true may hold the documents instead, where nobody may
add a kind to the cluster. The Helm chart runs it (controller.enabled).

Where several namespaces share the API, each is a tenant (--tenant), and its monitors are named with
it: the resource `seats` of the namespace `transit` is the monitor `transit.seats`.
"""

IN_CLUSTER = "https://kubernetes.default.svc"

KINDS = ("monitors", "configmaps")

EXAMPLES = """\
examples:
  driftmeter controller --namespace models
      in a pod: its own account, and the API of the same release
  driftmeter controller --namespace models --kinds configmaps --api http://127.0.0.1:8600
      where custom resources may not be
  driftmeter controller --tenant transit --tenant billing
      two namespaces that share an installation
"""

log = logging.getLogger(__name__)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "controller",
        help="take monitors from a cluster's resources",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_api(parser)
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--namespace", metavar="NAME", help="whose resources are followed")
    whose.add_argument(
        "--tenant",
        metavar="NAMESPACE",
        action="append",
        default=[],
        help="whose resources are followed and named with it, as a tenant's; may be repeated",
    )
    parser.add_argument(
        "--kinds",
        metavar="KIND[,…]",
        type=_kinds,
        default=KINDS,
        help=f"which are followed, of {' and '.join(KINDS)} (default: both)",
    )
    parser.add_argument(
        "--every",
        metavar="DURATION",
        type=duration,
        default=30.0,
        help="at least so often each status is written anew (default 30s)",
    )
    _add_cluster(parser)
    parser.set_defaults(run=run)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the cluster", "Within a pod its own account is the default.")
    group.add_argument("--kubernetes", metavar="URL", default=IN_CLUSTER)
    group.add_argument(
        "--kubernetes-token-file", metavar="FILE", type=Path, default=ACCOUNT / "token"
    )
    group.add_argument("--kubernetes-ca", metavar="FILE", type=Path, default=ACCOUNT / "ca.crt")


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := set(kinds) - set(KINDS):
        raise argparse.ArgumentTypeError(f"there is no {unknown.pop()!r}, but {', '.join(KINDS)}")
    return kinds


def run(args: argparse.Namespace) -> int:
    logs.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    followed = args.tenant or [args.namespace]
    followers = [_started(args, where, kind, stop) for where in followed for kind in args.kinds]
    log.info("following %s of %s", " and ".join(args.kinds), ", ".join(followed))
    while not stop.wait(1.0):
        if not all(follower.is_alive() for follower in followers):
            return 1
    return 0


def _started(
    args: argparse.Namespace, namespace: str, name: str, stop: threading.Event
) -> threading.Thread:
    """A thread that ends with the process: whatever it is about may be interrupted and repeated."""
    cluster = Cluster(
        args.kubernetes,
        lambda: args.kubernetes_token_file.read_text().strip(),
        authority=args.kubernetes_ca,
    )
    api, is_tenant = api_client(args), bool(args.tenant)
    kind: Kind
    if name == "monitors":
        kind = Monitors(cluster, api, namespace, time.time, is_tenant=is_tenant)
    else:
        kind = ConfigMaps(cluster, api, namespace, is_tenant=is_tenant)
    every_s = max(1, round(args.every))

    def work() -> None:
        follow(cluster, kind, every_s=every_s, stop=stop)

    thread = threading.Thread(target=work, name=f"{namespace}/{name}", daemon=True)
    thread.start()
    return thread
