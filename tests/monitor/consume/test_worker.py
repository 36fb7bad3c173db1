"""What a member of the group leaves behind when it ends at the worst of moments."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from kafka.errors import MessageSizeTooLargeError
from prometheus_client import CollectorRegistry

from monitor.batches import ID
from monitor.collector.intake import Packing
from monitor.collector.registry import Registry
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.consume.carrying import Carrier
from monitor.consume.inflow import ANSWER_WAIT_S, Inflow
from monitor.consume.places import Places
from monitor.consume.requests import Requests
from monitor.consume.sources import Sources
from monitor.consume.worker import Worker
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header, header
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.records import Partition
from tests.monitor.consume.test_command import ANSWER, REQUEST
from tests.support.kafka_topics import read_until
from tests.support.registrations import registration
from tests.support.running_consumer import make_topics, rows, send, somebody
from tests.support.waiting import wait_for


class CrashError(Exception):
    """The process ends here."""


class Fragile(Publisher):
    """Delivers so many of the messages with rows, and then crashes or fails.

    refused: one that Kafka will never take, by its place among them. meanwhile: what happens once,
    before the first message to a topic of this name, or after it.
    """

    survives = 10**9
    meanwhile: tuple[str, str, Callable[[], None]] | None = None
    error: type[Exception] = CrashError
    refused: int | None = None
    n_rows_messages = 0

    def deliver(self, messages: Sequence[Message], *, timeout_s: float = 60.0) -> None:
        for message in messages:
            if message.topic.endswith("predictions"):
                if self.n_rows_messages == self.refused:
                    raise DeliveryError("too large") from MessageSizeTooLargeError()
                if self.n_rows_messages >= self.survives:
                    raise self.error
                self.n_rows_messages += 1
            self._happens("before", message)
            super().deliver([message], timeout_s=timeout_s)
            self._happens("after", message)

    def _happens(self, moment: str, message: Message) -> None:
        if self.meanwhile is not None:
            *where, happen = self.meanwhile
            if [moment, message.topic.rpartition(".")[2]] == where:
                self.meanwhile = None
                happen()


class Member:
    """A member of the group, ticked by hand."""

    def __init__(self, broker: Broker, sources: Sources, *monitors: str) -> None:
        self.metrics = CollectorRegistry()
        telemetry, topics = Telemetry(self.metrics), broker.topics
        registry = Registry(broker, client_id="test")
        known = [registration(name, label="truth") for name in monitors]
        registry.apply([(one.key, one.to_bytes()) for one in known])
        self.registry = registry
        self.consumer = broker.consumer(client_id="test", group=f"{topics.prefix}group")
        requests, places = Requests(), Places(broker, client_id="test")
        self.log = ""
        self.told_anew: list[Partition] = []
        self.inflow = Inflow(
            self.consumer,
            sources,
            requests,
            places,
            group="group",
            log_of=lambda _: self.log,
            tell_anew=self.told_anew.append,
        )
        self.publisher = Fragile(broker, client_id="test")
        packing = Packing(collector_id="test", clock=lambda: 1.7e9, screening=Screening(telemetry))
        carrier = Carrier(packing, requests, topics)
        self.worker = Worker(self.inflow, registry, carrier, self.publisher, telemetry, topics)
        self.elapsed = 0.0

    def tick(self) -> bool:
        return self.worker.tick(elapsed=self.elapsed, timeout_s=0.1)

    def failed(self, reason: str) -> float:
        name = "driftmeter_collector_failed_total"
        return self.metrics.get_sample_value(name, {"reason": reason}) or 0.0


@contextmanager
def member(broker: Broker, sources: Sources, *monitors: str) -> Iterator[Member]:
    made = Member(broker, sources, *(monitors or ["seats"]))
    try:
        yield made
    finally:
        made.consumer.close(autocommit=False)
        made.publisher.abandon()


@pytest.fixture
def source(embedded_broker: Broker) -> str:
    embedded_broker.create_topics()
    topic = embedded_broker.topics.prefix + "scores"
    make_topics(embedded_broker, topic)
    return topic


def delivered(broker: Broker, n: int) -> list[str]:
    """The ids of the rows; of what a collector has sent twice, once, as it is counted."""
    found = read_until(broker, broker.topics.predictions, lambda r: len(rows(r)) >= n)
    told = {
        (
            record.partition,
            *(header(record.headers, h) for h in (Header.COLLECTOR, Header.SEQUENCE)),
        ): record
        for record in found
    }
    return sorted(row[ID] for row in rows(list(told.values())))


def send_rows(broker: Broker, topic: str, ids: Sequence[str]) -> None:
    with somebody(broker) as producer:
        for id_ in ids:
            send(producer, topic, {"id": id_, "a": 1})


IDS = [f"p{i}" for i in range(20)]
LATER = [f"q{i}" for i in range(20)]


@pytest.mark.parametrize("survives", [0, 3])
def test_a_crash_amid_a_delivery_neither_loses_nor_doubles(
    embedded_broker: Broker, source: str, survives: int
) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    send_rows(embedded_broker, source, IDS)
    with member(embedded_broker, sources) as first:
        first.publisher.survives = survives
        with pytest.raises(CrashError):
            wait_for(lambda: not first.tick())
    send_rows(embedded_broker, source, LATER)
    with member(embedded_broker, sources) as second:
        wait_for(lambda: second.tick() and second.inflow.lag() == {source: 0})
    assert delivered(embedded_broker, 40) == sorted([*IDS, *LATER])


def test_a_crash_before_the_commit_doubles_nothing(embedded_broker: Broker, source: str) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    send_rows(embedded_broker, source, IDS)

    def crash(_: Any) -> None:
        raise CrashError

    with member(embedded_broker, sources) as first:
        first.consumer.commit = crash
        with pytest.raises(CrashError):
            wait_for(lambda: not first.tick())
    send_rows(embedded_broker, source, LATER)
    with member(embedded_broker, sources) as second:
        wait_for(lambda: second.tick() and second.inflow.lag() == {source: 0})
    assert delivered(embedded_broker, 40) == sorted([*IDS, *LATER])


@pytest.mark.parametrize(
    ("moment", "topic"),
    [
        ("before", "consumed"),
        ("after", "consumed"),
        ("before", "predictions"),
        ("after", "predictions"),
    ],
)
def test_a_member_that_goes_on_when_the_group_has_gone_on_without_it_doubles_nothing(
    embedded_broker: Broker, source: str, moment: str, topic: str
) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    send_rows(embedded_broker, source, IDS)
    with member(embedded_broker, sources) as frozen, member(embedded_broker, sources) as other:

        def is_taken_for_dead() -> None:
            frozen.consumer._coordinator.maybe_leave_group()
            send_rows(embedded_broker, source, LATER)
            wait_for(lambda: other.tick() and other.inflow.lag() == {source: 0})

        frozen.publisher.meanwhile = moment, topic, is_taken_for_dead
        wait_for(lambda: not frozen.tick() or frozen.publisher.meanwhile is None)
        wait_for(lambda: other.tick() and other.inflow.lag() == {source: 0})
    assert delivered(embedded_broker, 40) == sorted([*IDS, *LATER])


def test_of_a_log_that_was_made_anew_is_told_once(embedded_broker: Broker, source: str) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    at = Partition(source, 0)
    send_rows(embedded_broker, source, IDS[:1])
    with member(embedded_broker, sources) as one:
        one.log = "first"
        wait_for(lambda: one.tick() and one.inflow.lag() == {source: 0})
        one.log = "second"
        wait_for(lambda: one.tick() and one.told_anew == [at])
        wait_for(lambda: one.tick() and one.inflow.lag() == {source: 0})
        assert one.told_anew == [at]
    with member(embedded_broker, sources) as after:
        after.log = "made while nobody read"
        wait_for(lambda: after.tick() and after.inflow.lag() == {source: 0})
        assert after.told_anew == [at]


def test_a_broker_that_fails_is_tried_again(embedded_broker: Broker, source: str) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    send_rows(embedded_broker, source, IDS)
    with member(embedded_broker, sources) as only:
        only.publisher.survives, only.publisher.error = 1, DeliveryError
        wait_for(lambda: not only.tick())
        only.publisher.survives = 10**9
        wait_for(lambda: only.tick() and only.inflow.lag() == {source: 0})
    assert delivered(embedded_broker, 20) == sorted(IDS)


def test_what_kafka_never_takes_holds_up_nothing(embedded_broker: Broker, source: str) -> None:
    sources = Sources.of_flags([f"{source}=seats"], [], [])
    send_rows(embedded_broker, source, IDS)
    with member(embedded_broker, sources) as only:
        only.publisher.refused = 1
        wait_for(lambda: only.tick() and only.inflow.lag() == {source: 0})
        name, reason = "driftmeter_collector_dropped_total", {"reason": "refused by Kafka"}
        assert only.metrics.get_sample_value(name, reason) == 3
    found = delivered(embedded_broker, 1)
    assert len(found) == len(set(found)) < 20


def test_a_monitor_that_was_named_is_waited_for(embedded_broker: Broker, source: str) -> None:
    sources = Sources.of_flags([f"{source}=berths"], [], [])
    send_rows(embedded_broker, source, IDS)
    with member(embedded_broker, sources) as only:
        wait_for(lambda: only.tick() and only.inflow.lag() == {source: 20})
        known = registration("berths")
        only.registry.apply([(known.key, known.to_bytes())])
        wait_for(lambda: only.tick() and only.inflow.lag() == {source: 0})
    assert delivered(embedded_broker, 20) == sorted(IDS)


def test_answers_come_out_as_orphans_after_their_time(embedded_broker: Broker) -> None:
    embedded_broker.create_topics()
    prefix = embedded_broker.topics.prefix + "seldon"
    asked, answered = (f"{prefix}.model.seats.{side}" for side in ("inputs", "outputs"))
    make_topics(embedded_broker, asked, answered)
    with somebody(embedded_broker) as producer:
        for id_ in ("orphan", "p"):
            send(producer, answered, ANSWER, [("x-request-id", id_.encode())])
        send(producer, asked, REQUEST, [("x-request-id", b"p")])
    with member(embedded_broker, Sources.of_flags([], [], [prefix])) as only:
        wait_for(lambda: only.tick() and only.inflow.lag() == {answered: 2})
        assert only.failed("orphaned") == 0
        while only.inflow.lag() != {answered: 0}:
            assert only.tick()
            assert only.elapsed < 3 * ANSWER_WAIT_S
            only.elapsed += 1
        assert only.failed("orphaned") == 1
    assert delivered(embedded_broker, 1) == ["p"]


def test_a_crash_keeps_requests_that_wait_for_their_answer(embedded_broker: Broker) -> None:
    embedded_broker.create_topics()
    prefix = embedded_broker.topics.prefix + "seldon"
    asked, answered = (f"{prefix}.model.seats.{side}" for side in ("inputs", "outputs"))
    make_topics(embedded_broker, asked, answered)
    sources = Sources.of_flags([], [], [prefix])
    with somebody(embedded_broker) as producer:
        for id_ in ("slow", "quick"):
            send(producer, asked, REQUEST, [("x-request-id", id_.encode())])
        send(producer, answered, ANSWER, [("x-request-id", b"quick")])
        with member(embedded_broker, sources) as first:
            wait_for(lambda: first.tick() and first.inflow.lag() == {answered: 0})
        send(producer, answered, ANSWER, [("x-request-id", b"slow")])
    with member(embedded_broker, sources) as second:
        wait_for(lambda: second.tick() and second.inflow.lag() == {answered: 0})
    assert delivered(embedded_broker, 2) == ["quick", "slow"]
