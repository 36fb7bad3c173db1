"""Who may push: whoever holds a bearer token of a file that holds no token.

A line of the file has the SHA-256 of a token, in hexadecimal, and the names of the monitors that it
is for, or `NAMESPACE.*` for all of a namespace; without names it is for all of them. Several may be
in force at a time, so that one can be replaced without a gap. Empty lines, and lines that begin
with #, are left out::

    # printf %s "$TOKEN" | sha256sum
    5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8  free-seats delays transit.*
"""

import hashlib
import logging
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitor.tenants.namespaces import namespace_of

log = logging.getLogger(__name__)

_LINE = re.compile(r"([0-9a-fA-F]{64})((?:\s+[^\s#]+)*)\s*(?:#.*)?")

Monitors = Container[str] | None
"""Those that somebody may push to; None for all of them."""

ALL: Monitors = None
NOBODY: Monitors = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Monitors by their names, and all of some namespaces."""

    names: frozenset[str]
    namespaces: frozenset[str]

    @classmethod
    def of(cls, written: Iterable[str]) -> Self:
        """written: as in the file."""
        given = frozenset(written)
        whole = frozenset(one for one in given if one.endswith(".*"))
        return cls(given - whole, frozenset(one.removesuffix(".*") for one in whole))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            name in self.names or namespace_of(name) in self.namespaces
        )


def namespace_of_all(monitors: Monitors) -> str | None:
    """The one that all of these are of, if they are of one: what they may send is known before
    it has come."""
    if not isinstance(monitors, Named):
        return None
    found = {*monitors.namespaces, *map(namespace_of, monitors.names)}
    return found.pop() if len(found) == 1 else None


class TokenError(ValueError):
    """A file of tokens that cannot be used; the message names the file and the line."""


def read_tokens(text: str, name: str) -> Mapping[bytes, Monitors]:
    """The digests in a file's text, and what each is for. Raises TokenError."""
    tokens: dict[bytes, Monitors] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise TokenError(f"{name}, line {number}: not a SHA-256 and names of monitors")
        named = match[2].split()
        tokens[bytes.fromhex(match[1])] = Named.of(named) if named else ALL
    if not tokens:
        raise TokenError(f"{name} holds no token")
    return tokens


class Tokens:
    """The tokens of a file, which is read again when it has changed.

    A change that cannot be read is logged and changes nothing: who could push still can. Raises
    TokenError or OSError where the file cannot be used at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._tokens = read_tokens(path.read_text(), str(path))

    def monitors(self, authorization: bytes) -> Monitors:
        """What the value of a request's header `Authorization` is good for."""
        self._refresh()
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            return NOBODY
        # A lookup may take longer for one digest than for another, but nobody chooses digests.
        return self._tokens.get(hashlib.sha256(token.strip()).digest(), NOBODY)

    def _refresh(self) -> None:
        try:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._tokens = read_tokens(self._path.read_text(), str(self._path))
        except (OSError, ValueError) as error:  # of what is no UTF-8, too
            log.warning("the tokens are as they were: %s", error)

    def _state(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
