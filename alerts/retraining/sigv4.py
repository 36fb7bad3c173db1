"""AWS Signature Version 4, for a request whose body is at hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key, of whose secret nothing is shown. token: of temporary credentials."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    region: str
    service: str

    def on(self, day: str) -> str:
        return f"{day}/{self.region}/{self.service}/aws4_request"


def signed(
    key: Key,
    scope: Scope,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
) -> dict[str, str]:
    """The headers, with those that sign the request at `now`, seconds since 1970.

    The host is signed, and every header that is given.
    """
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {name.lower(): value for name, value in headers.items()} | {"x-amz-date": moment}
    if key.token:
        sent["x-amz-security-token"] = key.token
    covered = sent | {"host": urlsplit(url).netloc}
    names = ";".join(sorted(covered))
    where = scope.on(moment[:8])
    canonical = _canonical(method, url, covered, body)
    text = "\n".join((ALGORITHM, moment, where, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_signing_key(key, scope, moment[:8]), text.encode(), hashlib.sha256)
    sent["authorization"] = (
        f"{ALGORITHM} Credential={key.id}/{where}, SignedHeaders={names}, "
        f"Signature={signature.hexdigest()}"
    )
    return sent


def _canonical(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    parts = urlsplit(url)
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)]
    query = sorted(
        (_encoded(name), _encoded(value)) for name, value in parse_qsl(parts.query, True)
    )
    return "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *lines,
            "",
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        )
    )


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _signing_key(key: Key, scope: Scope, day: str) -> bytes:
    derived = f"AWS4{key.secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), hashlib.sha256)
    return derived
