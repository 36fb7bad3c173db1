"""E-mail through a real SMTP server on loopback, and through one that answers as it is told."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_network
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.email import Email
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from tests.alerts import endpoint
from tests.alerts.channels import told
from tests.conftest import Needs

HOST = "mail.example"
NOW = 1_614_265_330.0
TIMEOUT_S = 5.0
USER, PASSWORD = "driftmeter", "correct horse"


@dataclass
class Mailbox:
    """Keeps what it is sent; refuses the recipients for which it has an answer."""

    refusals: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  its name there
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address not in self.refusals:
            envelope.rcpt_tos.append(address)
        return self.refusals.get(address, "250 OK")

    async def handle_DATA(  # noqa: N802  its name there
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((list(envelope.rcpt_tos), letter))
        return "250 taken"

    def login(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def certificates(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    crt, key = endpoint.certificate(needs("openssl"), folder, HOST)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(crt, key)
    return Certificates(server, ssl.create_default_context(cafile=str(crt)))


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


@contextmanager
def serving(mailbox: Mailbox, port: int, **options: Any) -> Iterator[None]:
    server = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield
    finally:
        server.stop()


def through(timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None) -> Egress:
    guard = Guard(allow=(ip_network("127.0.0.0/8"),), resolver=lambda *_: ["127.0.0.1"])
    return Egress(guard=guard, timeout_s=timeout_s, tls=tls)


def email(port: int, *to: str, **options: Any) -> Email:
    settings: dict[str, Any] = {
        "url": f"smtp://{HOST}:{port}",
        "starttls": False,
        "egress": through(),
    }
    recipients = to or ("ops@example.org",)
    return Email(sender="drift@example.org", recipients=recipients, **settings | options)


def send(channel: Email, notification: Notification = told.FIRING) -> Outcome:
    return channel.send(notification, now=NOW)


def test_a_letter_says_what_happened(port: int) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port):
        outcome = send(email(port, "ops@example.org", "team@example.org"))
    assert outcome.result is Result.DELIVERED, outcome
    [(recipients, letter)] = mailbox.taken
    assert recipients == ["ops@example.org", "team@example.org"]
    assert letter["Subject"] == "Drift of free-seats: boarded, delay"
    assert letter["From"] == "drift@example.org"
    assert "boarded: mean 14 → 2 (1.5 sd)" in letter.get_content().splitlines()


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_every_notification_is_a_letter(port: int, notification: Notification) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port):
        assert send(email(port), notification).result is Result.DELIVERED
    [(_, letter)] = mailbox.taken
    assert letter.defects == []


def test_a_repeat_has_the_same_message_id_and_the_end_the_same_conversation(port: int) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port):
        for notification in (told.FIRING, told.FIRING, told.RESOLVED):
            send(email(port), notification)
    first, again, end = (letter for _, letter in mailbox.taken)
    assert first["Message-ID"] == again["Message-ID"] == "<transition_firing@example.org>"
    assert end["Message-ID"] != first["Message-ID"]
    assert end["References"] == first["References"] == "<alert_1@example.org>"


def test_starttls_and_a_login_over_it(port: int, certificates: Certificates) -> None:
    mailbox = Mailbox()
    with serving(
        mailbox,
        port,
        tls_context=certificates.server,
        require_starttls=True,
        auth_required=True,
        authenticator=mailbox.login,
    ):
        way_out = through(tls=certificates.trust)
        channel = email(port, starttls=True, username=USER, password=PASSWORD, egress=way_out)
        outcome = send(channel)
    assert outcome.result is Result.DELIVERED, outcome
    assert mailbox.logins == [(USER.encode(), PASSWORD.encode())]
    assert len(mailbox.taken) == 1


def test_a_wrong_password_is_refused_for_good(port: int, certificates: Certificates) -> None:
    mailbox = Mailbox()
    options = {"tls_context": certificates.server, "authenticator": mailbox.login}
    with serving(mailbox, port, **options):
        way_out = through(tls=certificates.trust)
        channel = email(port, starttls=True, username=USER, password="wrong", egress=way_out)
        outcome = send(channel)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "SMTP 535")
    assert "wrong" not in repr(channel)


def test_a_server_without_starttls_gets_nothing(port: int) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port):
        outcome = send(email(port, starttls=True))
    assert (outcome.result, mailbox.taken) == (Result.RETRY, [])
    assert "SMTPNotSupportedError" in outcome.detail


def test_a_certificate_that_is_not_trusted_gets_nothing(
    port: int, certificates: Certificates
) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port, tls_context=certificates.server):
        outcome = send(email(port, starttls=True))
    assert (outcome.result, mailbox.taken) == (Result.RETRY, [])
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail


def test_tls_from_the_first_byte(port: int, certificates: Certificates) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port, ssl_context=certificates.server):
        way_out = through(tls=certificates.trust)
        outcome = send(email(port, url=f"smtps://{HOST}:{port}", egress=way_out))
    assert outcome.result is Result.DELIVERED, outcome
    assert len(mailbox.taken) == 1


@pytest.mark.parametrize(
    ("refusals", "result"),
    [
        ({"a@example.org": "550 unknown"}, Result.DELIVERED),
        ({"a@example.org": "450 later"}, Result.RETRY),
        ({"a@example.org": "550 unknown", "b@example.org": "550 unknown"}, Result.FAILED),
        ({"a@example.org": "550 unknown", "b@example.org": "450 later"}, Result.RETRY),
    ],
)
def test_recipients_who_may_be_taken_later_are_tried_again(
    port: int, refusals: dict[str, str], result: Result
) -> None:
    with serving(Mailbox(refusals), port):
        outcome = send(email(port, "a@example.org", "b@example.org"))
    assert outcome.result is result
    assert not {"unknown", "later"} & set(outcome.detail.split())


@contextmanager
def saying(replies: list[bytes]) -> Iterator[int]:
    """The port of a server that says one of these at first and one after every line it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connected, _ = server.accept()
            # The channel may hang up, as some tests want it to.
            with connected, connected.makefile("rb") as lines, suppress(OSError):
                for reply in replies:
                    connected.sendall(reply)
                    if not lines.readline():
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("code", range(200, 600, 7))
def test_every_refusal_to_take_the_letter_has_its_outcome(code: int) -> None:
    talk = [b"220 x\r\n", b"250 x\r\n", b"%d no\r\n" % code, b"221 x\r\n"]
    with saying(talk) as port:
        outcome = send(email(port))
    assert outcome.result is (Result.FAILED if code >= 500 else Result.RETRY)


@given(st.lists(st.binary(max_size=50).map(lambda line: line + b"\r\n"), max_size=4))
def test_no_answer_is_a_surprise(replies: list[bytes]) -> None:
    with saying([b"220 x\r\n", *replies]) as port:
        outcome = send(email(port, username=USER, password=PASSWORD))
    assert outcome.result is not Result.DELIVERED


def test_a_server_that_never_ends_an_answer_is_left() -> None:
    with endpoint.listening(endpoint.dripping()) as receiver:
        started = time.monotonic()
        outcome = send(email(receiver.port, egress=through(0.5)))
    assert (outcome.result, time.monotonic() - started < 60) == (Result.RETRY, True)


def test_a_closed_port_is_tried_again(port: int) -> None:
    assert send(email(port)).result is Result.RETRY


def test_a_private_address_is_never_connected_to(port: int) -> None:
    mailbox = Mailbox()
    with serving(mailbox, port):
        outcome = send(email(port, egress=Egress(), url=f"smtp://127.0.0.1:{port}"))
    assert (outcome.result, mailbox.taken) == (Result.FAILED, [])
