"""A Kafka that asks who we are: SCRAM over TLS, and certificates on both sides."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.kafka import embedded
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Topics
from monitor.kafka.security import read_security
from monitor.up.supervisor import Supervisor
from monitor.up.supervisor import free_port as find_free_port
from tests.alerts.endpoint import certificate
from tests.conftest import Needs, cache_folder
from tests.monitor.kafka.test_connecting import sends_and_reads
from tests.support import apache_kafka

pytestmark = [pytest.mark.xdist_group("apache-kafka"), pytest.mark.timeout(600)]

SERVER = "localhost"
USER, PASSWORD = "driftmeter", "driftmeter-secret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, needs: Needs) -> Path:
    """Certificates of the server and of a client, each its own authority."""
    folder = tmp_path_factory.mktemp("secured-kafka")
    for name in (SERVER, "client"):
        crt, key = certificate(needs("openssl"), folder, name)
        (folder / f"{name}.pem").write_bytes(key.read_bytes() + crt.read_bytes())
    return folder


@pytest.fixture(scope="module")
def ports(servers: Supervisor, needs: Needs, folder: Path) -> dict[str, int]:
    ports = {name: find_free_port() for name in ("PLAINTEXT", "SASL_SSL", "SSL", "CONTROLLER")}
    listeners = [f"{name}://{SERVER}:{port}" for name, port in ports.items()]
    settings = {
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(listeners[:-1]),
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in ports).replace(
            "CONTROLLER:CONTROLLER", "CONTROLLER:PLAINTEXT"
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / f"{SERVER}.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": folder / "client.crt",
        "listener.name.ssl.ssl.client.auth": "required",
    }
    command = apache_kafka.prepare(
        needs("java"),
        apache_kafka.libraries(needs("mvn"), cache_folder()),
        folder,
        port=ports["PLAINTEXT"],
        controller_port=ports["CONTROLLER"],
        settings=settings,
        scram=[f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"],
    )
    servers.start("secured-kafka", command, ready=f"tcp://127.0.0.1:{ports['PLAINTEXT']}")
    return ports


@pytest.fixture
def secured(
    ports: dict[str, int], folder: Path, tmp_path: Path
) -> Callable[[str, dict[str, object]], Broker]:
    def broker(protocol: str, properties: dict[str, object]) -> Broker:
        path = tmp_path / "kafka.properties"
        common = {"security.protocol": protocol, "ssl.ca.location": folder / f"{SERVER}.crt"}
        path.write_text("".join(f"{k}={v}\n" for k, v in {**common, **properties}.items()))
        return Broker(
            servers=(f"{SERVER}:{ports[protocol]}",),
            topics=Topics(embedded.fresh_prefix()),
            session_timeout_s=1.0,
            security=read_security(path),
        )

    return broker


SCRAM: dict[str, object] = {
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": USER,
    "sasl.password": PASSWORD,
}


def test_a_password_over_tls(secured: Callable[[str, dict[str, object]], Broker]) -> None:
    broker = secured("SASL_SSL", SCRAM)
    broker.create_topics()
    sends_and_reads(broker)


def test_certificates_on_both_sides(
    secured: Callable[[str, dict[str, object]], Broker], folder: Path
) -> None:
    certificates: dict[str, object] = {
        "ssl.certificate.location": folder / "client.crt",
        "ssl.key.location": folder / "client.key",
    }
    broker = secured("SSL", certificates)
    broker.create_topics()
    sends_and_reads(broker)


def test_a_wrong_password_is_refused_with_what_to_look_at(
    secured: Callable[[str, dict[str, object]], Broker],
) -> None:
    broker = secured("SASL_SSL", {**SCRAM, "sasl.password": "guessed"})
    with pytest.raises(BrokerUnavailableError, match="--broker-security"):
        replace(broker, connect_timeout_s=3.0).create_topics()
