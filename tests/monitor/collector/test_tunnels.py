"""What is not a request and an answer with a length: other protocols, and trailers."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from monitor.collector.deadlines import Deadlines
from monitor.collector.proxy import ProxyLimits
from monitor.flags import Address
from tests.support.running_proxy import RunningProxy
from tests.support.waiting import wait_for

StartProxy = Callable[..., RunningProxy]
Raw = Callable[[bytes], "RawModel"]

ASK = (
    b"GET /chat HTTP/1.1\r\nHost: m\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class RawModel:
    """Answers the head of a request with some bytes, and sends back all that follows."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._socket.getsockname()[1])
        self.head = b""
        self.n_ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                if not (piece := connection.recv(4096)):
                    return
                data += piece
            self.head = data
            connection.sendall(self._answer)
            while piece := connection.recv(65536):
                connection.sendall(piece)
        self.n_ended += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def raw() -> Iterator[Raw]:
    models: list[RawModel] = []

    def start(answer: bytes) -> RawModel:
        models.append(RawModel(answer))
        return models[-1]

    yield start
    for model in models:
        model.close()


def read(connection: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n and (piece := connection.recv(65536)):
        data += piece
    return data


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        assert piece, data
        data += piece
    return data


def test_a_websocket_passes_in_both_directions_as_it_is(raw: Raw, start_proxy: StartProxy) -> None:
    model = raw(SWITCH)
    proxy = start_proxy(model.address)
    frames = [bytes([0x82, 0x80 | n % 126]) + bytes(range(n % 256)) for n in range(1000)]
    with proxy.connect() as connection:
        connection.sendall(ASK)
        head = read_head(connection)
        for line in (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Accept: "):
            assert line in head
            assert head.startswith(b"HTTP/1.1 101 ")
        for frame in frames:
            connection.sendall(frame)
            assert read(connection, len(frame)) == frame
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in model.head
    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in model.head
    wait_for(lambda: model.n_ended == 1)
    assert proxy.count("requests", "101") == 1


def test_what_the_model_says_with_its_101_is_not_lost(raw: Raw, start_proxy: StartProxy) -> None:
    with start_proxy(raw(SWITCH + b"\x81\x05hello").address).connect() as connection:
        connection.sendall(ASK)
        read_head(connection)
        assert read(connection, 7) == b"\x81\x05hello"


def test_a_large_message_passes_a_tunnel_whole(raw: Raw, start_proxy: StartProxy) -> None:
    message = bytes(range(256)) * 40_000
    with start_proxy(raw(SWITCH).address).connect() as connection:
        connection.sendall(ASK)
        read_head(connection)
        sending = threading.Thread(target=connection.sendall, args=(message,))
        sending.start()
        assert read(connection, len(message)) == message
        sending.join()


def test_a_model_that_will_not_switch_answers_as_ever(raw: Raw, start_proxy: StartProxy) -> None:
    model = raw(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno")
    with start_proxy(model.address).connect() as connection:
        connection.sendall(ASK)
        assert read_head(connection).startswith(b"HTTP/1.1 426 ")
        assert read(connection, 2) == b"no"


def test_a_tunnel_ends_for_the_client_when_the_model_leaves(start_proxy: StartProxy) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def switch_and_leave() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(SWITCH + b"last words")

    threading.Thread(target=switch_and_leave, daemon=True).start()
    address = Address("127.0.0.1", listening.getsockname()[1])
    with start_proxy(address).connect() as connection:
        connection.sendall(ASK)
        read_head(connection)
        assert read(connection, 1000) == b"last words"
    listening.close()


def test_a_tunnel_in_which_nobody_speaks_is_given_up(raw: Raw, start_proxy: StartProxy) -> None:
    limits = ProxyLimits(deadlines=Deadlines(answer=0.2))
    with start_proxy(raw(SWITCH).address, limits).connect() as connection:
        connection.sendall(ASK)
        read_head(connection)
        assert read(connection, 1) == b""


# trailers

CHUNKED_ANSWER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\nX-Checksum: 7\r\nContent-Type: x\r\nSet-Cookie: a\r\n\r\n"
)


def test_trailers_of_an_answer_pass_but_none_that_would_change_it(
    raw: Raw, start_proxy: StartProxy
) -> None:
    with start_proxy(raw(CHUNKED_ANSWER).address).connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: m\r\nTE: trailers\r\n\r\n")
        read_head(connection)
        assert read(connection, 8 + 20) == b"3\r\nabc\r\n0\r\nX-Checksum: 7\r\n\r\n"


def test_the_model_is_told_that_trailers_are_welcome(raw: Raw, start_proxy: StartProxy) -> None:
    model = raw(CHUNKED_ANSWER)
    with start_proxy(model.address).connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: m\r\nTE: trailers\r\n\r\n")
        read_head(connection)
    assert b"Connection: TE\r\nTE: trailers\r\n" in model.head


def test_trailers_of_a_request_pass_but_none_that_would_change_it(
    raw: Raw, start_proxy: StartProxy
) -> None:
    model = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with start_proxy(model.address).connect() as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\nX-Checksum: 7\r\nHost: evil\r\nAuthorization: x\r\n\r\n"
        )
        read_head(connection)
    assert model.head.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nX-Checksum: 7\r\n\r\n")
