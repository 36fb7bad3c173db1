"""What a collector was told, for people to read: without its secrets."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from monitor.collector.capture import CaptureLimits
from monitor.flags import Address

HIDDEN = "***"
INTERNAL = frozenset({"beside", "run", "command"})


def shown(args: argparse.Namespace) -> Mapping[str, object]:
    """The flags in force, defaults too, as JSON has them; of files the names and not the content.

    Credentials in a URL are hidden.
    """
    flags = {name: value for name, value in vars(args).items() if name not in INTERNAL}
    return {
        "flags": {name.replace("_", "-"): _plain(value) for name, value in flags.items()},
        "capture": asdict(CaptureLimits()),
    }


def _plain(value: object) -> object:
    match value:
        case Address() | Path() | Enum():
            return str(value)
        case str():
            return _without_credentials(value)
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(item) for name, item in asdict(value).items()}
    return str(value)


def _without_credentials(text: str) -> str:
    found = urlsplit(text) if "://" in text else None
    if found is None or found.password is None:
        return text
    return text.replace(f":{found.password}@", f":{HIDDEN}@")
