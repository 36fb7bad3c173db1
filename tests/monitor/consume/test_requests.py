from hypothesis import given
from hypothesis import strategies as st

from monitor.consume.requests import OVERHEAD_BYTES, Requests
from monitor.kafka.records import Partition, Record

AT = Partition("inputs", 0)


def record(offset: int, value: bytes = b"") -> Record:
    return Record(topic=AT.topic, partition=AT.partition, offset=offset, time=0.0, value=value)


def key(id_: str) -> tuple[str, str]:
    return "model", id_


def test_a_request_waits_until_it_is_done_with() -> None:
    requests = Requests()
    requests.add(key("a"), record(7), elapsed=0)
    assert requests.get(key("a")) == record(7)
    assert requests.get(("another model", "a")) is None
    requests.forget(key("a"))
    requests.forget(key("a"))
    assert requests.get(key("a")) is None


def test_reading_begins_again_at_the_oldest_that_waits() -> None:
    requests = Requests()
    for offset, id_ in enumerate("abc"):
        requests.add(key(id_), record(offset), elapsed=0)
    assert requests.oldest(AT) == 0
    requests.forget(key("a"))
    requests.forget(key("c"))
    assert requests.oldest(AT) == 1
    assert requests.oldest(Partition("inputs", 1)) is None


def test_whom_nobody_answers_in_time_is_forgotten() -> None:
    requests = Requests(wait_s=60)
    requests.add(key("a"), record(0), elapsed=0)
    requests.add(key("b"), record(1), elapsed=30)
    requests.expire(elapsed=59)
    assert requests.get(key("a"))
    requests.expire(elapsed=60)
    assert not requests.get(key("a"))
    assert requests.get(key("b"))


def test_of_an_id_that_comes_again_the_first_stays() -> None:
    requests = Requests()
    requests.add(key("a"), record(0), elapsed=0)
    requests.add(key("a"), record(1), elapsed=0)
    assert requests.get(key("a")) == record(0)


def test_a_partition_that_goes_takes_its_requests_with_it() -> None:
    requests = Requests()
    requests.add(key("a"), record(0), elapsed=0)
    requests.drop(AT)
    assert requests.get(key("a")) is None
    assert requests.oldest(AT) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(0, 99))))
def test_it_is_full_by_number_or_by_bytes(steps: list[tuple[str, bool, int]]) -> None:
    requests = Requests(max_n=4, max_bytes=4 * OVERHEAD_BYTES + 100)
    waiting: dict[str, int] = {}
    for offset, (id_, is_new, size) in enumerate(steps):
        if is_new:
            requests.add(key(id_), record(offset, bytes(size)), elapsed=0)
            waiting.setdefault(id_, size)
        else:
            requests.forget(key(id_))
            waiting.pop(id_, None)
        n_bytes = sum(size + OVERHEAD_BYTES for size in waiting.values())
        assert requests.is_full == (len(waiting) >= 4 or n_bytes >= 4 * OVERHEAD_BYTES + 100)
