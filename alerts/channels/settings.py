"""What a channel is opened with: settings in JSON, and secrets in files of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Settings = Mapping[str, Any]


class SecretFileError(ValueError):
    """A secret cannot be read, or cannot be one. The message does not contain it."""


def lines(path: str) -> str:
    """All that is in the file. Raises SecretFileError."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(f"the secret in {path} cannot be used: {error}") from None


def line(path: str) -> str:
    """The one line in the file, without what surrounds it. Raises SecretFileError."""
    text = lines(path).strip()
    if not text or not text.isprintable():
        raise SecretFileError(f"the secret in {path} cannot be used: it is not one line of text")
    return text


def word(path: str) -> str:
    """The one word in the file, such as a key or a URL. Raises SecretFileError."""
    text = line(path)
    if not text.isascii() or " " in text:
        raise SecretFileError(f"the secret in {path} cannot be used: it is not one ASCII word")
    return text
