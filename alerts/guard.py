"""Where notifications may go: no address inside our own network unless it is allowed.

A URL that somebody configures makes this process connect to where it says. So the name is
resolved here, every address is checked, and the connection goes to the checked address: a name
that resolves differently a moment later changes nothing (server-side request forgery by DNS
rebinding). See https://owasp.org/API-Security/editions/2023/en/0xa7-server-side-request-forgery/
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import quote, urlsplit

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Addresses of a host and port; raises OSError if there are none."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme of URLs, and the ports at which public addresses may be called by it."""

    default_port: int
    public_ports: frozenset[int]


WEB = {
    "http": Scheme(80, frozenset()),
    "https": Scheme(443, frozenset({443, 8443})),
}
MAIL = {
    "smtp": Scheme(587, frozenset({587})),
    "smtps": Scheme(465, frozenset({465})),
}

DENIED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and cloud metadata in some clouds
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local: cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments: cloud metadata in some clouds
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/3",  # unspecified, loopback, IPv4-compatible, NAT64 (64:ff9b::), discard (100::)
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
        "4000::/2",  # not assigned; SRv6 (5f00::/16)
        "8000::/1",  # not assigned; unique local, link-local, site-local, multicast
    )
)


class ForbiddenTargetError(ValueError):
    """The URL, or an address that it leads to, is not one that we connect to."""


def system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place to connect to.

    addresses: numeric, each of them checked. path: with the query, percent-encoded.
    """

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides by address. Outside of the networks in `allow`, only a scheme's public ports."""

    allow: tuple[Network, ...] = ()
    resolver: Resolver = system_resolver

    def check(self, url: str, schemes: Mapping[str, Scheme] = WEB) -> Target:
        """Resolves a URL of one of these schemes and checks every address that it leads to.

        Raises ForbiddenTargetError, saying why, and OSError if the name does not resolve.
        """
        scheme, host, port, path = _parts(url, schemes)
        try:
            addresses = tuple(self.resolver(host, port))
        except ValueError:  # not encodable as a host name
            raise ForbiddenTargetError(f"{host!r} is not a host name") from None
        if not addresses:
            raise ForbiddenTargetError(f"{host!r} has no address")
        allowed = [self._is_allowed(host, _plain(address)) for address in addresses]
        if not all(allowed) and port not in schemes[scheme].public_ports:
            raise ForbiddenTargetError(
                f"{host!r}: only {_public(schemes)}, unless its network is allowed"
            )
        return Target(scheme, host, port, path, addresses)

    def _is_allowed(self, host: str, address: IpAddress) -> bool:
        """Whether it is in a network of `allow`; if not it is public, or ForbiddenTargetError."""
        if _within(address, self.allow):
            return True
        if _within(address, DENIED):
            where = f"{host!r}" if host == str(address) else f"{host!r} ({address})"
            raise ForbiddenTargetError(f"{where} is not a public address, and not allowed")
        return False


def _public(schemes: Mapping[str, Scheme]) -> str:
    """What public addresses may be called by, for people: "https on port 443 or 8443"."""
    return ", ".join(
        f"{name} on port {' or '.join(map(str, sorted(scheme.public_ports)))}"
        for name, scheme in schemes.items()
        if scheme.public_ports
    )


def _parts(url: str, schemes: Mapping[str, Scheme]) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenTargetError(f"not a URL: {error}") from None
    if parts.scheme not in schemes:
        raise ForbiddenTargetError(f"only {' and '.join(schemes)} URLs can be called")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenTargetError("a user name in a URL is refused: it hides the host")
    if not parts.hostname:
        raise ForbiddenTargetError("the URL names no host")
    query = f"?{parts.query}" if parts.query else ""
    path = quote((parts.path or "/") + query, safe="/?%:@!$&'()*+,;=~-._")
    return parts.scheme, parts.hostname, port or schemes[parts.scheme].default_port, path


def _plain(address: str) -> IpAddress:
    """The address that packets would go to: an IPv4 address mapped into IPv6 is itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise ForbiddenTargetError(f"{address!r} is not an address") from None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _within(address: IpAddress, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
