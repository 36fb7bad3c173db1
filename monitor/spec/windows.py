"""The part of a Monitor document about windows: how long they are, and how they follow."""

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from monitor.spec.durations import format_duration, parse_duration
from monitor.spec.strict import Duration, Strict

MOST_PHASES = 100
"""So many windows of one kind may overlap at any time."""

LOOK_S = 86_400.0
"""How often windows by rows are looked at, unless they say so: the promise about false alarms is
made for the time between two looks, whatever the traffic is."""


class Window(Strict):
    """Windows of one kind: of a length, one after the other or overlapping, or of so many rows."""

    length: Duration | None = Field(default=None, gt=0, description="How long each is.")
    rows: int | None = Field(
        default=None,
        ge=100,
        le=1_000_000_000,
        description="Instead of a length: each is over once it holds so many rows.",
    )
    every: Duration | None = Field(
        default=None,
        gt=0,
        description="Of windows of a length: how often one begins ('1d' every '1h'), as often as "
        "they are long if it is not said. Of windows by rows: how often it is looked whether one "
        "is over (1d), and so how short one may be.",
    )

    @property
    def step_s(self) -> float:
        """Windows begin and end at multiples of so many seconds."""
        return self.every or self.length or LOOK_S

    @property
    def phases_s(self) -> tuple[float, ...]:
        """Where windows of the kind begin, modulo their length: those of one phase do not overlap.
        Windows by rows have but one, for each begins where the one before it ends."""
        if self.length is None or self.every is None:
            return (0.0,)
        return tuple(i * self.every for i in range(round(self.length / self.every)))

    def __str__(self) -> str:
        every = "" if self.every is None else f" every {format_duration(self.every)}"
        if self.length is not None:
            return format_duration(self.length) + every
        return f"{self.rows} rows{every}"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.length is None) == (self.rows is None):
            raise ValueError("give either length or rows, not both")
        if self.length is None or self.every is None:
            return self
        if self.length % self.every:
            raise ValueError("length must be a whole multiple of every")
        if self.length / self.every > MOST_PHASES:
            raise ValueError(f"more than {MOST_PHASES} windows would overlap")
        return self

    @model_serializer(mode="wrap")
    def _plain(self, rest: Callable[[Self], dict[str, Any]]) -> str | dict[str, Any]:
        """As it may be written: a length alone is text."""
        if self.length is not None and self.every is None:
            return format_duration(self.length)
        return {name: value for name, value in rest(self).items() if value is not None}


def _window(value: object) -> object:
    return {"length": parse_duration(value)} if isinstance(value, str | int | float) else value


Windows: TypeAlias = tuple[
    Annotated[Window, BeforeValidator(_window, json_schema_input_type=Duration | Window)], ...
]


def check_windows(windows: Windows) -> None:
    """Raises ValueError where windows cannot be put together from panes of the shortest step, or
    cannot be told apart."""
    shortest = min(window.step_s for window in windows)
    if any(window.step_s % shortest for window in windows):
        raise ValueError("every window must be a whole multiple of the shortest one")
    if len({window.length for window in windows}) < len(windows):
        raise ValueError("windows need different lengths, and only one may be by rows")
