from monitor.kafka.joining import JOINING_POLL_MS, Joining


def test_a_member_polls_long_until_it_has_its_partitions() -> None:
    joining = Joining()
    assert joining.poll_ms(100) == JOINING_POLL_MS
    joining.on_partitions_assigned([])
    assert joining.poll_ms(100) == 100


def test_a_member_that_must_join_again_polls_long_again() -> None:
    joining = Joining()
    for begun_anew in (joining.on_partitions_revoked, joining.on_partitions_lost):
        joining.on_partitions_assigned([])
        begun_anew([])
        assert joining.poll_ms(100) == JOINING_POLL_MS


def test_a_poll_is_never_made_shorter() -> None:
    assert Joining().poll_ms(5_000) == 5_000
