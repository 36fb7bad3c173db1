"""A window beside the windows that came before it: the last month, the same hour of other weeks.

A profile's bins are its reference's, and profiles add. So any set of past windows is a reference
too: the bins stay, only what is expected of them is another. Nothing has to be counted again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Protocol

from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.decision.floor import EffectFloor
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Comparison, Reason, Verdict

FEWEST_WINDOWS = 3
"""Two windows alone can hardly tell how windows differ."""


class Beside(Protocol):
    """Which of the past windows to compare with; `span_s` is how far back the first may lie."""

    @property
    def name(self) -> str: ...

    @property
    def span_s(self) -> float: ...

    def chooses(self, age_s: float) -> bool:
        """Whether a window that began so long before the present one is compared with."""
        ...


@dataclass(frozen=True, slots=True)
class Trailing:
    """All windows of the last `span_s` seconds."""

    name: str
    span_s: float

    def chooses(self, age_s: float) -> bool:
        return 0 < age_s <= self.span_s


@dataclass(frozen=True, slots=True)
class Seasonal:
    """The windows of the same phase in the last `n_cycles` cycles of `cycle_s` seconds."""

    name: str
    cycle_s: float
    n_cycles: int

    @property
    def span_s(self) -> float:
        return self.cycle_s * self.n_cycles

    def chooses(self, age_s: float) -> bool:
        return 0 < age_s <= self.span_s and age_s % self.cycle_s == 0


def compare_with_past(
    reference: Reference,
    profile: Profile,
    past: Iterable[tuple[float, Profile]],
    beside: Beside,
    *,
    window_s: float,
    budget: Budget,
    minimum_rows: int = 100,
    ignore_below: EffectFloor | None = None,
) -> Comparison:
    """One window beside those of the past that `beside` chooses; by itself, without evidence.

    past: age in seconds and profile of earlier windows against the same reference.
    Undecided with fewer than three of them that hold enough rows.
    """
    chosen = [p for age_s, p in past if beside.chooses(age_s) and p.n >= minimum_rows]
    if len(chosen) < FEWEST_WINDOWS:
        return _undecided(beside, len(chosen), Reason.TOO_FEW_WINDOWS)
    if profile.n < minimum_rows:
        return _undecided(beside, len(chosen), Reason.TOO_FEW_ROWS)
    detector = Detector(
        expecting(reference, chosen, window_s=window_s),
        window_s=window_s,
        budget=budget,
        minimum_rows=minimum_rows,
        ignore_below=ignore_below,
    )
    decision = detector.step(detector.start(), profile)[1]
    return Comparison(
        name=beside.name,
        n_windows=len(chosen),
        verdict=decision.verdict,
        reason=decision.reason,
        p_value=decision.p_value,
        columns=tuple(name for name, column in decision.columns.items() if column.named),
    )


def expecting(reference: Reference, windows: Sequence[Profile], *, window_s: float) -> Reference:
    """The reference's bins with other windows to expect; at least one, of `window_s` seconds.

    It shares the reference's id, as its profiles are interchangeable, and is not to be stored.
    """
    return replace(reference, profile=reduce(add, windows), windows={window_s: tuple(windows)})


def _undecided(beside: Beside, n_windows: int, reason: Reason) -> Comparison:
    return Comparison(
        name=beside.name,
        n_windows=n_windows,
        verdict=Verdict.UNDECIDED,
        reason=reason,
        p_value=None,
    )
