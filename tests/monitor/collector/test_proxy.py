import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from monitor.collector.capture import CaptureLimits
from monitor.collector.deadlines import Deadlines
from monitor.collector.proxy import ProxyLimits
from monitor.collector.upstream import PoolLimits
from monitor.flags import Address
from tests.support.http_model import Answer, HttpModel, ok, read_message, unchunked
from tests.support.running_proxy import RunningProxy
from tests.support.waiting import wait_for

Serve = Callable[[Answer], HttpModel]
StartProxy = Callable[..., RunningProxy]

HOST = b"Host: model\r\n"
BODY = b'{"instances":[1]}'
ANSWER = b'{"predictions":[2]}'
PREDICT = b"POST /v1/models/m:predict HTTP/1.1\r\n" + HOST + b"Content-Length: 17\r\n\r\n" + BODY
GONE = Address("127.0.0.1", 1)


def get(path: bytes = b"/", *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + lines + b"\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def read_answers(connection: socket.socket, n: int, n_body_bytes: int) -> list[bytes]:
    """Bodies of so many answers, all of one size."""
    data = b""
    while data.count(b"HTTP/1.1 ") < n or len(data.rpartition(b"\r\n\r\n")[2]) < n_body_bytes:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return [a.partition(b"\r\n\r\n")[2] for a in data.split(b"HTTP/1.1 ")[1:]]


# what goes through


def test_a_request_reaches_the_model_and_its_answer_the_client(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER, b"X-Model: 7")])
    answer = start_proxy(model.address).exchange(PREDICT)
    assert status(answer) == 200
    assert b"X-Model: 7\r\n" in answer
    assert answer.endswith(ANSWER)
    assert model.requests[0].endswith(BODY)


def test_an_exchange_is_captured_whole(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: [ok(ANSWER)]).address)
    proxy.exchange(PREDICT.replace(HOST, HOST + b"X-Request-Id: mine\r\n"))
    wait_for(lambda: proxy.count("captured") == 1)
    (exchange,) = proxy.captured.exchanges
    assert (exchange.path, exchange.request_id) == ("/v1/models/m:predict", "mine")
    assert (b"".join(exchange.request), b"".join(exchange.response)) == (BODY, ANSWER)
    assert exchange.latency_s > 0


def test_only_what_a_decoder_reads_is_captured(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: [ok(b"ready")]).address)
    proxy.exchange(get(b"/v1/models/m"))
    wait_for(lambda: proxy.count("requests", "200") == 1)
    assert proxy.captured.exchanges == []


def test_an_id_is_made_where_there_is_none_and_told_to_both_sides(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    answer = start_proxy(model.address).exchange(PREDICT)
    assert b"X-Request-Id: id-0\r\n" in answer
    assert b"X-Request-Id: id-0\r\n" in model.requests[0]


def test_a_connection_to_the_model_is_used_again(serve: Serve, start_proxy: StartProxy) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    proxy = start_proxy(model.address)
    with proxy.connect() as connection:
        for _ in range(5):
            connection.sendall(PREDICT)
            assert read_message(connection).endswith(ANSWER)
    assert model.n_connections == 1


def test_an_idle_connection_to_the_model_is_closed_before_the_model_closes_it(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    limits = ProxyLimits(pool=PoolLimits(idle_s=0.0))
    proxy = start_proxy(model.address, limits)

    def is_new() -> bool:
        assert proxy.exchange(PREDICT).endswith(ANSWER)
        return model.n_connections > 1

    wait_for(is_new)


def test_pipelined_requests_are_all_answered_in_order(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda request: [ok(request.split(b" ")[1])])
    n = 2_000
    with start_proxy(model.address).connect() as connection:
        connection.sendall(b"".join(get(b"/%04d" % i) for i in range(n)))
        assert read_answers(connection, n, 5) == [b"/%04d" % i for i in range(n)]


def test_chunks_pass_in_both_directions(serve: Serve, start_proxy: StartProxy) -> None:
    chunks = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    model = serve(lambda _: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks])
    answer = start_proxy(model.address).exchange(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        b"4\r\nWiki\r\n5;ext=1\r\npedia\r\n0\r\n\r\n"
    )
    assert unchunked(answer) == b"abcde"
    assert unchunked(model.requests[0]) == b"Wikipedia"


def test_a_streamed_answer_is_not_held_back(serve: Serve, start_proxy: StartProxy) -> None:
    may_go_on = threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        may_go_on.wait(60)
        yield b"4\r\nlast\r\n0\r\n\r\n"

    with start_proxy(serve(answer).address).connect() as connection:
        connection.sendall(get())
        data = b""
        while b"first" not in data:
            data += connection.recv(4096)
        may_go_on.set()
        assert unchunked(data + read_rest(connection)) == b"firstlast"


def read_rest(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data += connection.recv(4096)
    return data


def test_a_body_that_ends_with_its_connection_gets_an_end_of_its_own(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [b"HTTP/1.0 200 OK\r\n\r\nuntil the end"])
    model.closes = True
    assert unchunked(start_proxy(model.address).exchange(get())) == b"until the end"


def test_a_client_of_http_1_0_learns_the_end_from_the_close(
    serve: Serve, start_proxy: StartProxy
) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with start_proxy(serve(lambda _: [chunked]).address).connect() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        data = b""
        while piece := connection.recv(4096):
            data += piece
    assert data.endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
    ],
)
def test_an_answer_to_head_has_no_body_and_the_connection_goes_on(
    serve: Serve, start_proxy: StartProxy, answer: bytes
) -> None:
    model = serve(lambda r: [answer] if r.startswith(b"HEAD") else [ok(b"abc")])
    with start_proxy(model.address).connect() as connection:
        connection.sendall(get().replace(b"GET", b"HEAD") + get())
        data = b""
        while not data.endswith(b"abc"):
            data += connection.recv(4096)
    assert data.count(b"HTTP/1.1 ") == 2
    assert model.n_connections == 1


