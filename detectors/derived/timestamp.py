"""A point in time as plain columns: how long before the event it was, and where in the week.

Time moves on, so a bare timestamp always drifts; what may stay the same is its distance from the
event and its place in the calendar.
"""

from dataclasses import dataclass

import numpy as np

from detectors.artifact import Artifact
from detectors.columns import Coded, Column, ColumnType, Field, Floats
from detectors.derived.derivation import Derived, part

DAY_S, WEEK_S = 86_400.0, 604_800.0
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_THURSDAY = 3  # 1970-01-01
_TAIL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampDerivation:
    """Age in seconds, hour of the day and day of the week (UTC); only whether it is known where
    the reference has no event times.

    with_age: it has. with_hour, with_day: it has, and the age varies so much that these do not
    merely repeat the event's own, or else every hour and every day would look like drift.
    """

    field: Field
    with_age: bool
    with_hour: bool
    with_day: bool

    @staticmethod
    def fit(field: Field, column: Column, *, times: Floats | None) -> "TimestampDerivation":
        """times: (rows,) event times, epoch seconds. Raises ValueError where column holds none."""
        seconds = _seconds(field, column)
        if times is None or not np.isfinite(times).any():
            return TimestampDerivation(field=field, with_age=False, with_hour=False, with_day=False)
        span = _central_span(_ages(seconds, times))
        return TimestampDerivation(
            field=field, with_age=True, with_hour=span >= DAY_S, with_day=span >= WEEK_S
        )

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "TimestampDerivation":
        """Raises KeyError where the artifact is not a sound derivation."""
        names = ("with_age", "with_hour", "with_day")
        return TimestampDerivation(field=field, **{n: bool(artifact.meta[n]) for n in names})

    def to_artifact(self) -> Artifact:
        meta = {"with_age": self.with_age, "with_hour": self.with_hour, "with_day": self.with_day}
        return Artifact(meta, {})

    @property
    def fields(self) -> tuple[Field, ...]:
        candidates = (
            (not self.with_age, "known", ColumnType.BOOLEAN),
            (self.with_age, "age", ColumnType.FLOAT),
            (self.with_hour, "hour_of_day", ColumnType.FLOAT),
            (self.with_day, "day_of_week", ColumnType.CATEGORY),
        )
        return tuple(part(self.field, name, type_) for wanted, name, type_ in candidates if wanted)

    @property
    def n_sums(self) -> int:
        return 0

    def derive(self, column: Column, times: Floats | None) -> Derived:
        """column: (rows,) epoch seconds, NaN for missing; without `times` ages are missing.

        Raises ValueError where the column is not numbers.
        """
        seconds = _seconds(self.field, column)
        if not self.with_age:
            return Derived((_known(seconds),))
        known_times = np.full(len(seconds), np.nan) if times is None else times
        columns: list[Column] = [_ages(seconds, known_times)]
        if self.with_hour:
            columns.append(_hours(seconds))
        if self.with_day:
            columns.append(_days(seconds))
        return Derived(tuple(columns))


def _seconds(field: Field, column: Column) -> Floats:
    """The column's finite values; whatever is not finite is no time and counts as missing."""
    if isinstance(column, Coded) or column.ndim != 1:
        raise ValueError(f"column {field.name!r} is a timestamp, but does not hold times")
    return np.where(np.isfinite(column), column, np.nan)


def _known(seconds: Floats) -> Coded:
    return Coded(np.isfinite(seconds).astype(np.int32), ("false", "true"))


def _ages(seconds: Floats, times: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # of times beyond any calendar
        return times - seconds


def _central_span(ages: Floats) -> float:
    """How far apart the 5 % and the 95 % quantile are; 0 without ages."""
    known = np.sort(ages[np.isfinite(ages)])
    if len(known) == 0:
        return 0.0
    low = int(_TAIL * (len(known) - 1))
    with np.errstate(over="ignore"):
        return float(known[len(known) - 1 - low] - known[low])


def _hours(seconds: Floats) -> Floats:
    """(rows,) from 0 to below 24, in whole seconds."""
    hours: Floats = np.mod(np.floor(seconds), DAY_S) / 3600
    return hours


def _days(seconds: Floats) -> Coded:
    days = np.mod(np.floor_divide(seconds, DAY_S) + _THURSDAY, len(DAYS))
    return Coded(np.where(np.isnan(days), -1, days).astype(np.int32), DAYS)
