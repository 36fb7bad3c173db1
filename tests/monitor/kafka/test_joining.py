from types import SimpleNamespace

import pytest

from monitor.kafka.joining import JOINING_POLL_MS, Joining


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def joining(asked: list[str]) -> Joining:
    coordinator = SimpleNamespace(request_rejoin=lambda: asked.append("again"))
    return Joining(SimpleNamespace(_coordinator=coordinator))


def test_a_member_polls_long_until_it_has_its_partitions(joining: Joining) -> None:
    assert joining.poll_ms(100) == JOINING_POLL_MS
    joining.on_partitions_assigned([])
    assert joining.poll_ms(100) == 100


def test_a_member_that_must_join_again_polls_long_again(joining: Joining) -> None:
    for begun_anew in (joining.on_partitions_revoked, joining.on_partitions_lost):
        joining.on_partitions_assigned([])
        begun_anew([])
        assert joining.poll_ms(100) == JOINING_POLL_MS


def test_a_member_that_begins_to_join_remembers_that_it_must(
    joining: Joining, asked: list[str]
) -> None:
    joining.on_partitions_revoked([])
    assert asked == ["again"]


def test_what_went_and_came_back_within_a_poll_is_told_once(joining: Joining) -> None:
    for assigned in ([1, 2], [2], [1, 2]):
        joining.on_partitions_assigned(assigned)
    assert [set(joining.taken_away()), set(joining.taken_away())] == [{1}, set()]
    joining.on_partitions_lost([1, 2])
    joining.on_partitions_assigned([1, 2])
    assert joining.taken_away() == {1, 2}


def test_a_poll_is_never_made_shorter(joining: Joining) -> None:
    assert joining.poll_ms(5_000) == 5_000
