"""What every channel that speaks HTTP owes: one outcome for every status and every way to fail.

Channels are found by their `send`; each must have a maker here, or be known not to speak HTTP.
"""

import importlib
import inspect
import json
import pkgutil
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import channels
from alerts.channels.alertmanager import Alertmanager
from alerts.channels.email import Email
from alerts.channels.grafana import Grafana
from alerts.channels.kafka import Kafka
from alerts.channels.opsgenie import Opsgenie
from alerts.channels.pagerduty import PagerDuty
from alerts.channels.slack import Slack
from alerts.channels.teams import Teams
from alerts.channels.webhook import Webhook
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.guard import Guard, system_resolver
from alerts.notification import Channel, Origin, notification
from tests.alerts import endpoint
from tests.alerts.reports import firing
from tests.support.waiting import wait_for

NOTIFICATION = notification(firing(), Origin(), id="transition_1", type="t", at=0.0)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIMEOUT_S = 0.1
"""Where an endpoint keeps us waiting; else there is time, for a machine that is busy."""

Maker = Callable[[str, Egress], Channel]

MAKERS: dict[type, Maker] = {
    Alertmanager: lambda url, egress: Alertmanager(url=url, egress=egress),
    Grafana: lambda url, egress: Grafana(url=url, token="key", egress=egress),
    Opsgenie: lambda url, egress: Opsgenie(url=url, api_key="key", egress=egress),
    PagerDuty: lambda url, egress: PagerDuty(url=url, routing_key="key", egress=egress),
    Slack: lambda url, egress: Slack(url=url, egress=egress),
    Teams: lambda url, egress: Teams(url=url, egress=egress),
    Webhook: lambda url, egress: Webhook(url=url, secret=SECRET, egress=egress),
}
NOT_HTTP = {Email, Kafka}

KEYS: dict[type, Callable[[endpoint.Request], object]] = {
    Alertmanager: lambda request: json.loads(request.body)[0]["labels"],
    Grafana: lambda request: re.findall("alert_1", f"{request.path} {request.body!r}"),
    Opsgenie: lambda request: json.loads(request.body)["alias"],
    PagerDuty: lambda request: json.loads(request.body)["dedup_key"],
    Webhook: lambda request: request.headers["webhook-id"],
}
"""What a receiver tells repeats by. Slack and Teams have no such thing."""


def found() -> set[type]:
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.iter_modules(channels.__path__, "alerts.channels.")
    ]
    return {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if hasattr(kind, "send") and kind is not Channel and kind.__module__ == module.__name__
    }


def test_every_channel_is_tested_here() -> None:
    assert found() == set(MAKERS) | NOT_HTTP


