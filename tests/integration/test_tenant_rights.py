"""Two tenants of one Apache Kafka, each with topics of its own: what its users may do there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from monitor.kafka.connecting import Broker
from monitor.kafka.joining import Joining
from monitor.kafka.messages import Topics
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.security import read_security
from monitor.up.supervisor import Supervisor
from tests.support import running_collector
from tests.support.brokers import ON_APACHE
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.shared_kafka import SASL, SharedKafka
from tests.support.waiting import wait_for

pytestmark = [*ON_APACHE]

TENANTS = ("transit", "billing")


@pytest.fixture(scope="module")
def operator(shared_kafka: SharedKafka) -> Broker:
    """Somebody who may do everything, and has made every tenant's user, topics and rights."""
    shared_kafka.add_users({tenant: f"{tenant}-secret" for tenant in TENANTS})
    broker = Broker(servers=(shared_kafka.address,), session_timeout_s=1.0)
    for tenant in TENANTS:
        replace(broker, topics=Topics(f"{tenant}.")).create_topics()
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    admin.create_acls([right for tenant in TENANTS for right in rights(tenant)])
    admin.close()
    return broker


def rights(tenant: str) -> Iterator[ACL]:
    """As docs/tenancy.md has them: all topics and groups that begin with the tenant's prefix."""
    for kind, operations in (
        (ResourceType.TOPIC, (ACLOperation.DESCRIBE, ACLOperation.READ, ACLOperation.WRITE)),
        (ResourceType.GROUP, (ACLOperation.READ,)),
    ):
        pattern = ResourcePattern(kind, f"{tenant}.", ACLResourcePatternType.PREFIXED)
        for operation in operations:
            yield ACL(f"User:{tenant}", "*", operation, ACLPermissionType.ALLOW, pattern)


def security(folder: Path, tenant: str) -> Path:
    path = folder / f"{tenant}.properties"
    path.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
        f"sasl.username={tenant}\nsasl.password={tenant}-secret\n"
    )
    return path


@pytest.fixture
def transit(operator: Broker, shared_kafka: SharedKafka, tmp_path: Path) -> Broker:
    """A tenant's user, at its own topics."""
    return replace(
        operator,
        servers=(f"127.0.0.1:{shared_kafka.ports[SASL]}",),
        topics=Topics("transit."),
        security=read_security(security(tmp_path, "transit")),
    )


def written(broker: Broker, topic: str) -> BaseException | None:
    """What Kafka says to a message; None where it takes it."""
    publisher = Publisher(broker, client_id="test")
    try:
        publisher.deliver([Message(topic, None, b"{}", [], 0)])
    except DeliveryError as error:
        return error.__cause__
    finally:
        publisher.abandon()
    return None


def test_a_tenant_reads_and_writes_its_own_topics(transit: Broker) -> None:
    transit.create_topics()  # they are there: it needs no right to make them
    assert written(transit, "transit.predictions") is None
    assert read_until(transit, "transit.predictions", lambda found: len(found) > 0)


def test_a_tenant_writes_no_topic_of_another(transit: Broker) -> None:
    assert isinstance(written(transit, "billing.predictions"), TopicAuthorizationFailedError)


def test_a_tenant_reads_no_topic_of_another(
    operator: Broker, transit: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    assert written(operator, "billing.predictions") is None
    consumer = transit.consumer("billing.predictions", client_id="test")
    found: list[object] = []

    def refused() -> bool:
        found.extend(consumer.poll(timeout_ms=200).values())
        return "billing.predictions is not authorized for this client" in caplog.text

    try:
        wait_for(refused)
    finally:
        consumer.close()
    assert found == []


def test_a_tenant_joins_no_group_of_another(transit: Broker) -> None:
    consumer = transit.consumer(client_id="test", group="billing.aggregate")
    consumer.subscribe(["transit.predictions"], listener=Joining(consumer))
    try:
        with pytest.raises(GroupAuthorizationFailedError):
            wait_for(lambda: bool(consumer.poll(timeout_ms=200)))
    finally:
        consumer.close(autocommit=False)


def test_a_tenant_does_not_learn_what_topics_another_has(transit: Broker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(transit.servers), **transit.security)
    try:
        assert {name.partition(".")[0] for name in admin.list_topics()} == {"transit"}
    finally:
        admin.close()


def test_a_tenants_collector_publishes_its_rows_and_knows_no_monitor_of_another(
    operator: Broker, transit: Broker, tmp_path: Path
) -> None:
    for tenant in TENANTS:
        announce(replace(operator, topics=Topics(f"{tenant}.")), registration())
    flags = ("--broker-security", str(security(tmp_path, "transit")))
    body = orjson.dumps({"monitor": "seats", "rows": [{"id": "r1", "a": 1.5, "prediction": 7}]})
    with Supervisor(tmp_path / "own", ready_timeout_s=60.0) as processes:
        own = running_collector.start(processes, transit, tmp_path / "own-spool", flags=flags)
        wait_for(lambda: pushed(own.ingest, body) == 202)
        read_until(
            replace(operator, topics=transit.topics),
            "transit.predictions",
            lambda found: any(dict(one.headers).get("monitor") == b"seats" for one in found),
            timeout_s=60.0,
        )
    others = replace(transit, topics=Topics("billing."))
    with Supervisor(tmp_path / "others", ready_timeout_s=60.0) as processes:
        stray = running_collector.start(processes, others, tmp_path / "spool", flags=flags)
        log = tmp_path / "others" / "collect.log"
        wait_for(lambda: "TopicAuthorizationFailed" in log.read_text())
        assert pushed(stray.ingest, body) == 503


def pushed(port: int, body: bytes) -> int:
    return running_collector.request(port, "POST", "/v1/predictions", body)[0]
