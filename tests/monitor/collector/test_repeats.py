import threading
from concurrent.futures import Future, ThreadPoolExecutor

from monitor.collector.repeats import Repeats, done
from monitor.spool import SpoolError


def failed() -> Future[int]:
    future: Future[int] = Future()
    future.set_exception(SpoolError("broken"))
    return future


def test_what_is_stored_under_a_key_is_stored_once() -> None:
    repeats, calls = Repeats(), list[int]()

    def store() -> Future[int]:
        calls.append(1)
        return done(7)

    assert [repeats.once("a", store).result() for _ in range(3)] == [7] * 3
    repeats.once("b", store)
    assert len(calls) == 2


def test_what_failed_is_tried_again() -> None:
    repeats = Repeats()
    repeats.once("a", failed)
    assert repeats.once("a", lambda: done(1)).result() == 1


def test_keys_from_before_are_known() -> None:
    assert Repeats(["a"]).once("a", failed).result() == 0


def test_the_oldest_is_forgotten_first() -> None:
    repeats = Repeats(["a", "b", "c"], max_keys=2)
    assert repeats.once("c", failed).result() == 0
    assert repeats.once("a", lambda: done(1)).result() == 1


def test_of_many_at_once_one_stores() -> None:
    repeats, calls, barrier = Repeats(), list[int](), threading.Barrier(8)

    def store() -> Future[int]:
        calls.append(1)
        return done(1)

    def push(_: int) -> int:
        barrier.wait()
        return repeats.once("a", store).result()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(push, range(8))) == [1] * 8
    assert len(calls) == 1
