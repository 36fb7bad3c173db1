"""A disk in memory that can be full, can fail, and can lose its power at any moment.

It stands in for a real one in tests. What it may lose is what POSIX lets a disk lose: everything
that was not synced, in any combination, down to sectors of one write; names apart from contents.
The method is that of Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monitor.spool.errors import SpoolInUseError

SECTOR_BYTES = 512

Fault = Callable[[str, str], None]
"""Called before an operation ("write", "sync", …) on a name; raises OSError to make it fail."""


def no_fault(operation: str, name: str) -> None:
    """Lets everything happen."""


@dataclass(slots=True, eq=False)
class Content:
    """What a name stands for."""

    data: bytearray


class Operation(NamedTuple):
    """One change of the disk: of a content, or of the names if there is none."""

    kind: str
    content: Content | None = None
    name: str = ""
    new_name: str = ""
    offset: int = 0
    data: bytes = b""


class SimulatedDisk:
    """trace: what was done to it, in order.

    capacity_bytes: of all files together; a write takes what there is room for, as a real one.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        capacity_bytes: int | None = None,
        fault: Fault = no_fault,
    ) -> None:
        self.capacity_bytes = capacity_bytes
        self.fault = fault
        self.contents = {name: Content(bytearray(data)) for name, data in (files or {}).items()}
        self.trace: list[Operation] = []
        self._is_locked = False

    @property
    def files(self) -> dict[str, bytes]:
        return {name: bytes(content.data) for name, content in self.contents.items()}

    def names(self) -> list[str]:
        return list(self.contents)

    def create(self, name: str) -> "SimulatedFile":
        self.fault("create", name)
        if name in self.contents:
            raise FileExistsError(errno.EEXIST, "it exists", name)
        content = self.contents[name] = Content(bytearray())
        self.trace.append(Operation("create", name=name, content=content))
        return SimulatedFile(self, name, content)

    def open(self, name: str) -> "SimulatedFile":
        self.fault("open", name)
        if name not in self.contents:
            raise FileNotFoundError(errno.ENOENT, "it does not exist", name)
        return SimulatedFile(self, name, self.contents[name])

    def rename(self, old: str, new: str) -> None:
        self.fault("rename", old)
        if old in self.contents:
            self.contents[new] = self.contents.pop(old)
            self.trace.append(Operation("rename", name=old, new_name=new))

    def unlink(self, name: str) -> None:
        self.fault("unlink", name)
        if self.contents.pop(name, None) is not None:
            self.trace.append(Operation("unlink", name=name))

    def sync(self) -> None:
        self.fault("sync", "")
        self.trace.append(Operation("sync names"))

    def lock(self) -> None:
        if self._is_locked:
            raise SpoolInUseError("somebody else spools into this disk")
        self._is_locked = True

    def close(self) -> None:
        self._is_locked = False

    def room_bytes(self) -> int | None:
        if self.capacity_bytes is None:
            return None
        used = sum(len(content.data) for content in self.contents.values())
        return max(self.capacity_bytes - used, 0)

    def after_power_loss(self, at: int, survives: Callable[[], bool]) -> "SimulatedDisk":
        """The disk as it may be when the power fails after `at` operations.

        survives: asked of everything that was not synced by then. The disk began empty.
        """
        trace = self.trace[:at]
        copies: dict[int, Content] = {}
        names: dict[str, Content] = {}
        for operation, is_safe in zip(trace, _safe(trace), strict=True):
            if operation.kind in ("create", "rename", "unlink"):
                if is_safe or survives():
                    _apply_to_names(operation, names, copies)
            else:
                _apply_to_content(operation, copies, _always if is_safe else survives)
        return SimulatedDisk({name: bytes(content.data) for name, content in names.items()})


class SimulatedFile:
    def __init__(self, disk: SimulatedDisk, name: str, content: Content) -> None:
        self._disk = disk
        self._name = name
        self._content = content

    def read(self, n: int, offset: int) -> bytes:
        self._disk.fault("read", self._name)
        return bytes(self._content.data[offset : offset + n])

    def write(self, data: bytes, offset: int) -> int:
        self._disk.fault("write", self._name)
        content, room = self._content.data, self._disk.room_bytes()
        if room is not None:
            data = data[: max(len(content) - offset, 0) + room]
            if not data:
                raise OSError(errno.ENOSPC, "no space left", self._name)
        _put(content, data, offset)
        self._trace("write", offset, data)
        return len(data)

    def truncate(self, size: int) -> None:
        self._disk.fault("truncate", self._name)
        _cut(self._content.data, size)
        self._trace("truncate", size)

    def size(self) -> int:
        return len(self._content.data)

    def sync(self) -> None:
        try:
            self._disk.fault("sync", self._name)
        except OSError:
            self._trace("failed sync")
            raise
        self._trace("sync")

    def close(self) -> None:
        self._disk.fault("close", self._name)

    def _trace(self, kind: str, offset: int = 0, data: bytes = b"") -> None:
        self._disk.trace.append(
            Operation(kind, content=self._content, name=self._name, offset=offset, data=data)
        )


def _always() -> bool:
    return True


def _put(content: bytearray, data: bytes, offset: int) -> None:
    content.extend(bytes(max(offset + len(data) - len(content), 0)))
    content[offset : offset + len(data)] = data


def _cut(content: bytearray, size: int) -> None:
    content.extend(bytes(max(size - len(content), 0)))
    del content[size:]


def _safe(trace: Iterable[Operation]) -> list[bool]:
    """Of each operation, whether a sync that succeeded came next among those that could sync it."""
    operations = list(trace)
    safe = [False] * len(operations)
    synced: dict[int, bool] = {}
    names_synced = False
    for i in range(len(operations) - 1, -1, -1):
        kind, content = operations[i].kind, operations[i].content
        if kind == "sync names":
            names_synced = True
        elif kind in ("sync", "failed sync"):
            synced[id(content)] = kind == "sync"
        elif kind in ("create", "rename", "unlink"):
            safe[i] = names_synced
        else:
            safe[i] = synced.get(id(content), False)
    return safe


def _apply_to_names(
    operation: Operation, names: dict[str, Content], copies: dict[int, Content]
) -> None:
    if operation.kind == "create":
        names[operation.name] = copies.setdefault(id(operation.content), Content(bytearray()))
    elif operation.name in names:
        content = names.pop(operation.name)
        if operation.kind == "rename":
            names[operation.new_name] = content


def _apply_to_content(
    operation: Operation, copies: dict[int, Content], survives: Callable[[], bool]
) -> None:
    data = copies.setdefault(id(operation.content), Content(bytearray())).data
    if operation.kind == "truncate" and survives():
        _cut(data, operation.offset)
    elif operation.kind == "write":
        for start, sector in _sectors(operation):
            if survives():
                _put(data, sector, start)


def _sectors(operation: Operation) -> Iterable[tuple[int, bytes]]:
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        stop = min((start // SECTOR_BYTES + 1) * SECTOR_BYTES, end)
        yield start, operation.data[start - operation.offset : stop - operation.offset]
        start = stop
