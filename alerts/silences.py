"""When people do not want to be told: silences, and maintenance windows that return every week.

A silenced alert is decided as ever. If it is still firing when the silence ends, it is told then;
and if it was told before and ended meanwhile, so is its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from alerts.matchers import Matcher, all_match
from alerts.words import Telling

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Hours of days of the week, by the clock on a wall of the zone.

    days: on which it begins. until: on the next day where it is not after `from_`.
    """

    days: frozenset[Day]
    from_: time
    until: time
    zone: ZoneInfo

    def covers(self, now: float) -> bool:
        """now: seconds since 1970."""
        here = datetime.fromtimestamp(now, self.zone)
        clock, today = here.time(), DAYS[here.weekday()]
        if self.from_ < self.until:
            return today in self.days and self.from_ <= clock < self.until
        yesterday = DAYS[here.weekday() - 1]
        return (today in self.days and clock >= self.from_) or (
            yesterday in self.days and clock < self.until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Which alerts are not told, and when; all matchers must match.

    starts_at, ends_at: seconds since 1970. weekly: only at these hours; None: all the time.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    weekly: Weekly | None = None

    def hushes(self, labels: Mapping[str, str], now: float) -> bool:
        is_on = self.starts_at <= now < self.ends_at
        if not is_on or (self.weekly is not None and not self.weekly.covers(now)):
            return False
        return all_match(self.matchers, labels)

    @property
    def telling(self) -> Telling:
        return Telling.SILENCED if self.weekly is None else Telling.MAINTENANCE
