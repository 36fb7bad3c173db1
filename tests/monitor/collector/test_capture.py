import threading

from monitor.collector.capture import OVERHEAD_BYTES, Capture, CaptureLimits
from monitor.decoders import Exchange


def exchange(name: str = "a") -> Exchange:
    return Exchange("/", name, 0.0, 0.0, 200, [], [], [b""], [b""])


def capture(**limits: int) -> tuple[Capture, list[str]]:
    dropped: list[str] = []
    return Capture(CaptureLimits(**limits), dropped.append), dropped


def test_exchanges_come_out_in_the_order_in_which_they_went_in() -> None:
    queue, _ = capture()
    for name in "abc":
        queue.put(exchange(name), 1)
    assert [e.request_id for e in queue.take(2)] == ["a", "b"]
    assert [e.request_id for e in queue.take(2)] == ["c"]
    assert queue.size_bytes == 0


def test_what_does_not_fit_is_dropped_and_said_so() -> None:
    queue, dropped = capture(queue_bytes=2 * OVERHEAD_BYTES)
    assert [queue.put(exchange(), 0) for _ in range(3)] == [True, True, False]
    assert dropped == ["queue full"]
    queue.take(1)
    assert queue.put(exchange(), 0)


def test_a_batch_is_bounded_in_bytes_but_never_empty() -> None:
    queue, _ = capture(batch_bytes=1)
    queue.put(exchange("large"), 10_000)
    queue.put(exchange("next"), 10_000)
    assert [e.request_id for e in queue.take(10)] == ["large"]


def test_the_reader_is_woken_when_there_is_a_batch_s_worth() -> None:
    queue, _ = capture(batch_bytes=OVERHEAD_BYTES)
    woken = threading.Thread(target=queue.wait, args=(30.0,))
    woken.start()
    queue.put(exchange(), 1)
    woken.join(60)
    assert not woken.is_alive()
