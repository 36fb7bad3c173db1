import time

import pytest

from detectors.reference import Reference
from monitor.aggregate.following import Follower, Registry
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration, RegistrationState
from monitor.kafka.publishing import Message, Publisher
from tests.support.counted import monitor, registered


@pytest.fixture
def active(reference: Reference) -> Registration:
    return registered(reference, monitor(), revision=1)


def revision(number: int, state: RegistrationState) -> Registration:
    return Registration(monitor=monitor(), revision=number, state=state)


def after(*said: Registration) -> Registration:
    registry = Registry()
    for registration in said:
        registry.take(registration.to_bytes())
    return registry.registrations["seats"]


@pytest.mark.parametrize("state", ["resolving", "failed"])
def test_a_revision_that_is_not_active_leaves_the_earlier_one(
    active: Registration, state: RegistrationState
) -> None:
    assert after(active, revision(2, state)) == active


def test_a_deleted_monitor_is_known_as_deleted(active: Registration) -> None:
    assert after(active, revision(2, "deleted")).state == "deleted"


def test_an_older_revision_changes_nothing(active: Registration) -> None:
    assert after(revision(2, "deleted"), active).state == "deleted"


def test_a_monitor_that_is_still_resolving_is_known(active: Registration) -> None:
    assert after(revision(1, "resolving")).state == "resolving"
    assert after(revision(1, "resolving"), active) == active


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"monitor": 1}'])
def test_what_is_no_registration_is_passed_over(raw: bytes) -> None:
    registry = Registry()
    registry.take(raw)
    assert registry.registrations == {}


def tell(broker: Broker, registration: Registration) -> None:
    publisher = Publisher(broker, client_id="t")
    topic = broker.topics.monitors
    publisher.deliver([Message(topic, registration.key, registration.to_bytes())])
    publisher.close()


def test_a_follower_catches_up_and_then_hears_of_what_is_new(
    embedded_broker: Broker, active: Registration
) -> None:
    follower = Follower(embedded_broker, client_id="t")
    assert follower.catch_up(timeout_s=60)
    assert follower.registry.registrations == {}
    tell(embedded_broker, active)
    assert follower.catch_up(timeout_s=60)
    assert follower.registry.registrations == {"seats": active}
    late = Follower(embedded_broker, client_id="u")
    assert late.catch_up(timeout_s=60)
    assert late.registry.registrations == {"seats": active}
    for opened in (follower, late):
        opened.close()


def test_nobody_waits_forever(embedded_broker: Broker) -> None:
    follower = Follower(embedded_broker, client_id="t")
    began = time.monotonic()
    assert not follower.catch_up(timeout_s=0.0)
    assert time.monotonic() - began < 60
    follower.close()
