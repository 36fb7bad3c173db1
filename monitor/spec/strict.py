"""What every part of a document is, and how what is in it is named."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from monitor.spec.durations import format_duration, parse_duration

NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"


class Strict(BaseModel):
    """Unknown keys are errors; documents are values."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
