"""The chart's pods, run as their manifests say on a Kafka that grants its users' rights alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import kafka
import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import TopicAuthorizationFailedError
from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.kafka.security import read_security
from monitor.up.supervisor import Supervisor
from tests.support.brokers import ON_APACHE
from tests.support.chart import Manifest, named, of_kind, render, values_files
from tests.support.node import Node
from tests.support.shared_kafka import HOST, SASL_OVER_TLS, SharedKafka
from tests.support.waiting import wait_for

pytestmark = [*ON_APACHE]

TOKENS = {"tokens": "for-this-test-and-for-no-other"}
TOPICS = Topics("driftmeter.")


@dataclass(frozen=True, slots=True)
class Secured:
    """A Kafka that knows the release's users: what was rendered for it, and what they prove
    themselves with."""

    manifests: list[Manifest]
    secrets: dict[str, dict[str, str]]
    open_address: str


@pytest.fixture(scope="module")
def secured(shared_kafka: SharedKafka, tmp_path_factory: pytest.TempPathFactory) -> Secured:
    folder, address = tmp_path_factory.mktemp("rights"), shared_kafka.address
    values = {
        "kafka": {
            "servers": [f"{HOST}:{shared_kafka.ports[SASL_OVER_TLS]}"],
            "strimzi": {"cluster": "k"},
        },
        "database": {"secret": "database"},
        "references": {"store": f"file://{folder / 'references'}"},
        "api": {"tokensSecret": "tokens"},
        "collector": {"enabled": True},
    }
    manifests = render(values)
    users = [user["metadata"]["name"] for user in of_kind(manifests, "KafkaUser")]
    passwords = {user: f"of-{user}" for user in users}
    shared_kafka.add_users(passwords)
    wait_for(lambda: _granted(address, manifests), 60.0)
    secrets = {user: {"password": password} for user, password in passwords.items()} | {
        "k-cluster-ca-cert": {"ca.crt": shared_kafka.authority.read_text()},
        "database": {"url": f"sqlite:///{folder / 'driftmeter.db'}"},
        "tokens": TOKENS,
    }
    return Secured(manifests, secrets, address)


def _granted(address: str, manifests: list[Manifest]) -> bool:
    """What Strimzi's operators do: topics, and the users' rights."""
    Broker(servers=(address,), topics=TOPICS).create_topics()
    admin = kafka.KafkaAdminClient(bootstrap_servers=[address])
    try:
        rights = [
            _acl(user["metadata"]["name"], acl["resource"], operation)
            for user in of_kind(manifests, "KafkaUser")
            for acl in user["spec"]["authorization"]["acls"]
            for operation in acl["operations"]
        ]
        return not admin.create_acls(rights)["failed"]
    finally:
        admin.close()


def _acl(user: str, resource: dict[str, str], operation: str) -> ACL:
    kind = {"literal": "LITERAL", "prefix": "PREFIXED"}[resource["patternType"]]
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[operation.upper()],
        ACLPermissionType.ALLOW,
        ResourcePattern(
            ResourceType[resource["type"].upper()],
            resource["name"],
            ACLResourcePatternType[kind],
        ),
    )


@pytest.fixture(scope="module")
def node(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """With a pod of every role, and a collector beside `helm test`, which has passed."""
    folder = tmp_path_factory.mktemp("node")
    with Supervisor(folder / "logs", ready_timeout_s=90.0, stop_timeout_s=0.0) as supervisor:
        node = Node(folder, supervisor, secured.manifests, secured.secrets)
        for deployment in of_kind(secured.manifests, "Deployment"):
            node.start(deployment)
        said = node.complete(named(secured.manifests, "Pod", "driftmeter-test"))
        assert "were reported" in said
        yield node


@pytest.fixture(scope="module")
def ingest(node: Node, secured: Secured) -> str:
    """Where the chart's own collector takes rows. Its port is that of the one beside `helm test`,
    so it has a node of its own."""
    another = replace(node, folder=node.folder / "another", ports={})
    another.start(named(secured.manifests, "StatefulSet", "driftmeter-collector"))
    return another.url(9001)


def test_every_role_does_what_it_does_with_the_rights_of_its_user_alone(node: Node) -> None:
    told = {"Authorization": f"Bearer {TOKENS['tokens']}"}
    letters = httpx2.get(f"{node.url(8600)}/api/v1/dead-letters", headers=told, timeout=60)
    assert letters.json() == {"items": []}


def left_to_count(secured: Secured) -> int:
    """The lag by which the chart has KEDA scale, as KEDA reckons it."""
    scaled = named(render(values_files()["values-strimzi"]), "ScaledObject", "driftmeter-aggregate")
    triggers = [one["metadata"] for one in scaled["spec"]["triggers"]]
    (group,) = {one["consumerGroup"] for one in triggers}
    broker = Broker(servers=(secured.open_address,), topics=TOPICS)
    with closing(broker.consumer(client_id="keda", group=group)) as consumer:
        ends = consumer.end_offsets(
            [
                TopicPartition(one["topic"], number)
                for one in triggers
                for number in consumer.partitions_for_topic(one["topic"])
            ]
        )
        return sum(end - (consumer.committed(at) or 0) for at, end in ends.items())


def test_without_traffic_nothing_is_left_for_an_aggregate_and_a_row_calls_one(
    node: Node, ingest: str, secured: Secured, tmp_path: Path
) -> None:
    wait_for(lambda: left_to_count(secured) == 0)
    # As KEDA does then, until there is something left again.
    pid = node.supervisor.pid("driftmeter-aggregate-aggregate")
    os.kill(pid, signal.SIGTERM)
    (tmp_path / "token").write_text(TOKENS["tokens"])
    told = [f"--api={node.url(8600)}", f"--token-file={tmp_path / 'token'}"]
    prove = [sys.executable, "-m", "monitor", "prove", *told, f"--ingest={ingest}"]
    with subprocess.Popen(prove, stdout=subprocess.PIPE, text=True) as proof:
        wait_for(lambda: left_to_count(secured) > 0)
        with Supervisor(tmp_path / "logs", ready_timeout_s=90.0, stop_timeout_s=0.0) as supervisor:
            awake = replace(node, supervisor=supervisor)
            awake.start(named(secured.manifests, "Deployment", "driftmeter-aggregate"))
            said, _ = proof.communicate(timeout=180)
            assert "were reported" in said
            wait_for(lambda: left_to_count(secured) == 0)


def as_user(secured: Secured, role: str, folder: Path) -> Broker:
    settings = named(secured.manifests, "ConfigMap", "driftmeter-kafka")["data"]
    path = folder / "kafka.properties"
    path.write_text(settings[f"{role}.properties"].replace("/etc/driftmeter/kafka", str(folder)))
    (folder / "password").write_text(secured.secrets[f"driftmeter-{role}"]["password"])
    (folder / "ca.crt").write_text(secured.secrets["k-cluster-ca-cert"]["ca.crt"])
    (deployment, *_) = of_kind(secured.manifests, "Deployment")
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    (address,) = (one["value"] for one in environment if one["name"] == "DRIFTMETER_BROKER")
    return Broker(servers=(address,), topics=TOPICS, security=read_security(path))


@pytest.mark.parametrize("topic", [TOPICS.predictions, TOPICS.reports, TOPICS.profiles])
def test_a_collectors_user_cannot_read_what_others_hand_in(
    topic: str, secured: Secured, tmp_path: Path
) -> None:
    consumer: Any = as_user(secured, "collector", tmp_path).consumer(client_id="curious")
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        with pytest.raises(TopicAuthorizationFailedError):
            wait_for(lambda: consumer.poll(timeout_ms=200) and False, 30.0)
    finally:
        consumer.close()


def test_a_collectors_user_cannot_declare_a_monitor(secured: Secured, tmp_path: Path) -> None:
    producer: Any = as_user(secured, "collector", tmp_path).producer(client_id="bold")
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            producer.send(TOPICS.monitors, b"{}", key=b"seats").get(timeout=60)
    finally:
        producer.close(timeout=1.0)
