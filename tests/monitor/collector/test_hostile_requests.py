"""Requests that could make a proxy and a server disagree about where a message ends.

Most are classics of request smuggling: https://portswigger.net/web-security/request-smuggling,
RFC 9112 section 11.2, and what llhttp's own tests reject.
"""

import re
import threading
from collections.abc import Callable

import pytest

from tests.support.http_model import Answer, HttpModel, ok, read_message
from tests.support.running_proxy import RunningProxy

Serve = Callable[[Answer], HttpModel]
StartProxy = Callable[..., RunningProxy]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: m\r\n\r\n"


def post(*headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    lines = b"".join(header + b"\r\n" for header in (b"Host: m", *headers))
    return b"POST /x " + version + b"\r\n" + lines + b"\r\n" + body


def get(*headers: bytes, target: bytes = b"/", method: bytes = b"GET") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + target + b" HTTP/1.1\r\n" + lines + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
HOST = b"Host: m"

REFUSED: dict[str, tuple[bytes, int]] = {
    # framing
    "length and chunks": (post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks and length": (post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    "two lengths": (post(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"), 400),
    "equal lengths": (post(b"Content-Length: 1", b"Content-Length: 1", body=b"a"), 400),
    "list of lengths": (post(b"Content-Length: 1, 1", body=b"a"), 400),
    "negative length": (post(b"Content-Length: -1"), 400),
    "signed length": (post(b"Content-Length: +1", body=b"a"), 400),
    "hexadecimal length": (post(b"Content-Length: 0x1", body=b"a"), 400),
    "length with a space": (post(b"Content-Length: 1 1", body=b"a"), 400),
    "empty length": (post(b"Content-Length: "), 400),
    "length beyond 64 bits": (post(b"Content-Length: 99999999999999999999"), 400),
    "chunked twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunked not last": (post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 400),
    "unknown coding": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 501),
    "coding before chunked": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    "quoted coding": (post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), 501),
    "folded coding": (post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), 400),
    "chunks in HTTP/1.0": (post(CHUNKED, body=b"0\r\n\r\n", version=b"HTTP/1.0"), 501),
    "space before the colon": (post(b"Content-Length : 1", body=b"a"), 400),
    "space before the name": (post(b" Content-Length: 1", body=b"a"), 400),
    "chunk size with a space": (post(CHUNKED, body=b"3 \r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size with a sign": (post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size with 0x": (post(CHUNKED, body=b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size beyond 64 bits": (post(CHUNKED, body=b"10000000000000003\r\nabc\r\n"), 400),
    "no chunk size": (post(CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n"), 400),
    "bare LF after a chunk size": (post(CHUNKED, body=b"3\nabc\r\n0\r\n\r\n"), 400),
    "bare LF after a chunk": (post(CHUNKED, body=b"3\r\nabc\n0\r\n\r\n"), 400),
    "chunk longer than its size": (post(CHUNKED, body=b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    # lines and fields
    "bare LF lines": (b"GET / HTTP/1.1\nHost: m\n\n", 400),
    "bare CR in a value": (get(HOST, b"X: a\rb"), 400),
    "NUL in a value": (get(HOST, b"X: a\0b"), 400),
    "control character in a value": (get(HOST, b"X: a\x01b"), 400),
    "NUL in a name": (get(HOST, b"X\0: a"), 400),
    "space in a name": (get(HOST, b"X y: a"), 400),
    "folded value": (get(HOST, b"X: a\r\n b"), 400),
    "line without a colon": (get(HOST, b"nonsense"), 400),
    "empty name": (get(HOST, b": a"), 400),
    "name in UTF-8": (get(HOST, "é: a".encode()), 400),
    # the request line
    "no version": (b"GET /\r\nHost: m\r\n\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: m\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: m\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: m\r\n\r\n", 505),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "unknown method": (get(HOST, method=b"FOO"), 400),
    "TRACE": (get(HOST, method=b"TRACE"), 405),
    "CONNECT": (get(HOST, target=b"m:80", method=b"CONNECT"), 405),
    "PURGE": (get(HOST, method=b"PURGE"), 405),
    "absolute target": (get(HOST, target=b"http://evil/"), 400),
    "asterisk": (get(HOST, target=b"*", method=b"OPTIONS"), 400),
    "fragment": (get(HOST, target=b"/a#b"), 400),
    "NUL, escaped": (get(HOST, target=b"/a%00b"), 400),
    "target not in ASCII": (get(HOST, target="/é".encode()), 400),
    "binary": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    # hosts and limits
    "no host": (get(), 400),
    "two hosts": (get(HOST, b"Host: n"), 400),
    "empty host": (get(b"Host: "), 400),
    "host with a path": (get(b"Host: m/evil"), 400),
    "host with a user": (get(b"Host: a@m"), 400),
    "unknown expectation": (get(HOST, b"Expect: wonders"), 417),
    "upgrade with bytes after it": (get(HOST, b"Connection: Upgrade", b"Upgrade: x"), 400),
    "upgrade with a body": (
        post(b"Connection: Upgrade", b"Upgrade: x", b"Content-Length: 1", body=b"a"),
        501,
    ),
    "upgrade to a list": (get(HOST, b"Connection: Upgrade", b"Upgrade: x, y"), 501),
    "upgrade of HTTP/1.0": (
        b"GET / HTTP/1.0\r\nHost: m\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        501,
    ),
    "large trailer": (post(CHUNKED, body=b"0\r\nX: " + b"y" * 40_000 + b"\r\n\r\n"), 431),
    "many trailers": (post(CHUNKED, body=b"0\r\n" + b"X: 1\r\n" * 101 + b"\r\n"), 431),
    "many headers": (get(HOST, *(b"X-%d: 1" % i for i in range(100))), 431),
    "large header": (get(HOST, b"X: " + b"y" * 40_000), 431),
    "endless header": (b"GET / HTTP/1.1\r\nX: " + b"y" * 400_000, 431),
    "large target": (get(HOST, target=b"/" + b"y" * 40_000), 431),
}


@pytest.fixture
def model(serve: Serve) -> HttpModel:
    return serve(lambda request: [ok(request.split(b" ")[1])])


@pytest.mark.parametrize(("request_", "expected"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_nothing_after_it_reaches_the_model(
    model: HttpModel, start_proxy: StartProxy, request_: bytes, expected: int
) -> None:
    answer = start_proxy(model.address).exchange(request_ + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 %d " % expected), answer
    assert b"X-Driftmeter-Error: " in answer
    assert not any(b"/smuggled" in request for request in model.requests)


ACCEPTED: dict[str, bytes] = {
    "plain": get(HOST),
    "no body": post(b"Content-Length: 0"),
    "chunk extension": post(CHUNKED, body=b"3;a=b\r\nabc\r\n0\r\n\r\n"),
    "coding in capitals": post(b"transfer-encoding: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"),
    "empty lines before": b"\r\n" + get(HOST),
    "path with dots": get(HOST, target=b"/a/../../etc"),
    "upgrade that no connection asks for": get(HOST, b"Upgrade: websocket"),
    "header in latin-1": get(HOST, "X: é".encode("latin-1")),
    "a name with an underscore": get(HOST, b"X_y: 1"),
}


@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=ACCEPTED)
def test_it_passes_and_so_does_what_follows(
    model: HttpModel, start_proxy: StartProxy, request_: bytes
) -> None:
    with start_proxy(model.address).connect() as connection:
        connection.sendall(request_)
        assert read_message(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(SMUGGLED)
        assert read_message(connection).endswith(b"/smuggled")


@pytest.mark.parametrize(("request_", "expected"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_after_a_request_whose_head_is_known_too(
    model: HttpModel, start_proxy: StartProxy, request_: bytes, expected: int
) -> None:
    known = post(b"Content-Length: 2", body=b"ok")
    with start_proxy(model.address).connect() as connection:
        for _ in range(3):
            connection.sendall(known)
            assert read_message(connection).endswith(b"/x")
        connection.sendall(known + request_ + SMUGGLED)
        data = b""
        while piece := connection.recv(4096):
            data += piece
    first, second = re.split(rb"HTTP/1\.1 (?=\d{3} )", data)[1:]
    assert first.startswith(b"200 ")
    assert second.startswith(b"%d " % expected)
    assert not any(b"/smuggled" in request for request in model.requests)


def test_a_message_has_one_framing_of_our_own_on_its_way_to_the_model(
    model: HttpModel, start_proxy: StartProxy
) -> None:
    start_proxy(model.address).exchange(ACCEPTED["coding in capitals"])
    assert model.requests[0].count(b"Transfer-Encoding: chunked\r\n") == 1
    assert b"CHUNKED" not in model.requests[0]


def test_a_connection_header_cannot_remove_the_host(
    model: HttpModel, start_proxy: StartProxy
) -> None:
    start_proxy(model.address).exchange(
        post(b"Connection: host, content-length, x-request-id", b"Content-Length: 1", body=b"a")
    )
    assert b"Host: m\r\n" in model.requests[0]
    assert b"Content-Length: 1\r\n" in model.requests[0]
    assert b"X-Request-Id: " in model.requests[0]


def test_an_error_waits_for_the_answers_before_it(serve: Serve, start_proxy: StartProxy) -> None:
    may_answer = threading.Event()

    def answer(_: bytes) -> list[bytes]:
        may_answer.wait(60)
        return [ok(b"first")]

    with start_proxy(serve(answer).address).connect() as connection:
        connection.sendall(get(HOST) + b"nonsense\r\n\r\n")
        may_answer.set()
        data = b""
        while piece := connection.recv(4096):
            data += piece
    first, _, second = data.partition(b"first")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 400 ")
