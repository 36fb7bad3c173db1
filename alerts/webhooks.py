"""Signatures of Standard Webhooks 1.0: the sender's half, and the receiver's.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping

PREFIX = "whsec_"
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
TOLERANCE_S = 300.0


class SecretError(ValueError):
    """A signing secret is malformed. The message does not contain it."""


class SignatureError(Exception):
    """A request is not one that the holder of the secret made just now."""


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A signing secret of 32 bytes, from a source such as `secrets.token_bytes`."""
    return PREFIX + base64.b64encode(random_bytes(32)).decode()


def sign(
    secret: str,
    id: str,  # noqa: A002  the standard's word
    timestamp: float,
    body: bytes,
) -> dict[str, str]:
    """The three headers of an attempt made at `timestamp`, seconds since 1970.

    secret: during a rotation both secrets, separated by white space: each makes a signature.
    Raises SecretError.
    """
    if "." in id:
        raise ValueError(f"the id {id!r} contains a '.', which separates what is signed")
    seconds = str(int(timestamp))
    signatures = [_signature(key, id, seconds, body) for key in _keys(secret)]
    return {
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(signatures),
    }


def check_secret(secret: str) -> None:
    """Raises SecretError unless `sign` would take it."""
    _keys(secret)


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance_s: float = TOLERANCE_S,
) -> None:
    """Returns if the request was signed with the secret at most `tolerance_s` from `now`.

    Header names are taken in any case. A receiver must also remember ids: this does not tell a
    repeated delivery from the first. Raises SignatureError, and SecretError.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id_, seconds = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
    except KeyError as missing:
        raise SignatureError(f"the header {missing} is missing") from None
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        raise SignatureError("webhook-timestamp is not a number of seconds")
    if abs(now - int(seconds)) > tolerance_s:
        raise SignatureError("webhook-timestamp is too far from now")
    expected = [_signature(key, id_, seconds, body).encode() for key in _keys(secret)]
    matches = [hmac.compare_digest(one, other.encode()) for one in expected for other in signatures]
    if not any(matches):
        raise SignatureError("no signature matches")


def _signature(key: bytes, id_: str, seconds: str, body: bytes) -> str:
    signed = f"{id_}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _keys(secret: str) -> list[bytes]:
    keys = [_key(one) for one in secret.split()]
    if not keys:
        raise SecretError("the secret is empty")
    return keys


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(f"a secret is {PREFIX} followed by base64, and this is not") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise SecretError(f"a secret has 24 to 64 bytes, and this has {len(key)}")
    return key
