"""The digest of a folder's content, and copies that have the content they are said to have."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 1 << 30
MOST_FILES = 10_000


class FolderError(ValueError):
    """A folder that cannot be taken for an artifact, with the path and the reason."""


def folder_digest(folder: Path) -> str:
    """sha256, in hexadecimal, of the names and contents of all files below a folder.

    For each file, in the order of its path's bytes: length of the path, path with "/", length of
    the content, content; lengths in 8 bytes, big-endian. Times, owners, modes and empty folders
    do not count. Raises FolderError for a link or a special file, and where there is too much.
    """
    digest = hashlib.sha256()
    for path, content in _files(folder):
        _add(digest, path, content)
    return digest.hexdigest()


def copy_folder(folder: Path, to: Path) -> str:
    """Copies the files of a folder and returns the digest of what was copied.

    Whoever checks the copy's digest and then uses the copy cannot be shown one content and given
    another. Raises FolderError as `folder_digest` does.
    """
    digest = hashlib.sha256()
    for path, content in _files(folder):
        _add(digest, path, content)
        target = to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Paths below the folder and what each holds, in the order of the digest."""
    n_bytes = 0
    for path in _paths(folder):
        content = _read(folder / path, LARGEST_BYTES - n_bytes)
        n_bytes += len(content)
        yield path, content


def _paths(folder: Path) -> list[str]:
    paths: list[str] = []
    for root, folders, files in os.walk(folder, onerror=_refuse):
        entries = [Path(root) / name for name in (*folders, *files)]
        if links := [entry for entry in entries if entry.is_symlink()]:
            raise FolderError(f"{links[0]} is a link")
        paths += [Path(root, name).relative_to(folder).as_posix() for name in files]
        if len(paths) > MOST_FILES:
            raise FolderError(f"{folder} holds more than {MOST_FILES} files")
    if not paths:
        raise FolderError(f"{folder} holds no file")
    return sorted(paths, key=os.fsencode)


def _refuse(error: OSError) -> None:
    raise FolderError(str(error)) from error


def _read(path: Path, limit: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise FolderError(str(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FolderError(f"{path} is no regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise FolderError(f"more than {LARGEST_BYTES >> 20} MiB with {path}")
    return content


def _add(digest: "hashlib._Hash", path: str, content: bytes) -> None:
    for part in (os.fsencode(path), content):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
