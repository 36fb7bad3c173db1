"""Signatures against the reference library, and the whole channel over real connections."""

import base64
import secrets
import socket
import ssl
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import Result
from alerts.guard import Guard
from alerts.notification import CONTENT_TYPE, Origin, notification
from alerts.webhooks import (
    SecretError,
    SignatureError,
    Webhook,
    new_secret,
    sign,
    verify,
)
from tests.alerts import endpoint
from tests.alerts.reports import firing
from tests.conftest import Needs

# The vector of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes size!").decode()
NOW = 1_614_265_330.0
BODY = b'{"test": 2432232314}'
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"

LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"),))
NOTIFICATION = notification(firing(), Origin(), id="transition_1", type="t", at=0.0)


def test_the_published_vector_is_reproduced() -> None:
    assert sign(SECRET, ID, NOW, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(min_size=24, max_size=64), st.text("abc_019", min_size=1), st.text())
def test_the_reference_library_signs_the_same(key: bytes, name: str, text: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    at = datetime.fromtimestamp(NOW, UTC)
    theirs = standardwebhooks.Webhook(secret).sign(name, at, text)
    assert sign(secret, name, NOW, text.encode())["webhook-signature"] == theirs


@given(st.binary(), st.floats(-299, 299))
def test_what_is_signed_is_verified(body: bytes, age: float) -> None:
    verify(SECRET, sign(SECRET, ID, NOW, body), body, now=NOW + age)


def test_header_names_may_come_in_any_case() -> None:
    headers = {name.title(): value for name, value in sign(SECRET, ID, NOW, BODY).items()}
    verify(SECRET, headers, BODY, now=NOW)


def test_any_changed_byte_of_the_body_is_noticed() -> None:
    headers = sign(SECRET, ID, NOW, BODY)
    for at in range(len(BODY)):
        changed = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        with pytest.raises(SignatureError):
            verify(SECRET, headers, changed, now=NOW)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_any_changed_or_missing_header_is_noticed(header: str) -> None:
    headers = sign(SECRET, ID, NOW, BODY)
    for at, letter in enumerate(headers[header]):
        flipped = "0" if letter != "0" else "1"
        changed = headers[header][:at] + flipped + headers[header][at + 1 :]
        with pytest.raises(SignatureError):
            verify(SECRET, {**headers, header: changed}, BODY, now=NOW)
    del headers[header]
    with pytest.raises(SignatureError, match=header):
        verify(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_an_old_or_future_request_is_refused(seconds: float) -> None:
    with pytest.raises(SignatureError, match="too far from now"):
        verify(SECRET, sign(SECRET, ID, NOW, BODY), BODY, now=NOW + seconds)


@pytest.mark.parametrize("timestamp", ["", "soon", "-5", "1e9", "²", "9" * 5000])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    headers = {**sign(SECRET, ID, NOW, BODY), "webhook-timestamp": timestamp}
    with pytest.raises(SignatureError, match="not a number"):
        verify(SECRET, headers, BODY, now=NOW)


def test_during_a_rotation_either_secret_verifies() -> None:
    headers = sign(f"{SECRET}\n{OTHER}\n", ID, NOW, BODY)
    assert len(headers["webhook-signature"].split()) == 2
    verify(SECRET, headers, BODY, now=NOW)
    verify(OTHER, headers, BODY, now=NOW)
    verify(f"{new_secret(secrets.token_bytes)} {OTHER}", headers, BODY, now=NOW)


def test_another_secret_does_not_verify() -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(OTHER, sign(SECRET, ID, NOW, BODY), BODY, now=NOW)


def test_signatures_of_unknown_versions_are_passed_over() -> None:
    headers = sign(SECRET, ID, NOW, BODY)
    headers["webhook-signature"] = f"v1a,é= {headers['webhook-signature']}"
    verify(SECRET, headers, BODY, now=NOW)


def test_an_id_with_a_dot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"contains a '\.'"):
        sign(SECRET, "a.b", NOW, BODY)


@pytest.mark.parametrize(
    "secret", ["", "  \n", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "é", "whsec_" + "A" * 92]
)
def test_a_malformed_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SecretError) as refused:
        Webhook(url="https://hooks.example", secret=secret)
    assert not secret.strip() or secret not in str(refused.value)


