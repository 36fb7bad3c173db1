import asyncio
from collections import Counter

import pytest

from monitor.collector.capture import CaptureLimits
from monitor.collector.exchanges import pack, unpack
from monitor.collector.frames import (
    Counts,
    Frame,
    Frames,
    Kind,
    counts_from_bytes,
    counts_to_bytes,
)
from monitor.collector.handover import (
    INTERVAL_S,
    MAX_DEATHS,
    OVERHEAD_BYTES,
    WINDOW_BYTES,
    Handover,
)
from monitor.collector.tally import ADDED_LATENCY_S, Tally
from monitor.collector.wanted import Wanted
from monitor.telemetry.metrics import COLLECTOR_ADDED_LATENCY


class Recorder:
    """The other end of the link, which keeps what it is told."""

    def __init__(self, handover: Handover, *, is_ready: bool = True) -> None:
        self._handover = handover
        self._frames = Frames()
        self.frames: list[Frame] = []
        handover.connected(lambda data: self.frames.extend(self._frames.feed(data)))
        handover.received(Kind.WANTED, 0, Wanted([".*"], is_ready=is_ready).to_bytes())

    @property
    def batches(self) -> list[int]:
        return [frame.number for frame in self.frames if frame.kind == Kind.BATCH]

    def ids(self) -> list[str]:
        payloads = (f.payload for f in self.frames if f.kind == Kind.BATCH)
        return [fields[1] for payload in payloads for fields in unpack(payload)]

    def counts(self) -> Counts:
        told = (counts_from_bytes(f.payload) for f in self.frames if f.kind == Kind.COUNTS)
        return sum(told, Counter())

    def settle(self, number: int, n: int = 1) -> None:
        outcome = counts_to_bytes(Counter({("recorded", ""): n}))
        self._handover.received(Kind.SETTLED, number, outcome)

    def die(self) -> None:
        self._handover.disconnected()


def put(handover: Handover, name: str, body: bytes = b"") -> None:
    handover.put(pack(b"/", name.encode(), 0, 0, 200, b"", b"", [body], []), len(body))


def a_batch_each(**limits: int) -> Handover:
    """A handover that makes a batch of every exchange."""
    return Handover(CaptureLimits(batch_bytes=1, **limits), Tally())


def test_batches_go_to_a_recorder_that_is_ready_in_their_order() -> None:
    handover = a_batch_each()
    recorder = Recorder(handover, is_ready=False)
    put(handover, "a")
    put(handover, "b")
    assert recorder.ids() == []
    handover.received(Kind.WANTED, 0, Wanted(is_ready=True).to_bytes())
    assert recorder.ids() == ["a", "b"]


