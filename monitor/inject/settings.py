"""What an injected collector is told, wherever that is: flags that `inject` and `admit` share."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Self

from monitor import flags

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """image: what runs. broker: addresses of Kafka. broker_security_secret and hash_key_secret:
    secrets of the pod's own namespace, empty for none; quotas_config_map: a ConfigMap of it.
    spool_bytes: of the pod's own disk. is_native: a native sidecar, which Kubernetes has since
    1.29, not an ordinary container. is_namespaced: it knows the monitors of its pod's namespace
    alone.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    broker: str = "127.0.0.1:9092"
    topic_prefix: str = "driftmeter."
    broker_security_secret: str = ""
    hash_key_secret: str = ""
    quotas_config_map: str = ""
    spool_bytes: int = 1024 * MIB
    is_native: bool = True
    is_namespaced: bool = False

    @classmethod
    def from_flags(cls, args: argparse.Namespace) -> Self:
        return cls(
            image=args.image,
            pull_policy=args.image_pull_policy,
            broker=args.broker,
            topic_prefix=args.topic_prefix,
            broker_security_secret=args.broker_security_secret,
            hash_key_secret=args.hash_key_secret,
            quotas_config_map=args.quotas_config_map,
            spool_bytes=args.spool_limit,
            is_native=args.sidecar == "native",
            is_namespaced=args.namespaced,
        )


def add_flags(parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ) -> None:
    """The flags that `Settings.from_flags` reads."""
    group = parser.add_argument_group("the injected collector")
    group.add_argument(
        "--image",
        default=f"driftmeter/collector:{metadata.version('driftmeter')}",
        help="the collector's image (default %(default)s)",
    )
    group.add_argument(
        "--image-pull-policy",
        default="IfNotPresent",
        choices=("Always", "IfNotPresent", "Never"),
        help="default %(default)s",
    )
    group.add_argument(
        "--broker",
        metavar="HOST:PORT[,…]",
        default=environment.get("DRIFTMETER_BROKER", "kafka-bootstrap.kafka:9092"),
        help="addresses of Kafka, as the pod reaches them (env DRIFTMETER_BROKER; "
        "default %(default)s)",
    )
    group.add_argument(
        "--topic-prefix",
        metavar="PREFIX",
        default=environment.get("DRIFTMETER_TOPIC_PREFIX", "driftmeter."),
        help="what topic names begin with (env DRIFTMETER_TOPIC_PREFIX; default %(default)s)",
    )
    _add_secrets(group)
    _add_tenancy(group)
    group.add_argument(
        "--spool-limit",
        metavar="SIZE",
        type=flags.size,
        default=flags.size("1GiB"),
        help="how much may wait for Kafka on the pod's own disk (default 1GiB)",
    )
    group.add_argument(
        "--sidecar",
        choices=("native", "container"),
        default="native",
        help="Kubernetes before 1.29 has no native sidecars and needs 'container' "
        "(default %(default)s)",
    )


def _add_tenancy(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--namespaced",
        action="store_true",
        help="the pod's namespace is a tenant: no monitor of another one is known to the collector",
    )
    group.add_argument(
        "--quotas-config-map",
        metavar="NAME",
        default="",
        help="a ConfigMap whose key quotas.yaml says how much each namespace may use "
        "(default: none)",
    )


def _add_secrets(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--broker-security-secret",
        metavar="NAME",
        default="",
        help="a secret whose key kafka.properties has the keys of TLS and SASL (default: none)",
    )
    group.add_argument(
        "--hash-key-secret",
        metavar="NAME",
        default="",
        help="a secret whose key hash-key is for columns that leave hashed (default: none)",
    )
