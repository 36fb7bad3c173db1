"""What passes between two sockets, whatever the reader makes of it."""

import asyncio
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.collector.capture import CaptureLimits
from monitor.collector.grpc.frames import Unread
from monitor.collector.grpc.proxy import GrpcLimits, GrpcProxy
from monitor.collector.grpc.relay import End, Relay
from monitor.collector.tally import UNREAD
from monitor.flags import Address
from tests.support import running_proxy
from tests.support.http2_frames import PREFACE, SETTINGS, Speaker, frame
from tests.support.running_proxy import Captured, NewLoop
from tests.support.waiting import wait_for

GREETING = PREFACE + frame(SETTINGS, 0)
MUCH = 100 << 20
"""More than all buffers on the way take."""

Pair = tuple[socket.socket, socket.socket]


class Between:
    """A proxy, and both ends of connections through it."""

    def __init__(
        self,
        new_loop: NewLoop,
        kind: type[GrpcProxy] = GrpcProxy,
        limits: GrpcLimits | None = None,
    ) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(60)
        address = Address("127.0.0.1", self.listening.getsockname()[1])
        self.proxy = running_proxy.run_grpc(address, limits, kind=kind, new_loop=new_loop)

    def pair(self) -> Pair:
        """The client's socket and the model's."""
        client = self.proxy.connect()
        model, _ = self.listening.accept()
        model.settimeout(60)
        return client, model

    def close(self) -> None:
        self.proxy.stop(0.0)
        self.listening.close()


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop])
def between(request: pytest.FixtureRequest) -> Iterator[Between]:
    with closing(Between(request.param)) as made:
        yield made


@pytest.fixture
def pair(between: Between) -> Iterator[Pair]:
    client, model = between.pair()
    with client, model:
        yield client, model


def read(connection: socket.socket, n: int) -> bytes:
    data = bytearray()
    while len(data) < n and (piece := connection.recv(65_536)):
        data += piece
    return bytes(data)


def read_all(connection: socket.socket) -> bytes:
    return read(connection, 1 << 40)


def fill(connection: socket.socket) -> int:
    """Sends zeros until nothing more is taken for a while; how many."""
    connection.setblocking(False)
    n_sent = 0
    while n_sent < MUCH and select.select([], [connection], [], 0.2)[1]:
        with suppress(BlockingIOError):
            n_sent += connection.send(bytes(1 << 16))
    connection.settimeout(60)
    return n_sent


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def has_ended(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1)
    except ConnectionResetError:
        return True


SPEECH = st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=2_000)), max_size=12)


@given(speech=SPEECH, is_http2=st.booleans())
@settings(deadline=None, max_examples=40)
def test_what_goes_in_at_one_end_comes_out_at_the_other(
    between: Between, speech: list[tuple[bool, bytes]], is_http2: bool
) -> None:
    client, model = between.pair()
    with client, model:
        for is_client, data in [(True, GREETING), *speech] if is_http2 else speech:
            source, sink = (client, model) if is_client else (model, client)
            source.sendall(data)
            assert read(sink, len(data)) == data


@pytest.mark.parametrize("is_client", [True, False])
def test_a_side_that_has_said_all_may_still_listen(pair: Pair, is_client: bool) -> None:
    first, second = pair if is_client else pair[::-1]
    first.sendall(b"all that I have to say")
    first.shutdown(socket.SHUT_WR)
    assert read_all(second) == b"all that I have to say"
    answering = threading.Thread(target=second.sendall, args=(bytes(1_000_000),))
    answering.start()
    assert read(first, 1_000_000) == bytes(1_000_000)
    answering.join(60)


@pytest.mark.parametrize("is_client", [True, False])
def test_a_side_that_leaves_takes_the_other_along(between: Between, is_client: bool) -> None:
    leave: list[Callable[[socket.socket], None]] = [socket.socket.close, reset]
    for leaving in leave:
        client, model = between.pair()
        client.sendall(b"x")
        assert model.recv(1) == b"x"
        gone, left = (client, model) if is_client else (model, client)
        leaving(gone)
        with left:
            assert has_ended(left)


def test_what_was_said_before_leaving_arrives(pair: Pair) -> None:
    client, model = pair
    data = bytes(range(256)) * 20_000

    def speak_and_leave() -> None:
        with model:
            model.sendall(data)

    speaking = threading.Thread(target=speak_and_leave)
    speaking.start()
    assert read_all(client) == data
    speaking.join(60)


def test_a_side_that_does_not_read_holds_the_other_up(pair: Pair) -> None:
    client, model = pair
    n_sent = fill(model)
    assert n_sent < MUCH
    assert read(client, n_sent) == bytes(n_sent)
    model.sendall(b"end")
    assert read(client, 3) == b"end"


