"""A Kafka that asks who we are: SCRAM over TLS, and certificates on both sides."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from monitor.flags import Address
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Topics
from monitor.kafka.security import read_security
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor
from tests.monitor.kafka.test_connecting import sends_and_reads
from tests.monitor.up.test_command import TOKEN
from tests.support.brokers import ON_APACHE
from tests.support.shared_kafka import HOST, SASL_OVER_TLS, TLS, SharedKafka

pytestmark = [*ON_APACHE]

USER, PASSWORD = "driftmeter", "driftmeter-secret"

Secured = Callable[[str, dict[str, object]], Broker]
SecuredFile = Callable[[str, dict[str, object]], Path]


@pytest.fixture(scope="module")
def kafka(shared_kafka: SharedKafka) -> SharedKafka:
    shared_kafka.add_users({USER: PASSWORD})
    return shared_kafka


@pytest.fixture
def secured_file(kafka: SharedKafka, tmp_path: Path) -> SecuredFile:
    def write(protocol: str, properties: dict[str, object]) -> Path:
        path = tmp_path / "kafka.properties"
        common = {"security.protocol": protocol, "ssl.ca.location": kafka.authority}
        path.write_text("".join(f"{k}={v}\n" for k, v in {**common, **properties}.items()))
        return path

    return write


@pytest.fixture
def secured(kafka: SharedKafka, secured_file: SecuredFile) -> Secured:
    def broker(protocol: str, properties: dict[str, object]) -> Broker:
        return Broker(
            servers=(f"{HOST}:{kafka.ports[protocol]}",),
            topics=Topics(embedded.fresh_prefix()),
            session_timeout_s=1.0,
            security=read_security(secured_file(protocol, properties)),
        )

    return broker


SCRAM: dict[str, object] = {
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": USER,
    "sasl.password": PASSWORD,
}


def test_a_password_over_tls(secured: Secured) -> None:
    broker = secured(SASL_OVER_TLS, SCRAM)
    broker.create_topics()
    sends_and_reads(broker)


def test_certificates_on_both_sides(secured: Secured, kafka: SharedKafka) -> None:
    certificates: dict[str, object] = {
        "ssl.certificate.location": kafka.folder / "client.crt",
        "ssl.key.location": kafka.folder / "client.key",
    }
    broker = secured(TLS, certificates)
    broker.create_topics()
    sends_and_reads(broker)


def test_up_uses_another_kafka_as_it_is_and_beyond_loopback_its_api_wants_a_token_of_the_file(
    secured_file: SecuredFile, kafka: SharedKafka, supervisor: Supervisor, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    settings = Settings(
        data=tmp_path / "data",
        broker=f"{HOST}:{kafka.ports[SASL_OVER_TLS]}",
        broker_security=secured_file(SASL_OVER_TLS, SCRAM),
        topic_prefix=embedded.fresh_prefix(),
        api=Address("0.0.0.0", 0),
        token_file=tokens,
    )
    addresses = start(supervisor, settings)
    assert (addresses.broker, addresses.topic_prefix) == (settings.broker, settings.topic_prefix)
    assert not supervisor.log("broker").exists()
    url = f"{addresses.api_url}/api/v1/monitors"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_wrong_password_is_refused_with_what_to_look_at(
    secured: Secured,
) -> None:
    broker = secured(SASL_OVER_TLS, {**SCRAM, "sasl.password": "guessed"})
    with pytest.raises(BrokerUnavailableError, match="--broker-security"):
        replace(broker, connect_timeout_s=1.0).create_topics()
