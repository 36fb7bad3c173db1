"""Kafka clients with the settings that our promises need; the only place that makes them."""

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import kafka
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient

from monitor.kafka.fetching import fetch_by_id
from monitor.kafka.messages import Topics
from monitor.kafka.security import Settings

MAX_MESSAGE_BYTES = 8 * 1024 * 1024

POLL_WITHIN_S = 30.0
"""A consumer that does not poll for so long has lost its partitions. It is also what a group waits
for members that do not come back, so it is short: our poll threads never compute."""

METADATA_AGE_S = 15.0
"""After which it is asked again what partitions there are: a topic may have gained some."""


class BrokerUnavailableError(Exception):
    """No broker answers at the given addresses."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where Kafka is, and how our topics are laid out in it.

    servers: "host:port" of one or more brokers.
    partitions: of the topics that carry rows, when we create them.
    session_timeout_s: how soon a consumer that fell silent loses its partitions.
    connect_timeout_s: how long a first connection is tried before the broker is unavailable.
    delivery_timeout_s: how long a producer tries again before what it sends has failed.
    security: how to authenticate, as `monitor.kafka.security` reads it.
    """

    servers: tuple[str, ...] = ("127.0.0.1:9092",)
    topics: Topics = field(default_factory=Topics)
    partitions: int = 4
    replication: int = -1
    session_timeout_s: float = 45.0
    connect_timeout_s: float = 10.0
    delivery_timeout_s: float = 20.0
    security: Settings = field(default_factory=dict, repr=False, hash=False)

    def producer(self, *, client_id: str) -> kafka.KafkaProducer:
        """acks=all and idempotent: what was acknowledged is in the log, once and in order."""
        return _connected(
            kafka.KafkaProducer,
            broker=self,
            client_id=client_id,
            linger_ms=5,
            max_request_size=MAX_MESSAGE_BYTES,
            max_block_ms=5_000,
            request_timeout_ms=round(self.delivery_timeout_s * 500),
            delivery_timeout_ms=round(self.delivery_timeout_s * 1000),
            metadata_max_age_ms=round(METADATA_AGE_S * 1000),
            allow_auto_create_topics=False,
        )

    def consumer(
        self,
        *topics: str,
        client_id: str,
        group: str | None = None,
        metadata_age_s: float = METADATA_AGE_S,
    ) -> kafka.KafkaConsumer:
        """Reads from the earliest offset unless the group or a seek says otherwise.

        A member of a group is given no topics here: it subscribes to them as
        `monitor.kafka.joining` says, or it may wait for its partitions for ever.

        Offsets are never committed by the client itself. metadata_age_s: how soon it hears of new
        topics and partitions.
        """
        assert not (topics and group), "a member of a group subscribes with Joining"
        consumer = _connected(
            kafka.KafkaConsumer,
            *topics,
            broker=self,
            client_id=client_id,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Gives partitions of one number in several topics to the same member: joins are local.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=round(self.session_timeout_s * 1000),
            heartbeat_interval_ms=round(self.session_timeout_s * 1000 / 5),
            max_poll_interval_ms=round(max(self.session_timeout_s, POLL_WITHIN_S) * 1000),
            fetch_max_wait_ms=100,
            metadata_max_age_ms=round(metadata_age_s * 1000),
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            # A broker would lay them out by its own defaults: one partition, nothing compacted.
            allow_auto_create_topics=False,
        )
        fetch_by_id(consumer)
        return consumer

    def create_topics(self) -> None:
        """Makes the topics that do not exist yet."""
        admin = _connected(
            kafka.KafkaAdminClient,
            broker=self,
            client_id="driftmeter-topics",
        )
        try:
            wanted = {name: self._layout(name) for name in self.topics.all()}
            existing = set(admin.list_topics())
            _create(admin, {name: how for name, how in wanted.items() if name not in existing})
        finally:
            admin.close()

    def _layout(self, topic: str) -> Mapping[str, object]:
        topics = self.topics
        carries_rows = topic in (
            topics.predictions,
            topics.labels,
            topics.profiles,
            topics.outliers,
        )
        compacted = topic in (self.topics.monitors, self.topics.consumed)
        return {
            "num_partitions": self.partitions if carries_rows else 1,
            "replication_factor": self.replication,
            "configs": {"cleanup.policy": "compact"} if compacted else {},
        }


def log_id(consumer: Any, topic: str) -> str:
    """Which log is behind a topic's name, as far as the broker has said: one that is deleted and
    made again, or on a broker that has lost its memory, is another. Empty where nobody says."""
    return _log_id(consumer._client.cluster, topic)  # noqa: SLF001 - there is no public way


def refresh(consumer: kafka.KafkaConsumer, *, timeout_ms: int) -> None:
    """Asks the broker what topics there are, so that `log_id` is of this moment and not of up to
    `METADATA_AGE_S` ago. Raises KafkaError."""
    cluster, manager = consumer._client.cluster, consumer._manager  # noqa: SLF001 - no public way
    for _ in range(1 + cluster.metadata_refresh_in_progress):  # one under way may be of before
        consumer._net.run(manager.wait_for, cluster.request_update(), timeout_ms)  # noqa: SLF001


def written_log_id(producer: kafka.KafkaProducer, topic: str) -> str:
    """The same of a topic that was written to."""
    return _log_id(producer._metadata, topic)  # noqa: SLF001 - there is no public way


def _log_id(cluster: Any, topic: str) -> str:
    found = cluster.topic_id(topic)
    return str(found) if found and found.int else ""  # nothing but zeros is the id of none


def partitions_of(consumer: Any, topic: str) -> Set[int]:
    """The partitions of a topic as far as the broker has said, without asking it again."""
    known: Set[int] | None = consumer._client.cluster.partitions_for_topic(topic)  # noqa: SLF001
    return known or frozenset()


def abandon(producer: kafka.KafkaProducer) -> None:
    """Closes a producer at once; what it has not delivered fails.

    Its own `close` waits for that first, and if it takes too long it raises and closes nothing.
    """
    producer._sender.force_close()  # noqa: SLF001 - there is no public way
    with suppress(KafkaError):  # its thread is told to end, and does so a little later
        producer.close(timeout=1.0)


def _create(admin: kafka.KafkaAdminClient, topics: Mapping[str, Mapping[str, object]]) -> None:
    for name, how in topics.items():
        try:
            admin.create_topics({name: dict(how)}, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            continue  # another role was quicker


def _connected(client: Any, *args: str, broker: Broker, **settings: object) -> Any:
    begun: list[KafkaNetClient] = []

    def begin(**configuration: object) -> KafkaNetClient:
        begun.append(KafkaNetClient(**configuration))
        return begun[-1]

    try:
        return client(
            *args,
            kafka_client=begin,
            bootstrap_servers=list(broker.servers),
            bootstrap_timeout_ms=round(broker.connect_timeout_s * 1000),
            **broker.security,
            **settings,
        )
    except (KafkaError, OSError) as error:  # a certificate that cannot be read is an OSError
        for connections in begun:
            _end(connections)
        raise BrokerUnavailableError(
            f"no Kafka broker answers at {', '.join(broker.servers)} ({error}). "
            "Is it running, and are --broker and --broker-security right?"
        ) from error


def _end(connections: KafkaNetClient) -> None:
    """Ends what a client leaves behind that could not connect: a thread, and three descriptors."""
    with suppress(KafkaError):
        connections.close()
    connections._net.stop(timeout_ms=1000)  # noqa: SLF001 - the thread has no other end
