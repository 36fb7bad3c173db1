"""Starts every role of one machine, with a broker of its own unless there is another."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from monitor.adapters.allowed import Allowed
from monitor.flags import Address
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.kafka.security import read_security
from monitor.spec.durations import format_duration
from monitor.up.supervisor import Supervisor, free_port

LOOPBACK = "127.0.0.1"
ANY = Address(LOOPBACK, 0)
EMBEDDED_SESSION_S = 2.0
"""The embedded broker makes a new group wait for half of it; nothing is far away on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `start` starts, and where it listens; port 0 is any free one.

    data: the folder of the database, the references and the logs.
    upstream: URL of the model server; None leaves the proxy out.
    grpc_upstream: where the model server speaks gRPC; None leaves that proxy out.
    broker: "host:port[,…]" of a Kafka; None starts one.
    broker_security: properties of TLS and SASL, where that Kafka asks who we are.
    topic_prefix: None is a fresh one on the broker that we start, the default on any other.
    token_file: bearer tokens of the API, which an address beyond loopback needs.
    hash_key_file: of columns that documents want hashed.
    quotas: how much each namespace may use.
    ingest_token_file: who may push; such an address of the ingest needs it, or `is_ingest_open`.
    base_url: where people reach the pages, if that is not the API's own address.
    flush_s: how often counts are published.
    idle_s: after which silence no longer holds windows open.
    allowed: the saved detectors that detect may run.
    """

    data: Path
    upstream: str | None = None
    grpc_upstream: Address | None = None
    listen: Address = ANY
    grpc_listen: Address = ANY
    ingest: Address = ANY
    api: Address = ANY
    aggregate_metrics: Address = ANY
    detect_metrics: Address = ANY
    broker: str | None = None
    broker_security: Path | None = None
    topic_prefix: str | None = None
    database: str | None = None
    token_file: Path | None = None
    hash_key_file: Path | None = None
    quotas: Path | None = None
    ingest_token_file: Path | None = None
    is_ingest_open: bool = False
    base_url: str | None = None
    flush_s: float = 2.0
    idle_s: float = 30.0
    allowed: Allowed = field(default_factory=Allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything is; `listen` and `grpc_listen` answer only if there is an upstream."""

    broker: str
    topic_prefix: str
    listen: Address
    grpc_listen: Address
    ingest: Address
    api: Address
    aggregate_metrics: Address
    detect_metrics: Address

    @property
    def api_url(self) -> str:
        return f"http://{self.api}"

    @property
    def metrics_urls(self) -> dict[str, str]:
        """By role, where Prometheus finds its metrics."""
        return {
            "collect": f"http://{self.ingest}/metrics",
            "aggregate": f"http://{self.aggregate_metrics}/metrics",
            "detect": f"http://{self.detect_metrics}/metrics",
            "serve": f"http://{self.api}/metrics",
        }


def start(supervisor: Supervisor, settings: Settings) -> Addresses:
    """Starts the broker (if it is ours) and the roles; returns when all are ready."""
    settings.data.mkdir(parents=True, exist_ok=True)
    addresses = _addresses(settings)
    if settings.broker is None:
        port = int(addresses.broker.rpartition(":")[2])
        supervisor.start("broker", embedded.command(port), ready=f"tcp://{addresses.broker}")
    _broker(settings, addresses).create_topics()
    # Said even where there is none: this process's own may be of another Kafka than ours.
    security = {"DRIFTMETER_BROKER_SECURITY": str(settings.broker_security or "")}
    for role, flags in _roles(settings, addresses).items():
        # -P: a folder named `monitor` where the user happens to stand is not ours.
        supervisor.start(role, [sys.executable, "-P", "-m", "monitor", role, *flags], env=security)
    for url in addresses.metrics_urls.values():
        supervisor.wait(url.removesuffix("metrics") + "readyz")
    supervisor.check()  # somebody else's server may have answered at a port that ours did not get
    return addresses


def _broker(settings: Settings, addresses: Addresses) -> Broker:
    return Broker(
        servers=tuple(addresses.broker.split(",")),
        topics=Topics(addresses.topic_prefix),
        security=read_security(file) if (file := settings.broker_security) else {},
    )


def _addresses(settings: Settings) -> Addresses:
    own = settings.broker is None
    return Addresses(
        broker=settings.broker or f"{LOOPBACK}:{free_port()}",
        topic_prefix=settings.topic_prefix or (embedded.fresh_prefix() if own else Topics().prefix),
        listen=_bound(settings.listen),
        grpc_listen=_bound(settings.grpc_listen),
        ingest=_bound(settings.ingest),
        api=_bound(settings.api),
        aggregate_metrics=_bound(settings.aggregate_metrics),
        detect_metrics=_bound(settings.detect_metrics),
    )


def _bound(address: Address) -> Address:
    return address if address.port else Address(address.host, free_port())


def _roles(settings: Settings, addresses: Addresses) -> dict[str, list[str]]:
    """The flags of every role, in the order of their start."""
    kafka = ["--broker", addresses.broker, "--topic-prefix", addresses.topic_prefix]
    if settings.broker is None:
        kafka += ["--session-timeout", format_duration(EMBEDDED_SESSION_S)]
    store = ["--store", str(settings.data / "references")]
    database = ["--database", settings.database or f"sqlite:///{settings.data}/driftmeter.db"]
    proxy = ["--upstream", settings.upstream] if settings.upstream else []
    if settings.grpc_upstream:
        proxy += ["--grpc-upstream", str(settings.grpc_upstream)]
    tokens = ["--token-file", str(settings.token_file)] if settings.token_file else []
    ingest_access = [
        *(["--ingest-token-file", str(file)] if (file := settings.ingest_token_file) else []),
        *(["--ingest-without-authentication"] if settings.is_ingest_open else []),
    ]
    hash_key = ["--hash-key-file", str(file)] if (file := settings.hash_key_file) else []
    quotas = ["--quotas", str(file)] if (file := settings.quotas) else []
    base_url = settings.base_url or addresses.api_url
    return {
        "serve": [
            *("--listen", str(addresses.api), "--webhook-allow", "127.0.0.0/8"),
            *(*tokens, *hash_key, *quotas, *kafka, *database, *store),
        ],
        "detect": [
            *("--metrics", str(addresses.detect_metrics)),
            *("--idle", format_duration(settings.idle_s), "--base-url", base_url),
            *(*kafka, *database, *store, *settings.allowed.as_flags()),
        ],
        "aggregate": [
            *("--metrics", str(addresses.aggregate_metrics)),
            *("--flush", format_duration(settings.flush_s)),
            *("--state", str(settings.data / "aggregate")),
            *(*kafka, *store),
        ],
        "collect": [
            *proxy,
            *("--listen", str(addresses.listen), "--grpc-listen", str(addresses.grpc_listen)),
            *("--ingest", str(addresses.ingest)),
            *("--spool", str(settings.data / "spool")),
            *(*ingest_access, *hash_key, *quotas, *kafka),
        ],
    }
