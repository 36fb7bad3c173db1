"""`driftmeter controller`: monitors as resources of a cluster."""

import argparse
import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

from monitor.apply.calling import add_api, api_client
from monitor.apply.client import Client
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
"""

IN_CLUSTER = "https://kubernetes.default.svc"

KINDS = ("monitors", "configmaps")

EXAMPLES = """\
examples:
  driftmeter controller --namespace models
      in a pod: its own account, and the API of the same release
  driftmeter controller --namespace models --kinds configmaps --api http://127.0.0.1:8600
      where custom resources may not be
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
    parser.add_argument("--namespace", required=True, help="whose resources are followed")
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
    followers = [_started(args, kind, stop) for kind in args.kinds]
    log.info("following %s in namespace %s", " and ".join(args.kinds), args.namespace)
    while not stop.wait(1.0):
        if not all(follower.is_alive() for follower in followers):
            return 1
    return 0


def _started(args: argparse.Namespace, name: str, stop: threading.Event) -> threading.Thread:
    """A thread that ends with the process: whatever it is about may be interrupted and repeated."""
    cluster = Cluster(
        args.kubernetes,
        lambda: args.kubernetes_token_file.read_text().strip(),
        authority=args.kubernetes_ca,
    )
    kind = _kind(name, cluster, api_client(args), args.namespace)
    every_s = max(1, round(args.every))

    def work() -> None:
        follow(cluster, kind, every_s=every_s, stop=stop)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _kind(name: str, cluster: Cluster, api: Client, namespace: str) -> Kind:
    if name == "monitors":
        return Monitors(cluster, api, namespace, time.time)
    return ConfigMaps(cluster, api, namespace)
