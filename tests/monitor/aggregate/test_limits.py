import pytest

from monitor.aggregate.limits import DeadLetterLimit, Spoilage

LIMIT = DeadLetterLimit(run=5, ratio=0.1, among=50)


def tell(spoilage: Spoilage, pattern: str) -> list[str]:
    """What was said, of messages that are bad where the pattern has an x."""
    said = []
    for one in pattern:
        if one != "x":
            spoilage.good(1)
        elif (reason := spoilage.bad()) is not None:
            said.append(reason)
    return said


@pytest.mark.parametrize("pattern", ["." * 200, "xxxx." * 9, "x........." * 30, ""])
def test_less_than_the_limit_is_borne(pattern: str) -> None:
    assert tell(Spoilage(LIMIT), pattern) == []


def test_a_run_is_too_much_from_its_last_message_on() -> None:
    assert tell(Spoilage(LIMIT), "....xxxxx") == ["5 messages one after the other cannot be read"]


def test_a_share_counts_among_the_last_messages_only() -> None:
    told = tell(Spoilage(LIMIT), "." * 1000 + "x....." * 6)
    assert told == ["6 of the last 50 messages cannot be read"]


def test_many_good_ones_at_once_are_as_many_one_by_one() -> None:
    at_once, singly = Spoilage(LIMIT), Spoilage(LIMIT)
    for n in (0, 7, 0, 13, 40):
        at_once.good(n)
        assert [at_once.bad() or ""] == (tell(singly, "." * n + "x") or [""])
