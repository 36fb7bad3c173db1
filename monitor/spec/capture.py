"""The section `capture` of a Monitor document: what of its rows leaves the pod, and how."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from monitor.spec.strict import Strict

MAX_COLUMNS = 10_000
MAX_ONE_IN = 1_000_000

_ONE_IN = re.compile(r"1\s+in\s+(\d[\d_,]*)")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})

ColumnName = Annotated[str, Field(min_length=1)]


class Bucket(Strict):
    """Numbers and times leave as the lower limit of the bucket that they are in."""

    bucket: float = Field(
        gt=0, allow_inf_nan=False, description="Its width, in the column's unit; of times, seconds."
    )


class Truncate(Strict):
    """Text leaves as its beginning."""

    truncate: int = Field(ge=1, le=1000, description="Characters that leave.")


Rule = Literal["drop", "hash"] | Bucket | Truncate
"""drop: the column stays in the pod. hash: its values leave as keyed hashes, HMAC-SHA256."""


class Sample(Strict):
    """Which rows leave."""

    one_in: int = Field(
        default=1,
        ge=1,
        le=MAX_ONE_IN,
        description="Of so many predictions one, chosen by its id, so that its label is too.",
    )
    rows_per_second: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Of one collector, about so many at most. Where there are more, those that "
        "leave weigh more.",
    )


def _sample(value: object) -> object:
    if not isinstance(value, str):
        return value
    if match := _ONE_IN.fullmatch(value.strip()):
        return {"one_in": int(re.sub(r"[_,]", "", match[1]))}
    raise ValueError(f"{value!r} is not a share of rows: write, for example, '1 in 10'")


class Capture(Strict):
    """What of the rows leaves the pod: decided before anything of them is written to a disk."""

    columns: tuple[ColumnName, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_COLUMNS,
        description="Inputs that leave; without it all that the reference has. What the model "
        "answers leaves in any case.",
    )
    redact: dict[ColumnName, Rule] = Field(
        default_factory=dict,
        max_length=MAX_COLUMNS,
        description="What is done to columns first: drop, hash, {bucket: 10}, {truncate: 3}. The "
        "reference is made alike.",
        examples=[{"rider": "hash", "age": {"bucket": 10}}],
    )
    sample: Annotated[Sample, BeforeValidator(_sample, json_schema_input_type=str | Sample)] = (
        Field(default=Sample(), description="Which rows leave: '1 in 10', or both keys.")
    )
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], ColumnName] = Field(
        default_factory=dict,
        max_length=32,
        description="Headers of requests that leave, each as the text of a column. No others do.",
        examples=[{"x-tenant": "tenant"}],
    )
    unreadable: Literal["cause", "bodies"] = Field(
        default="cause",
        description="What the dead letters keep of a request that could not be read: why, or its "
        "bodies too, as they came.",
    )

    @field_validator("headers")
    @classmethod
    def _no_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _SECRET_HEADERS:
                raise ValueError(f"{name} holds credentials, which never leave")
        return headers
