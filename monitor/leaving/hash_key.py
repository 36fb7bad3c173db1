"""The key of keyed hashes, from a file that the operator names."""

from pathlib import Path

FEWEST_BYTES = 16


class HashKeyError(ValueError):
    """A file that holds no key to hash with; the message says why and what to do."""


def read_hash_key(path: Path) -> bytes:
    """The secret in a file, without the white space around it. Raises HashKeyError."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise HashKeyError(f"{path}: cannot be read: {error.strerror}") from error
    if len(key) < FEWEST_BYTES:
        raise HashKeyError(
            f"{path}: holds {len(key)} bytes, a key needs {FEWEST_BYTES} or more; "
            f"make one with: openssl rand -hex 32 > {path}"
        )
    return key
