"""Hours of the week, as documents and requests write them."""

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from monitor.spec.strict import Strict

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"{text!r} is no time of the day: write 02:00 or 23:30, in quotes")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone: write UTC, or one such as Europe/Berlin"
        ) from None
    return name


Clock = Annotated[str, AfterValidator(_clock), Field(examples=["02:00"])]


class Maintenance(Strict):
    """Hours that return every week."""

    days: tuple[Day, ...] = Field(
        default=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        min_length=1,
        max_length=7,
        description="On which it begins.",
    )
    from_: Clock = Field(alias="from")
    to: Clock = Field(description="On the next day where it is not after from.")
    timezone: Annotated[str, AfterValidator(_zone), Field(max_length=64)] = "UTC"