def test_a_full_queue_drops_the_newest_and_counts_it() -> None:
    handover = Handover(CaptureLimits(batch_bytes=1, queue_bytes=3 * OVERHEAD_BYTES), Tally())
    for name in "abcd":
        put(handover, name, b"x" * (OVERHEAD_BYTES // 2))
    totals = handover.tally.totals()
    assert totals["captured", ""] + totals["dropped", "queue full"] == 4
    assert totals["dropped", "queue full"] > 0
    recorder = Recorder(handover)
    assert recorder.ids() == list("abcd")[: totals["captured", ""]]


def test_what_a_dead_recorder_had_the_next_one_gets_under_the_same_numbers() -> None:
    handover = a_batch_each()
    first = Recorder(handover)
    for name in "abc":
        put(handover, name)
    first.settle(2)
    first.die()
    second = Recorder(handover)
    assert second.ids() == ["a", "c"]
    assert second.batches == [1, 3]
    put(handover, "d")
    assert second.ids() == ["a", "c", "d"]


def test_a_new_recorder_is_told_what_those_before_it_counted() -> None:
    handover = a_batch_each()
    first = Recorder(handover)
    for name in "abc":
        put(handover, name)
    first.settle(1)
    first.settle(2)
    first.die()
    second = Recorder(handover)
    handover.tell()
    assert second.counts() == Counter({("captured", ""): 3, ("recorded", ""): 2})


def test_a_batch_of_which_recorders_die_is_dropped_and_counted() -> None:
    handover = a_batch_each()
    put(handover, "poison")
    for _ in range(MAX_DEATHS):
        recorder = Recorder(handover)
        assert recorder.ids() == ["poison"]
        recorder.die()
    recorder = Recorder(handover)
    assert recorder.ids() == []
    assert recorder.counts()["dropped", "fault"] == 1
    assert handover.size_bytes == 0


def test_no_more_than_a_window_is_with_the_recorder_at_a_time() -> None:
    handover = a_batch_each()
    recorder = Recorder(handover)
    for name in "abc":
        put(handover, name, bytes(WINDOW_BYTES))
    assert recorder.ids() == ["a"]
    recorder.settle(1)
    assert recorder.ids() == ["a", "b"]


def test_a_count_is_told_once() -> None:
    handover = a_batch_each()
    recorder = Recorder(handover)
    handover.tally.request(200)
    handover.tell()
    handover.tell()
    handover.tally.request(200)
    handover.tell()
    assert recorder.counts() == Counter({("requests", "200"): 2})


def test_exchanges_wait_for_others_to_share_their_batch() -> None:
    async def scene() -> list[int]:
        handover = Handover(CaptureLimits(), Tally())
        recorder = Recorder(handover)
        for name in "abc":
            put(handover, name)
        assert recorder.batches == []
        await asyncio.sleep(2 * INTERVAL_S)
        assert recorder.ids() == ["a", "b", "c"]
        return recorder.batches

    assert asyncio.run(asyncio.wait_for(scene(), 60)) == [1]


def test_the_end_waits_for_what_is_being_recorded() -> None:
    async def scene() -> Recorder:
        handover = a_batch_each()
        recorder = Recorder(handover)
        put(handover, "last")
        asyncio.get_running_loop().call_later(0.05, recorder.settle, 1)
        await handover.end(10.0)
        return recorder

    recorder = asyncio.run(scene())
    assert [frame.kind for frame in recorder.frames][-1] == Kind.END


def test_the_end_waits_for_a_recorder_that_has_not_begun() -> None:
    async def scene() -> list[int]:
        handover = a_batch_each()
        recorder = Recorder(handover, is_ready=False)
        put(handover, "last")

        def begin() -> None:
            handover.received(Kind.WANTED, 0, Wanted([".*"], is_ready=True).to_bytes())
            recorder.settle(1)

        asyncio.get_running_loop().call_later(0.05, begin)
        await handover.end(90.0)
        return recorder.batches

    assert asyncio.run(asyncio.wait_for(scene(), 60)) == [1]


@pytest.mark.parametrize("is_ready", [False, True])
def test_the_end_gives_up_what_nobody_takes(is_ready: bool) -> None:
    handover = a_batch_each()
    Recorder(handover, is_ready=is_ready)
    put(handover, "lost")
    asyncio.run(handover.end(0.01))
    assert handover.size_bytes == 0


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_frames_are_put_together_whatever_the_pieces(size: int) -> None:
    handover = a_batch_each()
    sent = bytearray()
    handover.connected(sent.extend)
    handover.received(Kind.WANTED, 0, Wanted(is_ready=True).to_bytes())
    for name in "abc":
        put(handover, name, b"body of " + name.encode())
    frames = Frames()
    pieces = [bytes(sent[i : i + size]) for i in range(0, len(sent), size)]
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    assert [fields[7] for f in found for fields in unpack(f.payload)] == [
        [b"body of a"],
        [b"body of b"],
        [b"body of c"],
    ]


def test_what_a_recorder_says_after_the_end_changes_nothing() -> None:
    handover = a_batch_each()
    recorder = Recorder(handover, is_ready=False)
    put(handover, "lost")
    asyncio.run(handover.end(0.01))
    handover.received(Kind.WANTED, 0, Wanted(is_ready=True).to_bytes())
    recorder.settle(1)
    assert recorder.ids() == []
    assert handover.size_bytes == 0


def test_the_bounds_of_the_histogram_are_those_of_its_metric() -> None:
    assert COLLECTOR_ADDED_LATENCY.buckets == ADDED_LATENCY_S
