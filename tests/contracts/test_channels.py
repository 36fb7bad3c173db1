"""What every channel owes: one outcome for every HTTP status and every way to fail.

Channels are found by their `send`; each must have a maker here.
"""

import importlib
import inspect
import pkgutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

import alerts
from alerts.delivery import Outcome, Result
from alerts.guard import Guard, system_resolver
from alerts.notification import Channel, Origin, notification
from alerts.webhooks import Webhook
from tests.alerts import endpoint
from tests.alerts.reports import firing

NOTIFICATION = notification(firing(), Origin(), id="transition_1", type="t", at=0.0)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIMEOUT_S = 0.5

Maker = Callable[[str, Guard], Channel]

MAKERS: dict[type, Maker] = {
    Webhook: lambda url, guard: Webhook(url=url, secret=SECRET, guard=guard, timeout_s=TIMEOUT_S),
}


def found() -> set[type]:
    modules = [
        importlib.import_module(f"alerts.{module.name}")
        for module in pkgutil.iter_modules(alerts.__path__)
    ]
    return {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if hasattr(kind, "send") and kind is not Channel and kind.__module__ == module.__name__
    }


def test_every_channel_is_tested_here() -> None:
    assert found() == set(MAKERS)


@pytest.fixture(params=MAKERS.values(), ids=[kind.__name__ for kind in MAKERS])
def make(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.param
    return maker


def at(*addresses: str) -> Guard:
    """A guard that allows loopback and finds every name at these addresses."""
    resolver = (lambda _host, _port: addresses) if addresses else system_resolver
    return Guard(allow=(ip_network("127.0.0.0/8"),), resolver=resolver)


def send(make: Maker, url: str, guard: Guard | None = None) -> Outcome:
    return make(url, guard or at()).send(NOTIFICATION, now=time.time())


def to_answer(make: Maker, answer: endpoint.Answer) -> Outcome:
    with endpoint.listening(answer) as receiver:
        return send(make, receiver.url)


def expected(status: int) -> Result:
    """As Standard Webhooks 1.0 and RFC 9110 have it."""
    if status in range(200, 300):
        return Result.DELIVERED
    if status == 410:
        return Result.GONE
    again = {408, 425, 429, *range(100, 200), *range(500, 600)}
    return Result.RETRY if status in again else Result.FAILED


def test_every_status_has_its_outcome(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        results = {n: send(make, f"{receiver.url}/{n}").result for n in range(100, 700)}
    assert results == {n: expected(n) for n in range(100, 700)}


FAULTS: dict[str, endpoint.Answer] = {
    "it hangs up": lambda _path, _connection: None,
    "it resets": endpoint.reset,
    "it never answers": lambda _path, connection: _until_gone(connection),
    "its headers drip": endpoint.dripping(b"HTTP/1.1 200 OK\r\nX: "),
    "its body drips": endpoint.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
    "its status drips": endpoint.dripping(b"HTTP/1.1"),
    "it speaks another protocol": endpoint.saying(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "its status is no number": endpoint.saying(b"HTTP/1.1 OK\r\n\r\n"),
    "it has a thousand headers": endpoint.saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000),
}


def _until_gone(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", FAULTS.values(), ids=FAULTS)
def test_an_exchange_that_breaks_off_is_tried_again(make: Maker, answer: endpoint.Answer) -> None:
    started = time.monotonic()
    outcome = to_answer(make, answer)
    assert outcome.result is Result.RETRY, outcome
    assert time.monotonic() - started < 2 * TIMEOUT_S + 1


def test_nothing_that_was_answered_is_repeated_in_the_outcome(make: Maker) -> None:
    for answer in (b"SSH-2.0-secret\r\n", b"HTTP/1.1 500 secret\r\n\r\nsecret"):
        assert "secret" not in to_answer(make, endpoint.saying(answer)).detail


def test_a_closed_port_is_tried_again(make: Maker, free_port: Callable[[], int]) -> None:
    assert send(make, f"http://127.0.0.1:{free_port()}").result is Result.RETRY


def test_a_name_that_does_not_resolve_is_tried_again(make: Maker) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert send(make, "https://hooks.example", Guard(resolver=unknown)).result is Result.RETRY


def test_tls_with_who_does_not_speak_it_is_tried_again(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/200"
        assert send(make, url).result is Result.RETRY


def test_an_address_that_does_not_answer_leaves_time_for_the_next(make: Maker) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
        port = full.getsockname()[1]
        stack.enter_context(socket.create_connection(("127.0.0.2", port)))  # its only place
        receiver = stack.enter_context(endpoint.listening(endpoint.by_path, port=port))
        outcome = send(make, f"http://h.example:{port}/200", at("127.0.0.2", "127.0.0.1"))
    assert outcome.result is Result.DELIVERED, outcome
    assert len(receiver.requests) == 1


def test_a_forbidden_address_is_never_connected_to(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        outcome = send(make, f"{receiver.url}/200", Guard())
    assert (outcome.result, receiver.requests) == (Result.FAILED, [])


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_endless_answer_is_left_off_and_its_status_counts(make: Maker, start: bytes) -> None:
    answer, sent = endpoint.flooding(start)
    with endpoint.listening(answer) as receiver:
        assert send(make, receiver.url).result is Result.DELIVERED
    assert sent[0] < 20_000_000  # what the buffers of the system took, of 100 MB


def test_a_body_that_breaks_off_is_no_matter(make: Maker) -> None:
    answer = endpoint.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")
    assert to_answer(make, answer).result is Result.DELIVERED


@given(
    st.text() | st.text().map("https://{}".format) | st.text().map("http://h.example:1{}".format)
)
def test_no_url_is_a_surprise(url: str) -> None:
    def unknown(host: str, _port: int) -> list[str]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for make in MAKERS.values():
        outcome = send(make, url, Guard(resolver=unknown))
        assert outcome.result in {Result.FAILED, Result.RETRY}


def test_no_path_is_a_surprise() -> None:
    with endpoint.listening(endpoint.saying(endpoint.status(200))) as receiver:

        @given(st.text())
        def holds(path: str) -> None:
            for make in MAKERS.values():
                assert send(make, f"{receiver.url}/{path}").result is Result.DELIVERED

        holds()


@given(
    st.binary()
    | st.binary().map(b"HTTP/1.1 200 OK\r\n".__add__)
    | st.binary().map(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".__add__)
)
def test_no_answer_is_a_surprise(answer: bytes) -> None:
    for make in MAKERS.values():
        outcome = to_answer(make, endpoint.saying(answer))
        assert outcome.result is not Result.GONE


def test_two_sends_of_one_notification_can_be_told_to_be_one(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        for _ in range(2):
            send(make, f"{receiver.url}/200")
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
