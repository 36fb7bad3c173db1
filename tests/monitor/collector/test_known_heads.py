"""Requests and answers with heads that came before take a shorter way, and must come out alike."""

import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.known_heads import MAX_HEADS, KnownHeads
from tests.support.http_model import Answer, HttpModel, ok, read_message
from tests.support.running_proxy import RunningProxy
from tests.support.waiting import wait_for

Serve = Callable[[Answer], HttpModel]
StartProxy = Callable[..., RunningProxy]

BODY = b'{"instances":[1]}'
ANSWER = b'{"predictions":[2]}'
HEAD = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: m\r\nContent-Length: 17\r\n\r\n"
ID = b"X-Request-Id: id-"


def without_id(message: bytes) -> bytes:
    """The message less the id that the proxy made for it."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(ID))


@pytest.fixture
def proxy(serve: Serve, start_proxy: StartProxy) -> RunningProxy:
    return start_proxy(serve(lambda _: [ok(ANSWER, b"X-Model: 7")]).address)


def exchanges(connection: socket.socket, pieces: list[bytes]) -> bytes:
    for piece in pieces:
        connection.sendall(piece)
    return read_message(connection)


@pytest.mark.parametrize("cut", [1, 30, len(HEAD), len(HEAD) + 5])
def test_it_passes_and_is_captured_as_the_first_was_however_it_is_cut(
    proxy: RunningProxy, cut: int
) -> None:
    whole = HEAD + BODY
    with proxy.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = [exchanges(connection, [whole]) for _ in range(3)]
        answers += [exchanges(connection, [whole[:cut], whole[cut:]]) for _ in range(3)]
    assert len({without_id(answer) for answer in answers}) == 1
    wait_for(lambda: len(proxy.captured.exchanges) == 6)
    seen = {(e.path, b"".join(e.request), b"".join(e.response)) for e in proxy.captured.exchanges}
    assert seen == {("/v1/models/m:predict", BODY, ANSWER)}
    assert len({e.request_id for e in proxy.captured.exchanges}) == 6


def test_the_model_gets_it_as_it_got_the_first(serve: Serve, start_proxy: StartProxy) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    proxy = start_proxy(model.address)
    for _ in range(3):
        proxy.exchange(HEAD + BODY)
    assert len({without_id(request) for request in model.requests}) == 1
    assert len(set(model.requests)) == 3


def test_known_and_unknown_requests_may_be_pipelined(serve: Serve, start_proxy: StartProxy) -> None:
    proxy = start_proxy(serve(lambda request: [ok(request[-4:])]).address)
    requests = [HEAD + b"%017d" % i for i in range(50)]
    requests[10] = b"GET /abc HTTP/1.1\r\nHost: m\r\nX: 1\r\n\r\n"
    with proxy.connect() as connection:
        connection.sendall(b"".join(requests))
        data = b""
        while data.count(b"HTTP/1.1 200") < 50 or not data.endswith(b"0049"):
            data += connection.recv(65536)
    bodies = [answer[-4:] for answer in data.split(b"HTTP/1.1 200")[1:]]
    expected = [b"%04d" % i for i in range(50)]
    expected[10] = b"\r\n\r\n"
    assert bodies == expected


def test_an_id_that_a_request_brings_is_its_own_every_time(proxy: RunningProxy) -> None:
    for n in range(3):
        answer = proxy.exchange(HEAD[:-2] + b"X-Request-Id: mine-%d\r\n\r\n" % n + BODY)
        assert b"X-Request-Id: mine-%d\r\n" % n in answer


def test_a_known_answer_of_which_only_a_part_comes_is_cut_off_too(
    serve: Serve, start_proxy: StartProxy
) -> None:
    answers = iter([ok(ANSWER), ok(ANSWER), ok(ANSWER)[:-3]])
    model = serve(lambda _: [next(answers)])
    model.closes = True
    proxy = start_proxy(model.address)
    whole = [proxy.exchange(HEAD + BODY) for _ in range(2)]
    part = proxy.exchange(HEAD + BODY)
    assert {without_id(answer) for answer in whole} == {without_id(part) + ANSWER[-3:]}


def test_bytes_after_a_known_answer_are_not_taken_for_the_next(
    serve: Serve, start_proxy: StartProxy
) -> None:
    model = serve(lambda _: [ok(ANSWER) + ok(b"poison")])
    proxy = start_proxy(model.address)
    with proxy.connect() as connection:
        answers = [exchanges(connection, [HEAD + BODY]) for _ in range(4)]
    assert all(answer.endswith(ANSWER) for answer in answers)
    assert model.n_connections == 4


# the table itself


def test_a_head_is_found_at_the_beginning_only() -> None:
    known: KnownHeads[str] = KnownHeads()
    known.add(HEAD + BODY, "head", 2)
    assert known.find(HEAD + b"anything") == ("head", len(HEAD))
    assert known.find(HEAD[:-1]) is None
    assert known.find(b"\r\n" + HEAD) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: m\r\n",
        b"GET / HTTP/1.1\nHost: m\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: m\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: m\r\nX: " + b"y" * 4000 + b"\r\n\r\n",
    ],
)
def test_a_head_whose_end_is_in_doubt_is_not_kept(raw: bytes) -> None:
    known: KnownHeads[str] = KnownHeads()
    known.add(raw, "head", 1)
    assert known.find(raw) is None


@given(st.lists(st.integers(0, 3 * MAX_HEADS), max_size=3 * MAX_HEADS))
def test_it_never_grows_beyond_its_limit(numbers: list[int]) -> None:
    known: KnownHeads[int] = KnownHeads()
    for n in numbers:
        known.add(b"GET /%d HTTP/1.1\r\n\r\n" % n, n, 0)
        assert known.find(b"GET /%d HTTP/1.1\r\n\r\n" % n) is not None
    assert len(known) <= MAX_HEADS
