"""Signatures against the reference library."""

import base64
import secrets
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from alerts.webhooks import SecretError, SignatureError, check_secret, new_secret, sign, verify

# The vector of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes size!").decode()
NOW = 1_614_265_330.0
BODY = b'{"test": 2432232314}'
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


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
        check_secret(secret)
    assert not secret.strip() or secret not in str(refused.value)


def test_a_new_secret_has_32_random_bytes() -> None:
    secret = new_secret(secrets.token_bytes)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