def test_a_client_that_expects_to_continue_is_told_to(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    with start_proxy(model.address).connect() as connection:
        head, _, body = PREDICT.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_message(connection).endswith(ANSWER)
    assert b"Expect" not in model.requests[0]


def test_interim_answers_of_the_model_end_here(serve: Serve, start_proxy: StartProxy) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    answer = start_proxy(serve(lambda _: [hints + ok(ANSWER)]).address).exchange(get())
    assert status(answer) == 200
    assert b"Link" not in answer


def test_an_offer_of_h2c_is_ignored_and_the_body_still_read(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    offer = HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    with start_proxy(model.address).connect() as connection:
        connection.sendall(PREDICT.replace(HOST, offer) + PREDICT)
        assert read_answers(connection, 2, len(ANSWER)) == [ANSWER, ANSWER]
    assert [request.endswith(b"\r\n\r\n" + BODY) for request in model.requests] == [True, True]
    assert b"h2c" not in b"".join(model.requests)


def test_headers_of_one_hop_are_not_passed_on(serve: Serve, start_proxy: StartProxy) -> None:
    model = serve(lambda _: [ok(b"", b"Keep-Alive: timeout=5", b"Connection: keep-alive")])
    request = get(b"/", b"Connection: close, X-Hop", b"X-Hop: 1", b"TE: gzip", b"X-Stay: 2")
    answer = start_proxy(model.address).exchange(request)
    assert b"X-Stay: 2\r\n" in model.requests[0]
    assert not any(name in model.requests[0] for name in (b"X-Hop", b"TE:", b"Connection"))
    assert b"Keep-Alive" not in answer


def test_a_large_body_passes_although_it_is_not_captured(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda request: [ok(b"%d" % len(request.partition(b"\r\n\r\n")[2]))])
    proxy = start_proxy(model.address, None, CaptureLimits(body_bytes=1000))
    body = b"x" * 5_000_000
    request = PREDICT.replace(b"17\r\n\r\n" + BODY, b"%d\r\n\r\n" % len(body)) + body
    assert proxy.exchange(request).endswith(b"5000000")
    wait_for(lambda: proxy.count("dropped", "too large") == 1)


# what goes wrong


def test_a_model_that_is_away_is_a_502_of_ours_and_the_connection_stays(
    start_proxy: StartProxy,
) -> None:
    proxy = start_proxy(GONE)
    with proxy.connect() as connection:
        for _ in range(2):
            connection.sendall(PREDICT)
            answer = read_message(connection)
            assert status(answer) == 502
            assert b"X-Driftmeter-Error: the model server cannot be reached\r\n" in answer
    wait_for(lambda: proxy.count("captured") == 2)
    assert [exchange.status for exchange in proxy.captured.exchanges] == [502, 502]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000,
    ],
)
def test_a_model_that_answers_nonsense_is_a_502(
    serve: Serve, start_proxy: StartProxy, answer: bytes
) -> None:
    model = serve(lambda _: [answer])
    model.closes = True
    assert status(start_proxy(model.address).exchange(PREDICT)) == 502
    assert len(model.requests) == 1  # and is not asked twice


