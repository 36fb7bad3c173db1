"""The part of a Monitor document about the data that the model is expected to see."""

import re
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitor.spec.durations import parse_duration
from monitor.spec.strict import Duration, Strict, without_credentials

_FIRST = re.compile(r"first\s+(\d[\d_,]*)")
_TRAILING = re.compile(r"(?:trailing|last)\s+(\d\S*)")


class Reference(Strict):
    """Where the data comes from that the model is expected to see."""

    url: Annotated[str, AfterValidator(without_credentials)] | None = Field(
        default=None,
        min_length=1,
        description="A file or URL of training rows: CSV, Parquet, JSON lines, Arrow.",
    )
    first: int | None = Field(
        default=None, ge=100, le=10_000_000, description="Use the first N predictions instead."
    )
    trailing: Duration | None = Field(
        default=None,
        gt=0,
        description="Use the predictions of so long a time before, once there are so many, and "
        "those of the next such time when it has passed; every window is compared with those that "
        "trail it, too.",
    )
    time: str | None = Field(
        default=None,
        description="The column of the file that tells when a row happened. With it the "
        "reference knows how its own days differ.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.url, self.first, self.trailing)) != 1:
            raise ValueError("give one of url, first and trailing")
        return self

    def __str__(self) -> str:
        if self.url is not None:
            return self.url
        return "the first rows" if self.first is not None else "the rows of a trailing window"


def _source(value: object) -> object:
    if not isinstance(value, str):
        return value
    if first := _FIRST.fullmatch(value.strip()):
        return {"first": int(re.sub(r"[_,]", "", first[1]))}
    if trailing := _TRAILING.fullmatch(value.strip()):
        return {"trailing": parse_duration(trailing[1])}
    return {"url": value}


Source: TypeAlias = Annotated[
    Reference, BeforeValidator(_source, json_schema_input_type=str | Reference)
]
"""A reference; text is a URL, or "first 10000", or "trailing 30d"."""
