"""What every part of a document is, and how what is in it is named."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from monitor.spec.durations import format_duration, parse_duration

NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
MAX_NAME_LENGTH = 63
NAMESPACE_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class Strict(BaseModel):
    """Unknown keys are errors; documents are values."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def without_credentials(url: str) -> str:
    """Documents are shown to people and written to a topic: what is secret is in files. Raises
    ValueError, without the URL."""
    if "://" in url and "@" in urlsplit(url).netloc:
        raise ValueError("a name or a password in a URL would be shown to everybody")
    return url


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"},
                {"type": "number", "minimum": 0},
            ],
            "examples": ["30s", "5m", "1h", "90d"],
        }
    ),
]
"""Seconds; written in documents as "30s", "5m", "1h", "90d"."""
