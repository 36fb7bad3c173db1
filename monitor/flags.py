"""Command-line flags that several roles share; each may come from the environment too."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from monitor.spec.durations import parse_duration
from monitor.spec.sizes import parse_size

if TYPE_CHECKING:
    from monitor.kafka.connecting import Broker

DATA = "driftmeter-data"


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        host, colon, port = text.rpartition(":")
        if not colon or "/" in host or not port.isdigit() or int(port) > 65_535:
            raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:9000")
        return cls(host.strip("[]") or "127.0.0.1", int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def http_address(text: str) -> Address:
    """An argparse type: the address in http://HOST:PORT."""
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname or url.path not in ("", "/") or url.query:
        raise argparse.ArgumentTypeError(f"{text!r} is not http://HOST:PORT")
    return Address(url.hostname, url.port or 80)


def duration(text: str) -> float:
    """An argparse type: "45s" is 45.0."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_broker(
    parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ
) -> None:
    group = parser.add_argument_group("Kafka")
    group.add_argument(
        "--broker",
        metavar="HOST:PORT[,…]",
        type=brokers,
        default=environment.get("DRIFTMETER_BROKER", "127.0.0.1:9092"),
        help="addresses of Kafka brokers (env DRIFTMETER_BROKER; default %(default)s)",
    )
    add_broker_security(group, environment)
    group.add_argument(
        "--topic-prefix",
        metavar="PREFIX",
        default=environment.get("DRIFTMETER_TOPIC_PREFIX", "driftmeter."),
        help="what topic names begin with (env DRIFTMETER_TOPIC_PREFIX; default %(default)s)",
    )
    group.add_argument(
        "--session-timeout",
        metavar="DURATION",
        type=duration,
        default=duration(environment.get("DRIFTMETER_SESSION_TIMEOUT", "45s")),
        help="after which a silent consumer loses its partitions (default 45s)",
    )


def brokers(text: str) -> str:
    """An argparse type: addresses of Kafka, as they are; a port that is none is refused."""
    for one in text.split(","):
        host, colon, port = one.strip().rpartition(":")
        if colon and not host.endswith(":") and not port.isdigit():
            raise argparse.ArgumentTypeError(f"{one!r} is not HOST:PORT, such as kafka:9092")
    return text


def add_broker_security(
    parser: argparse._ActionsContainer, environment: Mapping[str, str] = os.environ
) -> None:
    parser.add_argument(
        "--broker-security",
        metavar="FILE",
        type=Path,
        default=_path(environment.get("DRIFTMETER_BROKER_SECURITY")),
        help="properties of TLS and SASL, such as security.protocol=SASL_SSL "
        "(env DRIFTMETER_BROKER_SECURITY; default: plain text)",
    )


def broker(args: argparse.Namespace) -> "Broker":
    from monitor.kafka.connecting import Broker  # noqa: PLC0415 - a proxy parses its flags and needs no Kafka
    from monitor.kafka.messages import Topics  # noqa: PLC0415
    from monitor.kafka.security import read_security  # noqa: PLC0415

    return Broker(
        servers=tuple(args.broker.split(",")),
        topics=Topics(args.topic_prefix),
        session_timeout_s=args.session_timeout,
        security=read_security(args.broker_security) if args.broker_security else {},
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def size(text: str) -> int:
    """An argparse type: "512MiB" is 536870912; at least 1 MiB."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_spool(parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ) -> None:
    group = parser.add_argument_group("spool")
    group.add_argument(
        "--spool",
        metavar="FOLDER",
        type=Path,
        default=Path(environment.get("DRIFTMETER_SPOOL", f"{DATA}/spool")),
        help="where rows wait for Kafka (env DRIFTMETER_SPOOL; default %(default)s)",
    )
    group.add_argument(
        "--spool-limit",
        metavar="SIZE",
        type=size,
        default=size(environment.get("DRIFTMETER_SPOOL_LIMIT", "1GiB")),
        help="of the spool; when it is full, pushes are answered with 503 and captured "
        "predictions are dropped and counted (env DRIFTMETER_SPOOL_LIMIT; default 1GiB)",
    )


def add_store(parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ) -> None:
    parser.add_argument(
        "--store",
        metavar="FOLDER|URL",
        default=environment.get("DRIFTMETER_STORE", f"{DATA}/references"),
        help="where fitted references are kept (env DRIFTMETER_STORE; default %(default)s)",
    )


def add_database(
    parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ
) -> None:
    parser.add_argument(
        "--database",
        metavar="URL",
        default=environment.get("DRIFTMETER_DATABASE", f"sqlite:///{DATA}/driftmeter.db"),
        help="SQLite or PostgreSQL URL (env DRIFTMETER_DATABASE; default %(default)s)",
    )


def add_hash_key(
    parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ
) -> None:
    parser.add_argument(
        "--hash-key-file",
        metavar="FILE",
        type=Path,
        default=_path(environment.get("DRIFTMETER_HASH_KEY_FILE")),
        help="the key for columns of which documents say `hash`, 16 bytes or more, the same for "
        "`collect` and `serve` (env DRIFTMETER_HASH_KEY_FILE; default: none)",
    )


def add_quotas(
    parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ
) -> None:
    parser.add_argument(
        "--quotas",
        metavar="FILE",
        type=Path,
        default=_path(environment.get("DRIFTMETER_QUOTAS")),
        help="how much each namespace may use: a Quotas document, read again when it changes "
        "(env DRIFTMETER_QUOTAS; default: as much as it likes)",
    )


def add_metrics(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address.parse(default),
        help="where /metrics, /healthz and /readyz are served (default %(default)s)",
    )
