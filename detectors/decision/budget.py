"""The promise that an operator states: so many false alarms in so long a time."""

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `alarms` false alarms per monitor in `period_s` seconds, over the long run."""

    alarms: float = 1.0
    period_s: float = 90 * DAY_S

    def __post_init__(self) -> None:
        if not (self.alarms > 0 and self.period_s > 0):
            raise ValueError("a false-alarm budget needs a positive number of alarms and a period")

    def per_window(self, window_s: float) -> float:
        """The share of quiet windows that may alarm, at most 1/2."""
        return min(0.5, self.alarms * window_s / self.period_s)
