"""Who may push: whoever holds a bearer token of a file that holds no token.

A line of the file has the SHA-256 of a token, in hexadecimal, and the names of the monitors that it
is for; without names it is for all of them. Several may be in force at a time, so that one can be
replaced without a gap. Empty lines, and lines that begin with #, are left out::

    # printf %s "$TOKEN" | sha256sum
    5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8  free-seats delays
"""

import hashlib
import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

_LINE = re.compile(r"([0-9a-fA-F]{64})((?:\s+[^\s#]+)*)\s*(?:#.*)?")

Monitors = Collection[str] | None
"""Those that somebody may push to; None for all of them."""

ALL: Monitors = None
NOBODY: Monitors = ()


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
        tokens[bytes.fromhex(match[1])] = match[2].split() or ALL
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
