"""Fitted references by the hash of their bytes, in a folder or any store that fsspec opens."""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryFile

import fsspec
from fsspec.implementations.local import LocalFileSystem

from detectors.artifact import ArtifactError
from detectors.reference import Reference
from monitor.remote import told_as_os_errors

_ID = re.compile(r"sha256:[0-9a-f]{64}")


class StoreError(Exception):
    """An artifact that is not there, is damaged, or cannot be written."""


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Content-addressed: what an id names can never change.

    url: a folder, or an fsspec URL such as s3://bucket/references.
    """

    url: str

    def put(self, content: bytes) -> str:
        """Keeps the bytes and returns their id, "sha256:…"; a second time changes nothing."""
        artifact_id = f"sha256:{hashlib.sha256(content).hexdigest()}"
        files, path = self._locate(artifact_id)
        try:
            with told_as_os_errors():
                if files.exists(path):
                    return artifact_id
                if isinstance(files, LocalFileSystem):
                    _write_atomically(Path(path), content)
                else:
                    files.pipe_file(path, content)
        except OSError as error:
            raise StoreError(f"cannot write to the store {self.url}: {error}") from error
        return artifact_id

    def get(self, artifact_id: str) -> bytes:
        """The bytes that an id names; their hash is checked."""
        files, path = self._locate(artifact_id)
        try:
            with told_as_os_errors():
                content: bytes = files.cat_file(path)
        except FileNotFoundError as error:
            raise StoreError(
                f"the store {self.url} does not hold {artifact_id}: {error}. "
                "Do all roles use the same --store?"
            ) from error
        except OSError as error:
            raise StoreError(
                f"cannot read {artifact_id} in the store {self.url}: {error}"
            ) from error
        if artifact_id != f"sha256:{hashlib.sha256(content).hexdigest()}":
            raise StoreError(f"{artifact_id} in the store {self.url} is damaged")
        return content

    def _locate(self, artifact_id: str) -> tuple[fsspec.AbstractFileSystem, str]:
        if not _ID.fullmatch(artifact_id):
            raise StoreError(f"{artifact_id!r} is not an artifact's id")
        files, root = fsspec.core.url_to_fs(self.url)
        return files, f"{root.rstrip('/')}/{artifact_id.replace(':', '/')}"


def open_store(url: str) -> ArtifactStore:
    """A store to write to. Raises StoreError where that cannot be, saying the way out.

    Whether a remote one answers comes and goes, and shows when it is written to.
    """
    try:
        files, root = fsspec.core.url_to_fs(url)
        if isinstance(files, LocalFileSystem):
            Path(root).mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=root):
                pass
    except (ImportError, OSError, ValueError) as error:  # without s3fs there is no s3://
        raise StoreError(f"the store {url} cannot be used: {error}. See --store") from error
    return ArtifactStore(url)


def _write_atomically(path: Path, content: bytes) -> None:
    """Nobody ever sees a part of the file, and it is on disk when its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class References:
    """Fitted references by id, each read from the store once while it is in use."""

    def __init__(
        self, store: ArtifactStore, *, capacity: int = 256, for_counting: bool = False
    ) -> None:
        """for_counting: whether rows are only counted against them, which takes less memory."""
        read = partial(_read_reference, store, for_counting=for_counting)
        self.get = lru_cache(maxsize=capacity)(read)
        """Raises StoreError."""


def _read_reference(store: ArtifactStore, reference_id: str, *, for_counting: bool) -> Reference:
    try:
        reference = Reference.from_bytes(store.get(reference_id))
        return reference.for_counting() if for_counting else reference
    except ArtifactError as error:
        raise StoreError(f"{reference_id} is not a reference: {error}") from error
