"""Who may do what at the ingest address."""

import ipaddress
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from monitor.collector.tokens import ALL, NOBODY, Monitors, Tokens

Scope = MutableMapping[str, Any]


class AccessError(ValueError):
    """An address that more could reach than should; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Access:
    """tokens: one of these is needed; None where none is. needs_certificate: so is a certificate
    that the authority of our clients has signed.
    """

    tokens: Tokens | None = None
    needs_certificate: bool = False

    def monitors(self, scope: Scope, headers: Mapping[str, str]) -> Monitors:
        """Which monitors the caller may push to, and no others. headers: in lower case."""
        if self.needs_certificate and not has_certificate(scope):
            return NOBODY
        if self.tokens is None:
            return ALL
        return self.tokens.monitors(headers.get("authorization", "").encode("latin-1"))


def has_certificate(scope: Scope) -> bool:
    """Whether the caller has shown one; the handshake has refused all that are not good.

    As the TLS extension of ASGI says it: https://asgi.readthedocs.io/en/latest/specs/tls.html
    """
    return bool(scope.get("extensions", {}).get("tls", {}).get("client_cert_chain"))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address. Names other than localhost may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(host: str, *, is_authenticated: bool, is_open: bool) -> None:
    """Raises AccessError for an address beyond this machine that asks nobody who they are.

    is_open: it is meant to.
    """
    if is_authenticated or is_open or is_loopback(host):
        return
    raise AccessError(
        f"--ingest {host} is not loopback, and everybody who reaches it could push rows: give "
        "--ingest-token-file FILE, or --ingest-client-ca FILE; or, where the network lets only "
        "the right ones through, --ingest-without-authentication"
    )
