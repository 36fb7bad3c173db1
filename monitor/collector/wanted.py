"""What the recorder can make use of, as the proxy knows it."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Self

N_KNOWN = 1024


class Wanted:
    """paths: regular expressions; None while they are not known, then anything may be of use.

    headers: names of headers to keep with the bodies, in lower case.
    is_ready: whether batches may come. Before, every monitor would be unknown.
    """

    def __init__(
        self,
        paths: Sequence[str] | None = None,
        headers: Collection[str] = (),
        *,
        is_ready: bool = False,
    ) -> None:
        self.paths = paths
        self.headers = frozenset(name.encode() for name in headers)
        self.is_ready = is_ready
        self._patterns = [re.compile(path) for path in paths or [".*"]]
        self._known: dict[bytes, bool] = {}

    def has_path(self, target: bytes) -> bool:
        """Whether requests for this target are to be captured."""
        known = self._known.get(target)
        if known is None:
            if len(self._known) == N_KNOWN:
                self._known.clear()
            path = target.partition(b"?")[0].decode("ascii")
            known = any(pattern.fullmatch(path) for pattern in self._patterns)
            self._known[target] = known
        return known

    def without_recorder(self) -> "Wanted":
        """The same, while there is nobody to take it."""
        return Wanted(self.paths, [name.decode() for name in self.headers])

    def to_bytes(self) -> bytes:
        return json.dumps(
            {
                "paths": self.paths,
                "headers": sorted(name.decode() for name in self.headers),
                "is_ready": self.is_ready,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        return cls(**json.loads(raw))
