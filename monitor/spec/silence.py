"""What a request for a silence says."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from alerts.matchers import Matcher
from monitor.spec.alerting import MatcherText
from monitor.spec.maintenance import Maintenance
from monitor.spec.strict import Duration, Strict

LONGEST_S = 366 * 86_400.0
"""Of a silence that does not return every week: nobody remembers a longer one."""


class SilenceRequest(Strict):
    """Which alerts nobody shall be told of, and when."""

    matchers: tuple[MatcherText, ...] = Field(
        min_length=1,
        max_length=20,
        description="All must match: the monitor's labels, and monitor, cause, severity and rule.",
        examples=[["monitor=free-seats"]],
    )
    starts_at: AwareDatetime | None = Field(default=None, description="Now, if it is not given.")
    ends_at: AwareDatetime | None = None
    duration: Annotated[Duration, Field(gt=0)] | None = Field(
        default=None, description="Instead of ends_at.", examples=["2h"]
    )
    weekly: Maintenance | None = Field(
        default=None,
        description="A maintenance window: only at these hours of the week, until it is ended.",
    )
    comment: str = Field(default="", max_length=1000, description="Why, for the others.")
    created_by: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.ends_at is not None and self.duration is not None:
            raise ValueError("give either ends_at or duration, not both")
        if self.weekly is None and self.ends_at is None and self.duration is None:
            raise ValueError("a silence ends: give ends_at or duration, or weekly hours")
        return self

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if all(Matcher.parse(text).matches({}) for text in self.matchers):
            raise ValueError("the matchers take every alert, even one without a label")
        return self

    def times(self, now: float, *, for_ever: float) -> tuple[float, float]:
        """When it starts and ends, seconds since 1970.

        Raises ValueError where it is over already, or too long.
        """
        starts_at = now if self.starts_at is None else self.starts_at.timestamp()
        ends_at = for_ever if self.ends_at is None else self.ends_at.timestamp()
        if self.duration is not None:
            ends_at = starts_at + self.duration
        if ends_at <= max(starts_at, now):
            raise ValueError("ends_at: it would be over before it begins")
        if self.weekly is None and ends_at - starts_at > LONGEST_S:
            raise ValueError("ends_at: a silence lasts a year at most; give weekly hours instead")
        return starts_at, ends_at
