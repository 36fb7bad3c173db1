"""Tells a story to a terminal, with a line that moves; or to a file, in plain lines."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.status import Status
from rich.text import Text

_MARGIN = 2


class Narrator:
    """Prints headings, lines and small tables; `progress` replaces itself where it can."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.quiet()

    def heading(self, text: str, style: str = "bold") -> None:
        self._console.print()
        self._print(Text(text, style=style), margin=0)

    def line(self, text: str, style: str = "", *, margin: int = _MARGIN) -> None:
        self._print(Text(text, style=style), margin=margin)

    def table(self, rows: Sequence[Sequence[str]], style: str = "", margin: int = _MARGIN) -> None:
        """Rows of cells, aligned in columns."""
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
            self._print(Text("   ".join(cells).rstrip(), style=style), margin=margin)

    def progress(self, text: str) -> None:
        """What goes on right now; not shown where lines cannot be replaced."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = Status(text, console=self._console, spinner="dots")
            self._status.start()
        self._status.update(text)

    def quiet(self) -> None:
        """Takes the line of progress away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print(self, text: Text, *, margin: int) -> None:
        self._console.print(Text(" " * margin) + text, soft_wrap=True, highlight=False)