def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
    model.closes = True
    proxy = start_proxy(model.address)
    answer = proxy.exchange(PREDICT)
    assert answer == b"" or answer.endswith(b"half")
    wait_for(lambda: proxy.count("captured") == 1)
    assert [exchange.status for exchange in proxy.captured.exchanges] == [502]


def test_a_silent_model_is_a_504(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: []).address, ProxyLimits(deadlines=Deadlines(answer=0.05)))
    answer = proxy.exchange(PREDICT)
    assert status(answer) == 504
    assert b"X-Driftmeter-Error" in answer


def test_a_silent_model_is_a_504_although_more_requests_wait(
    serve: Serve, start_proxy: StartProxy
) -> None:
    limits = ProxyLimits(deadlines=Deadlines(answer=0.05))
    with start_proxy(serve(lambda _: []).address, limits).connect() as connection:
        connection.sendall(get() * 3)
        assert status(read_message(connection)) == 504


def test_a_head_that_does_not_end_is_given_up(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: []).address, ProxyLimits(deadlines=Deadlines(head=0.05)))
    assert status(proxy.exchange(b"GET / HTTP/1.1\r\nHost: ")) == 408


def test_a_body_that_trickles_is_given_up(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: []).address, ProxyLimits(deadlines=Deadlines(body=0.05)))
    assert status(proxy.exchange(PREDICT[:-5])) == 408


def test_a_client_that_says_nothing_is_let_go(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda _: []).address, ProxyLimits(deadlines=Deadlines(idle=0.05)))
    with proxy.connect() as connection:
        assert connection.recv(1) == b""


def test_a_client_that_leaves_ends_its_request_at_the_model(
    serve: Serve, start_proxy: StartProxy
) -> None:
    hung_up = threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        try:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
            while True:
                yield b"x" * 65536
        finally:
            hung_up.set()

    model = serve(answer)
    proxy = start_proxy(model.address)
    with proxy.connect() as connection:
        connection.sendall(PREDICT)
        wait_for(lambda: len(model.requests) == 1)
    assert hung_up.wait(60)
    assert proxy.count("captured") == 0


def test_a_client_that_does_not_read_holds_the_model_back_and_not_our_memory(
    serve: Serve, start_proxy: StartProxy
) -> None:
    sent = 0
    size = 64 * 1024 * 1024

    def answer(_: bytes) -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        while sent < size:
            yield b"x" * 65536
            sent += 65536

    with start_proxy(serve(answer).address).connect() as connection:
        connection.sendall(get())
        still = _settled(lambda: sent)
        assert still < size // 2
        received = 0
        while received < size:
            received += len(connection.recv(1 << 20))
    assert received >= size


def _settled(value: Callable[[], int]) -> int:
    """The value once it has stopped changing."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.3:
        if (now := value()) != last:
            last, since = now, time.monotonic()
        time.sleep(0.01)
    return last


def test_a_stop_finishes_the_request_that_is_on_its_way(
    serve: Serve, start_proxy: StartProxy
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        asked.set()
        may_answer.wait(60)
        yield ok(ANSWER)

    proxy = start_proxy(serve(answer).address)
    with proxy.connect() as connection, proxy.connect() as idle:
        connection.sendall(PREDICT)
        assert asked.wait(60)
        stopping = threading.Thread(target=proxy.stop, args=(10.0,))
        stopping.start()
        assert idle.recv(1) == b""
        may_answer.set()
        data = read_message(connection)
        assert data.endswith(ANSWER)
        assert b"Connection: close\r\n" in data
        stopping.join(60)
        assert not stopping.is_alive()


def test_a_stop_cuts_what_takes_longer_than_its_grace(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [])
    proxy = start_proxy(model.address)
    with proxy.connect() as connection:
        connection.sendall(PREDICT)
        wait_for(lambda: len(model.requests) == 1)
        proxy.stop(0.05)
        assert read_message(connection) == b""
