"""Ways to know who calls: tokens of a file, tokens of the database, a proxy that has asked."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from monitor.server import tokens
from monitor.server.access import Principal, Role, credential
from monitor.spec.strict import NAMESPACE_PATTERN
from monitor.sql.database import Database
from monitor.tenants.namespaces import ALL, Namespaces

LEAST_CHARACTERS = 24

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class FileToken:
    secret: str
    role: Role
    name: str
    namespaces: Namespaces = ALL


class TokenFileError(ValueError):
    """A file of tokens that cannot be used; the message says why."""


def read_tokens(path: Path) -> list[FileToken]:
    """The tokens of a file, one a line: TOKEN [ROLE[@NAMESPACE[,…]] [NAME]]; an admin's without a
    role.

    Blank lines and lines beginning with # are left out. Raises TokenFileError when there is none,
    for one shorter than 24 characters and for a role or a namespace that is none.
    """
    lines = (line.strip() for line in path.read_text().splitlines())
    found = [_file_token(path, line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise TokenFileError(
            f"{path} holds no token: write one a line, at least 24 characters each"
        )
    return found


def secret_of(path: Path) -> str:
    """The token of a file whose holder may do most. Raises TokenFileError as `read_tokens`."""
    return max(read_tokens(path), key=_power).secret


def _power(token: FileToken) -> tuple[bool, int]:
    return token.namespaces == ALL, list(Role).index(token.role)


def _file_token(path: Path, line: str) -> FileToken:
    secret, *described = line.split(maxsplit=2)
    if len(secret) < LEAST_CHARACTERS:
        raise TokenFileError(f"{path} holds a token shorter than {LEAST_CHARACTERS} characters")
    role, at, namespaces = (described[0] if described else Role.ADMIN.value).partition("@")
    if role not in list(Role):
        raise TokenFileError(f"{path}: {role!r} is not a role: {', '.join(Role)}")
    named = namespaces.split(",") if at else None
    for one in named or ():
        if not re.fullmatch(NAMESPACE_PATTERN, one):
            raise TokenFileError(f"{path}: {one!r} is not a namespace")
    name = described[1] if len(described) > 1 else f"a {role}"
    return FileToken(secret, Role(role), name, Namespaces.of(named))


def in_file(read: Callable[[], Iterable[FileToken]]) -> Callable[[Request], Principal | None]:
    """`read` is asked for every request, so that tokens can be rotated without a restart."""

    def identify(request: Request) -> Principal | None:
        given = credential(request)
        if given is None:
            return None
        digest = hashlib.sha256(given.encode()).digest()
        known = [(hashlib.sha256(one.secret.encode()).digest(), one) for one in read()]
        same = [one for digested, one in known if hmac.compare_digest(digest, digested)]
        if not same:
            return None
        return Principal(same[0].name, same[0].role, "token file", same[0].namespaces)

    return identify


def in_database(
    database: Database, clock: Callable[[], float]
) -> Callable[[Request], Principal | None]:
    def identify(request: Request) -> Principal | None:
        given = credential(request)
        return None if given is None else tokens.find(database, given, clock())

    return identify


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Believes the headers that a proxy sets which has asked an OpenID provider, such as
    oauth2-proxy's `X-Forwarded-User` and `X-Forwarded-Groups`; of nobody but that proxy.

    networks: where the proxy is. admins, operators: groups; who is in none of them looks only.
    members: groups, each with a namespace that its members see. Without any, everybody sees all.
    """

    networks: Collection[Network]
    admins: Collection[str] = ()
    operators: Collection[str] = ()
    members: Collection[tuple[str, str]] = ()

    def __call__(self, request: Request) -> Principal | None:
        headers = request.headers
        name = headers.get("x-forwarded-email") or headers.get("x-forwarded-user")
        if not name or request.client is None or not self._is_proxy(request.client.host):
            return None
        groups = {group.strip() for group in headers.get("x-forwarded-groups", "").split(",")}
        return Principal(name[:200], self._role(groups), "proxy", self._namespaces(groups))

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def _namespaces(self, groups: Collection[str]) -> Namespaces:
        """Admins who are members of no namespace are those of the installation."""
        own = [namespace for group, namespace in self.members if group in groups]
        is_confined = own or (self.members and self._role(groups) is not Role.ADMIN)
        return Namespaces.of(own) if is_confined else ALL

    def _role(self, groups: Collection[str]) -> Role:
        if not set(self.admins).isdisjoint(groups):
            return Role.ADMIN
        return Role.OPERATOR if not set(self.operators).isdisjoint(groups) else Role.VIEWER
