"""A folder on a disk, as the spool needs it: the seam at which tests let a disk fail."""

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from monitor.spool.errors import SpoolInUseError

LOCK = "lock"


class File(Protocol):
    """An open file. Offsets and sizes are bytes; every failure is an OSError."""

    def read(self, n: int, offset: int) -> bytes: ...

    def write(self, data: bytes, offset: int) -> int:
        """How much was written, which may be less than all."""

    def truncate(self, size: int) -> None: ...

    def size(self) -> int: ...

    def sync(self) -> None:
        """When it returns, content and size survive a loss of power.

        After a failure nobody knows what is on the disk, and a second call may say that all is
        well although it is not (Rebello et al., "Can Applications Recover from fsync Failures?",
        USENIX ATC 2020): a file whose sync has failed is not written to again.
        """

    def close(self) -> None: ...


class Disk(Protocol):
    """One folder. Names come and go for good only with `sync`.

    To rename or unlink a file that somebody else has removed does nothing.
    """

    def names(self) -> list[str]: ...

    def create(self, name: str) -> File: ...

    def open(self, name: str) -> File: ...

    def rename(self, old: str, new: str) -> None: ...

    def unlink(self, name: str) -> None: ...

    def sync(self) -> None: ...

    def lock(self) -> None:
        """Keeps other processes out until `close`. Raises SpoolInUseError."""

    def close(self) -> None: ...


def write_all(file: File, data: bytes, offset: int) -> None:
    """A full disk may take a part of the data first, and say only then that it is full."""
    done = file.write(data, offset)
    while done < len(data):
        done += file.write(data[done:], offset + done)


class RealFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, n: int, offset: int) -> bytes:
        return os.pread(self._descriptor, n, offset)

    def write(self, data: bytes, offset: int) -> int:
        return os.pwrite(self._descriptor, data, offset)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def sync(self) -> None:
        if sys.platform == "darwin":
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)  # its fsync stops at the drive's cache
        else:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class RealDisk:
    """A folder, made if it is not there. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        missing = [path for path in (self._folder, *self._folder.parents) if not path.exists()]
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            _sync_folder(path.parent)
        self._lock: int | None = None

    def names(self) -> list[str]:
        return [path.name for path in self._folder.iterdir()]

    def create(self, name: str) -> RealFile:
        return self._opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def open(self, name: str) -> RealFile:
        return self._opened(name, os.O_RDWR)

    def _opened(self, name: str, flags: int) -> RealFile:
        return RealFile(os.open(self._folder / name, flags | os.O_CLOEXEC, 0o600))

    def rename(self, old: str, new: str) -> None:
        with suppress(FileNotFoundError):
            (self._folder / old).rename(self._folder / new)

    def unlink(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        _sync_folder(self._folder)

    def lock(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._lock = os.open(self._folder / LOCK, flags, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise SpoolInUseError(f"another process spools into {self._folder}") from error

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