@pytest.fixture(params=MAKERS.values(), ids=[kind.__name__ for kind in MAKERS])
def make(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.param
    return maker


def at(*addresses: str) -> Guard:
    """A guard that allows loopback and finds every name at these addresses."""
    resolver = (lambda _host, _port: addresses) if addresses else system_resolver
    return Guard(allow=(ip_network("127.0.0.0/8"),), resolver=resolver)


def send(make: Maker, url: str, guard: Guard | None = None, *, timeout_s: float = 60.0) -> Outcome:
    egress = Egress(guard=guard or at(), timeout_s=timeout_s)
    return make(url, egress).send(NOTIFICATION, now=time.time())


def to_answer(make: Maker, answer: endpoint.Answer, *, timeout_s: float = 60.0) -> Outcome:
    with endpoint.listening(answer) as receiver:
        return send(make, receiver.url, timeout_s=timeout_s)


def expected(status: int) -> Result:
    """As Standard Webhooks 1.0 and RFC 9110 have it."""
    if status in range(200, 300):
        return Result.DELIVERED
    if status == 410:
        return Result.GONE
    again = {408, 425, 429, *range(100, 200), *range(500, 600)}
    return Result.RETRY if status in again else Result.FAILED


STATUSES = range(100, 700)


def test_every_channel_gives_every_status_its_outcome(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        results = {n: send(make, f"{receiver.url}/{n}").result for n in STATUSES}
    assert results == {n: expected(n) for n in STATUSES}


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
    outcome = to_answer(make, answer, timeout_s=TIMEOUT_S)
    assert outcome.result is Result.RETRY, outcome
    assert time.monotonic() - started < 60


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


def test_an_address_that_does_not_answer_leaves_time_for_the_next() -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
        port = full.getsockname()[1]
        stack.enter_context(socket.create_connection(("127.0.0.2", port)))  # its only place
        receiver = stack.enter_context(endpoint.listening(endpoint.by_path, port=port))
        guard = at("127.0.0.2", "127.0.0.1")
        outcome = send(MAKERS[Webhook], f"http://h.example:{port}/200", guard, timeout_s=6.0)
    assert outcome.result is Result.DELIVERED, outcome
    assert {request.peer for request in receiver.requests} == {"127.0.0.1"}


def test_a_forbidden_address_is_never_connected_to(make: Maker) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        outcome = send(make, f"{receiver.url}/200", Guard())
    assert (outcome.result, receiver.requests) == (Result.FAILED, [])


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_endless_answer_is_left_off_and_its_status_counts(make: Maker, start: bytes) -> None:
    answer, sent = endpoint.flooding(start)
    with endpoint.listening(answer) as receiver:
        assert send(make, receiver.url).result is Result.DELIVERED
    wait_for(lambda: bool(sent))
    assert sent[0] < 20_000_000  # what the buffers of the system took, of 100 MB


def test_a_body_that_breaks_off_is_no_matter(make: Maker) -> None:
    answer = endpoint.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")
    assert to_answer(make, answer).result is Result.DELIVERED


ANY_MAKER = st.sampled_from(list(MAKERS.values()))


@given(
    ANY_MAKER,
    st.text() | st.text().map("https://{}".format) | st.text().map("http://h.example:1{}".format),
)
def test_no_url_is_a_surprise(make: Maker, url: str) -> None:
    def unknown(host: str, _port: int) -> list[str]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    outcome = send(make, url, Guard(resolver=unknown))
    assert outcome.result in {Result.FAILED, Result.RETRY}


def test_no_path_is_a_surprise() -> None:
    with endpoint.listening(endpoint.saying(endpoint.status(200))) as receiver:

        @given(ANY_MAKER, st.text())
        def holds(make: Maker, path: str) -> None:
            assert send(make, f"{receiver.url}/{path}").result is Result.DELIVERED

        holds()


def test_no_answer_is_a_surprise() -> None:
    said = [b""]
    with endpoint.listening(lambda _, connection: connection.sendall(said[0])) as receiver:

        @given(
            ANY_MAKER,
            st.binary()
            | st.binary().map(b"HTTP/1.1 200 OK\r\n".__add__)
            | st.binary().map(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".__add__),
        )
        def holds(make: Maker, answer: bytes) -> None:
            said[0] = answer
            assert send(make, receiver.url).result is not Result.GONE

        holds()


@pytest.mark.parametrize("kind", KEYS, ids=lambda kind: kind.__name__)
def test_two_sends_of_one_notification_can_be_told_to_be_one(kind: type) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        for _ in range(2):
            send(MAKERS[kind], f"{receiver.url}/200")
    first, *others = map(KEYS[kind], receiver.requests)
    assert others
    assert all(other == first for other in others)


@pytest.mark.parametrize("kind", [Grafana, Opsgenie, PagerDuty, Slack, Teams, Webhook])
def test_what_is_secret_is_never_shown(kind: type) -> None:
    # Of Slack and Teams it is the URL, of the others what the makers say.
    shown = repr(MAKERS[kind]("https://secret.example/secret", Egress()))
    assert "'key'" not in shown
    assert SECRET not in shown
    assert ("secret.example" in shown) == (kind not in {Slack, Teams})
