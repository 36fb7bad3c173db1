"""The quotas in force: of a file, which is read again when it has changed."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from monitor.spec.documents import load_quotas
from monitor.spec.quotas import Quota

log = logging.getLogger(__name__)


class QuotasInForce(Protocol):
    """Any thread may ask."""

    def of(self, namespace: str, /) -> Quota: ...


UNLIMITED = Quota()


class NoQuotas:
    """Nobody has a limit."""

    def of(self, namespace: str, /) -> Quota:  # noqa: ARG002 - the same for each
        return UNLIMITED


class QuotaFile:
    """Those of a file. A change that cannot be read is logged and changes nothing.

    Raises DocumentError or OSError where the file cannot be used at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._of = _found(path)

    def of(self, namespace: str, /) -> Quota:
        self._refresh()
        return self._of(namespace)

    def _refresh(self) -> None:
        try:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._of = _found(self._path)
        except (OSError, ValueError) as error:
            log.warning("the quotas are as they were: %s", error)

    def _state(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def quotas_of(path: Path | None) -> QuotasInForce:
    """Of the file, if there is one. Raises DocumentError, OSError."""
    return NoQuotas() if path is None else QuotaFile(path)


def _found(path: Path) -> Callable[[str], Quota]:
    """The quota of each namespace in a file; asked for each request, it is put together once."""
    (found,) = load_quotas(path)
    return lru_cache(maxsize=1_024)(found.of)