def test_connections_that_come_and_go_leave_nothing_behind(between: Between) -> None:
    def n_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = n_files()
    for i in range(200):
        client, model = between.pair()
        client.sendall(GREETING + Speaker().request(1, b"rows"))
        ends = (reset if i % 2 else socket.socket.close), socket.socket.close
        ends[i % 4 // 2](client)
        ends[1 - i % 4 // 2](model)
    wait_for(lambda: n_files() <= before)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_client_that_does_not_read_is_given_up_after_a_while(new_loop: NewLoop) -> None:
    limits = GrpcLimits(patience_s=0.2)
    with closing(Between(new_loop, limits=limits)) as between:
        client, model = between.pair()
        with client, model:
            model.settimeout(60)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                model.sendall(bytes(MUCH))


def test_a_client_that_reads_again_is_not_given_up_nor_a_model_that_does_not_read() -> None:
    async def wait_and_go_on() -> None:
        relay = Relay(never())
        for end, is_given_up in ((relay.model, False), (relay.client, True)):
            relay.waits_for(end)
            assert (relay._deadline is not None) == is_given_up
            relay.goes_on_with(end)
            assert relay._deadline is None

    asyncio.run(wait_and_go_on())


# what the reader does not understand


def test_a_connection_that_is_not_understood_goes_on(between: Between) -> None:
    proxy, n_before = between.proxy, between.proxy.count(UNREAD, Unread.NOT_HTTP2)
    client, model = between.pair()
    with client, model:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(model, 18) == b"GET / HTTP/1.1\r\n\r\n"
        wait_for(lambda: proxy.count(UNREAD, Unread.NOT_HTTP2) == n_before + 1)
        model.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert read(client, 19) == b"HTTP/1.1 200 OK\r\n\r\n"


class Faulty(GrpcProxy):
    def wants(self, path: bytes) -> bool:
        raise ZeroDivisionError(path)


def test_a_fault_of_the_reader_costs_the_capture_and_nothing_else() -> None:
    with closing(Between(uvloop.new_event_loop, Faulty)) as between:
        client, model = between.pair()
        with client, model:
            asked = GREETING + Speaker().request(1, b"rows")
            client.sendall(asked)
            assert read(model, len(asked)) == asked
            wait_for(lambda: between.proxy.count(UNREAD, Unread.FAULT) == 1)
            model.sendall(b"as ever")
            assert read(client, 7) == b"as ever"


# before the model has accepted

is_connecting, may_connect = threading.Event(), threading.Event()


class Slow(GrpcProxy):
    """Connects to the model when it may."""

    async def connect(self, model: End) -> None:
        is_connecting.set()
        await asyncio.to_thread(may_connect.wait, 10)
        await super().connect(model)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def slow(request: pytest.FixtureRequest) -> Iterator[Between]:
    is_connecting.clear()
    may_connect.clear()
    with closing(Between(request.param, Slow)) as made:
        yield made
        may_connect.set()


def test_what_comes_early_waits_and_its_sender_too(slow: Between) -> None:
    with slow.proxy.connect() as client:
        n_sent = fill(client)
        assert n_sent < MUCH
        may_connect.set()
        model, _ = slow.listening.accept()
        n_sent += fill(client)
        assert n_sent < MUCH
        with model:
            assert read(model, n_sent) == bytes(n_sent)
            client.shutdown(socket.SHUT_WR)
            assert read_all(model) == b""
            model.sendall(b"answer")
            assert read(client, 6) == b"answer"


class Never(GrpcProxy):
    """Connects to nobody."""

    async def connect(self, model: End) -> None:
        await asyncio.Event().wait()


def never() -> Never:
    upstream, captured = Address("127.0.0.1", 1), Captured(CaptureLimits())
    return Never(upstream, captured, clock=time.time, new_id=bytes, limits=GrpcLimits())


class Brimful(asyncio.Transport):
    """Takes what is written, and then nothing more for now."""

    def __init__(self, end: End, connection: socket.socket) -> None:
        super().__init__({"socket": connection})
        self._end = end
        self.is_read = True

    def write(self, data: object) -> None:
        self._end.pause_writing()

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def test_a_model_that_early_bytes_fill_keeps_the_client_waiting() -> None:
    async def connect(connection: socket.socket) -> None:
        relay = Relay(never())
        client, model = Brimful(relay.client, connection), Brimful(relay.model, connection)
        relay.client.connection_made(client)
        relay.client.data_received(bytes(100_000))
        assert not client.is_read
        relay.model.connection_made(model)
        assert not client.is_read
        relay.model.resume_writing()
        assert client.is_read

    with socket.socket() as connection:
        asyncio.run(connect(connection))


def test_who_has_left_is_not_connected(slow: Between) -> None:
    client = slow.proxy.connect()
    client.sendall(GREETING)
    assert is_connecting.wait(60)
    reset(client)
    may_connect.set()
    slow.proxy.stop(5.0)