def test_a_new_secret_has_32_random_bytes_and_is_not_shown() -> None:
    secret = new_secret(secrets.token_bytes)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret not in repr(Webhook(url="https://hooks.example", secret=secret))


def test_what_is_sent_is_verified_by_the_receiver() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        webhook = Webhook(url=f"{receiver.url}/204", secret=SECRET, guard=LOOPBACK)
        assert webhook.send(NOTIFICATION, now=NOW).result is Result.DELIVERED
    (request,) = receiver.requests
    verify(SECRET, request.headers, request.body, now=NOW)
    assert request.body == NOTIFICATION.body()
    assert request.headers["content-type"] == CONTENT_TYPE
    assert request.headers["webhook-id"] == NOTIFICATION.id


def test_a_second_attempt_has_the_same_id_and_a_new_signature() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        webhook = Webhook(url=f"{receiver.url}/503", secret=SECRET, guard=LOOPBACK)
        webhook.send(NOTIFICATION, now=NOW)
        webhook.send(NOTIFICATION, now=NOW + 5)
    first, second = (request.headers for request in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5
    assert first["webhook-signature"] != second["webhook-signature"]


def test_a_secret_file_may_be_in_rotation_while_sending() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        both = Webhook(url=f"{receiver.url}/200", secret=f"{SECRET} {OTHER}", guard=LOOPBACK)
        both.send(NOTIFICATION, now=NOW)
    (request,) = receiver.requests
    verify(OTHER, request.headers, request.body, now=NOW)


def test_a_wait_that_the_endpoint_asks_for_is_passed_on() -> None:
    answer = endpoint.saying(endpoint.status(429, "Retry-After: 77"))
    with endpoint.listening(answer) as receiver:
        outcome = Webhook(url=receiver.url, secret=SECRET, guard=LOOPBACK).send(
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
        outcome = Webhook(url=receiver.url, secret=SECRET, guard=LOOPBACK).send(
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
        Webhook(url=f"{receiver.url}/200", secret=SECRET, guard=LOOPBACK).send(
            NOTIFICATION, now=NOW
        )
    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


def test_an_international_name_is_sent_as_dns_knows_it() -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        url = f"http://bücher.example:{receiver.port}/200"
        Webhook(url=url, secret=SECRET, guard=_to("bücher.example")).send(NOTIFICATION, now=NOW)
    (request,) = receiver.requests
    assert request.headers["host"] == f"xn--bcher-kva.example:{receiver.port}"


def _tls(needs: Needs, folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server for `name` shows, and a client's trust in exactly that."""
    crt, key = endpoint.certificate(needs("openssl"), folder, name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(crt, key)
    return server, ssl.create_default_context(cafile=str(crt))


def _to(name: str) -> Guard:
    """A guard for which `name` is at 127.0.0.1."""
    return Guard(allow=LOOPBACK.allow, resolver=lambda host, _: {name: ["127.0.0.1"]}[host])


def test_tls_verifies_the_name_although_the_connection_goes_to_an_address(
    needs: Needs, tmp_path: Path
) -> None:
    server, trust = _tls(needs, tmp_path, "hooks.example")
    with endpoint.listening(endpoint.by_path, server) as receiver:
        webhook = Webhook(
            url=f"https://hooks.example:{receiver.port}/200",
            secret=SECRET,
            guard=_to("hooks.example"),
            tls=trust,
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
            outcome = Webhook(url=url, secret=SECRET, guard=_to(name), tls=tls).send(
                NOTIFICATION, now=NOW
            )
            assert outcome.result is Result.RETRY
            assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    assert receiver.requests == []
