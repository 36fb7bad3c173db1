"""One Apache Kafka for all tests: by its open listener everybody may do everything, by the others
it asks who one is, and its authorizer what one may do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion
from kafka.errors import KafkaError

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.up.supervisor import Supervisor, free_port
from tests.alerts.endpoint import certificate
from tests.support import apache_kafka
from tests.support.waiting import wait_for

OPEN, SASL, SASL_OVER_TLS, TLS = "PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"
HOST = "localhost"
"""Whom its certificate names."""

MECHANISM = "SCRAM-SHA-512"
SUPER_USERS = ("ANONYMOUS", "driftmeter", "CN=client")


@dataclass(frozen=True, slots=True)
class SharedKafka:
    """ports: by the name of the listener. folder: has the certificate of `HOST` and, with its key,
    that of a client."""

    ports: Mapping[str, int]
    folder: Path

    @property
    def address(self) -> str:
        """Of the open listener."""
        return f"127.0.0.1:{self.ports[OPEN]}"

    @property
    def authority(self) -> Path:
        return self.folder / f"{HOST}.crt"

    def add_users(self, passwords: Mapping[str, str]) -> None:
        """They can prove themselves when this returns."""
        admin = KafkaAdminClient(bootstrap_servers=[self.address])
        said = admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, MECHANISM, it) for user, it in passwords.items()]
        )
        admin.close()
        assert not any(said.values()), said
        for user, password in passwords.items():
            wait_for(lambda: self._knows(user, password))  # noqa: B023 - called at once

    def _knows(self, user: str, password: str) -> bool:
        who = {"sasl_plain_username": user, "sasl_plain_password": password}
        how = {"security_protocol": SASL, "sasl_mechanism": MECHANISM}
        broker = Broker(servers=(f"127.0.0.1:{self.ports[SASL]}",), security={**how, **who})
        try:
            broker.consumer(client_id="test").close()
        except (BrokerUnavailableError, KafkaError):
            return False
        return True


def start(
    supervisor: Supervisor, java: Path, jars: Path, openssl: Path, folder: Path
) -> SharedKafka:
    """It is ready when this returns."""
    for name in (HOST, "client"):
        crt, key = certificate(openssl, folder, name)
        (folder / f"{name}.pem").write_bytes(key.read_bytes() + crt.read_bytes())
    ports = {name: free_port() for name in (OPEN, SASL, SASL_OVER_TLS, TLS, "CONTROLLER")}
    command = apache_kafka.prepare(
        java,
        jars,
        folder,
        port=ports[OPEN],
        controller_port=ports["CONTROLLER"],
        settings=_settings(ports, folder),
    )
    supervisor.start("apache-kafka", command, ready=f"tcp://127.0.0.1:{ports[OPEN]}")
    return SharedKafka(ports, folder)


def _settings(ports: Mapping[str, int], folder: Path) -> dict[str, object]:
    hosts = {name: HOST if name.endswith("SSL") else "127.0.0.1" for name in ports}
    listeners = [f"{name}://{hosts[name]}:{port}" for name, port in ports.items()]
    module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(listeners[:-1]),
        "listener.security.protocol.map": ",".join(_protocols(ports)),
        "sasl.enabled.mechanisms": MECHANISM,
        **{
            f"listener.name.{name.lower()}.{MECHANISM.lower()}.sasl.jaas.config": module
            for name in (SASL, SASL_OVER_TLS)
        },
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / f"{HOST}.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": folder / "client.crt",
        "listener.name.ssl.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ";".join(f"User:{name}" for name in SUPER_USERS),
    }


def _protocols(listeners: Iterable[str]) -> list[str]:
    return [f"{name}:{OPEN if name == 'CONTROLLER' else name}" for name in listeners]
