"""Heads that came before, byte for byte.

A client that calls a model again and again sends the same head again and again, and so does the
model. Parsing it once is enough: the same bytes at the beginning of a message mean the same.
"""

from typing import Generic, TypeVar

Head = TypeVar("Head")

MAX_HEADS = 512
MAX_BYTES = 2048
END = b"\r\n\r\n"


class KnownHeads(Generic[Head]):
    """What was parsed, by the bytes that it was parsed from."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def __len__(self) -> int:
        return len(self._heads)

    def find(self, data: bytes) -> tuple[Head, int] | None:
        """The head with which the data begin, and where it ends, if it is known."""
        end = data.find(END, 0, MAX_BYTES) + len(END)
        head = self._heads.get(data[:end])
        return None if head is None else (head, end)

    def add(self, data: bytes, head: Head, n_headers: int) -> None:
        """data: begin with the bytes that were parsed as `head`, with so many headers.

        A head is taken only where every line ends as it should, so that there is no doubt about
        which bytes it was parsed from.
        """
        end = data.find(END, 0, MAX_BYTES) + len(END)
        raw = data[:end]
        n_lines = raw.count(b"\r\n")
        if end < len(END) or n_lines != n_headers + 2 or raw.count(b"\n") != n_lines:
            return
        if len(self._heads) == MAX_HEADS:
            self._heads.clear()
        self._heads[raw] = head
