"""The generic webhook, and with it the way out of every channel, over real connections."""

import base64
import secrets
import socket
import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest

from alerts.channels.webhook import Webhook
from alerts.delivery import Result
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import CONTENT_TYPE, Origin, notification
from alerts.webhooks import SecretError, new_secret, verify
from tests.alerts import endpoint
from tests.alerts.reports import firing
from tests.conftest import Needs

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes size!").decode()
NOW = 1_614_265_330.0

LOOPBACK = Egress(guard=Guard(allow=(ip_network("127.0.0.0/8"),)))
NOTIFICATION = notification(firing(), Origin(), id="transition_1", type="t", at=0.0)


def test_a_malformed_secret_is_refused() -> None:
    with pytest.raises(SecretError):
        Webhook(url="https://hooks.example", secret="whsec_c2hvcnQ=")


def test_the_secret_is_not_shown() -> None:
    secret = new_secret(secrets.token_bytes)
    assert secret not in repr(Webhook(url="https://hooks.example", secret=secret))


def test_what_is_sent_is_verified_by_the_receiver() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        webhook = Webhook(url=f"{receiver.url}/204", secret=SECRET, egress=LOOPBACK)
        assert webhook.send(NOTIFICATION, now=NOW).result is Result.DELIVERED
    (request,) = receiver.requests
    verify(SECRET, request.headers, request.body, now=NOW)
    assert request.body == NOTIFICATION.body()
    assert request.headers["content-type"] == CONTENT_TYPE
    assert request.headers["webhook-id"] == NOTIFICATION.id


def test_a_second_attempt_has_the_same_id_and_a_new_signature() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        webhook = Webhook(url=f"{receiver.url}/503", secret=SECRET, egress=LOOPBACK)
        webhook.send(NOTIFICATION, now=NOW)
        webhook.send(NOTIFICATION, now=NOW + 5)
    first, second = (request.headers for request in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5
    assert first["webhook-signature"] != second["webhook-signature"]


def test_a_secret_file_may_be_in_rotation_while_sending() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        both = Webhook(url=f"{receiver.url}/200", secret=f"{SECRET} {OTHER}", egress=LOOPBACK)
        both.send(NOTIFICATION, now=NOW)
    (request,) = receiver.requests
    verify(OTHER, request.headers, request.body, now=NOW)


def test_a_wait_that_the_endpoint_asks_for_is_passed_on() -> None:
    answer = endpoint.saying(endpoint.status(429, "Retry-After: 77"))
    with endpoint.listening(answer) as receiver:
        outcome = Webhook(url=receiver.url, secret=SECRET, egress=LOOPBACK).send(
            NOTIFICATION, now=NOW
        )
    assert (outcome.status, outcome.retry_after_s) == (429, 77)


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:{port}/200", "/200", "http://169.254.169.254/", "file:///x"]
)
def test_a_redirect_is_a_failure_and_not_followed(location: str) -> None:
    def redirect(_path: str, connection: socket.socket) -> None:
        there = location.format(port=receiver.port)
        connection.sendall(endpoint.status(302, f"Location: {there}"))

    with endpoint.listening(redirect) as receiver:
        outcome = Webhook(url=receiver.url, secret=SECRET, egress=LOOPBACK).send(
            NOTIFICATION, now=NOW
        )
    assert (outcome.result, outcome.status) == (Result.FAILED, 302)
    assert len(receiver.requests) == 1


def test_proxy_variables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        endpoint.listening(endpoint.by_path) as proxy,
        endpoint.listening(endpoint.by_path) as receiver,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        Webhook(url=f"{receiver.url}/200", secret=SECRET, egress=LOOPBACK).send(
            NOTIFICATION, now=NOW
        )
    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


def test_an_international_name_is_sent_as_dns_knows_it() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        url = f"http://bücher.example:{receiver.port}/200"
        Webhook(url=url, secret=SECRET, egress=_to("bücher.example")).send(NOTIFICATION, now=NOW)
    (request,) = receiver.requests
    assert request.headers["host"] == f"xn--bcher-kva.example:{receiver.port}"


def _tls(needs: Needs, folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server for `name` shows, and a client's trust in exactly that."""
    crt, key = endpoint.certificate(needs("openssl"), folder, name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(crt, key)
    return server, ssl.create_default_context(cafile=str(crt))


def _to(name: str, tls: ssl.SSLContext | None = None) -> Egress:
    """A way out by which `name` is at 127.0.0.1."""
    guard = Guard(
        allow=(ip_network("127.0.0.0/8"),), resolver=lambda host, _: {name: ["127.0.0.1"]}[host]
    )
    return Egress(guard=guard, tls=tls)


def test_tls_verifies_the_name_although_the_connection_goes_to_an_address(
    needs: Needs, tmp_path: Path
) -> None:
    server, trust = _tls(needs, tmp_path, "hooks.example")
    with endpoint.listening(endpoint.by_path, server) as receiver:
        webhook = Webhook(
            url=f"https://hooks.example:{receiver.port}/200",
            secret=SECRET,
            egress=_to("hooks.example", trust),
        )
        assert webhook.send(NOTIFICATION, now=NOW).result is Result.DELIVERED
    (request,) = receiver.requests
    assert request.headers["host"] == f"hooks.example:{receiver.port}"


def test_a_certificate_for_another_name_or_of_an_unknown_authority_is_refused(
    needs: Needs, tmp_path: Path
) -> None:
    server, trust = _tls(needs, tmp_path, "hooks.example")
    with endpoint.listening(endpoint.by_path, server) as receiver:
        for name, tls in (("other.example", trust), ("hooks.example", None)):
            url = f"https://{name}:{receiver.port}/200"
            outcome = Webhook(url=url, secret=SECRET, egress=_to(name, tls)).send(
                NOTIFICATION, now=NOW
            )
            assert outcome.result is Result.RETRY
            assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    assert receiver.requests == []
