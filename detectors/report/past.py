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


N_STEPS = 28
"""What is learned of the windows of a trailing span is used for a 28th of it: a day, of four weeks.
Learning anew for every window would take a hundred times as long as comparing one."""


class Beside(Protocol):
    """Which of the past windows to compare with; `span_s` is how far back the first may lie."""

    @property
    def name(self) -> str: ...

    @property
    def span_s(self) -> float: ...

    def chooses(self, age_s: float, at: float) -> bool:
        """Whether a window that began `age_s` before the one at `at`, epoch seconds, is compared
        with."""
        ...


@dataclass(frozen=True, slots=True)
class Trailing:
    """All windows of `length_s` seconds before the 28th of it in which the present one is."""

    name: str
    length_s: float

    @property
    def span_s(self) -> float:
        return self.length_s + self._step_s

    @property
    def _step_s(self) -> float:
        return self.length_s / N_STEPS

    def chooses(self, age_s: float, at: float) -> bool:
        return 0 < age_s - at % self._step_s <= self.length_s


@dataclass(frozen=True, slots=True)
class Seasonal:
    """The windows of the same phase in the last `n_cycles` cycles of `cycle_s` seconds."""

    name: str
    cycle_s: float
    n_cycles: int

    @property
    def span_s(self) -> float:
        return self.cycle_s * self.n_cycles

    def chooses(self, age_s: float, at: float) -> bool:
        del at  # a phase is a matter of the age alone
        return 0 < age_s <= self.span_s and age_s % self.cycle_s == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was learned of some windows of the past.

    n_windows: those that hold enough rows. detector: None of fewer than `FEWEST_WINDOWS`.
    """

    n_windows: int
    minimum_rows: int
    detector: Detector | None

    @staticmethod
    def fit(
        reference: Reference,
        windows: Iterable[Profile],
        *,
        window_s: float,
        budget: Budget,
        minimum_rows: int = 100,
        ignore_below: EffectFloor | None = None,
    ) -> "Past":
        """windows: against the reference, of `window_s` seconds each, in any order."""
        large = [window for window in windows if window.n >= minimum_rows]
        detector = None
        if len(large) >= FEWEST_WINDOWS:
            detector = Detector(
                expecting(reference, large, window_s=window_s),
                window_s=window_s,
                budget=budget,
                minimum_rows=minimum_rows,
                ignore_below=ignore_below,
            )
        return Past(n_windows=len(large), minimum_rows=minimum_rows, detector=detector)

    def compare(self, profile: Profile, *, name: str) -> Comparison:
        """One window beside those of the past; by itself, without evidence."""
        if self.detector is None:
            return self._undecided(name, Reason.TOO_FEW_WINDOWS)
        if profile.n < self.minimum_rows:
            return self._undecided(name, Reason.TOO_FEW_ROWS)
        decision = self.detector.step(self.detector.start(), profile)[1]
        return Comparison(
            name=name,
            n_windows=self.n_windows,
            verdict=decision.verdict,
            reason=decision.reason,
            p_value=decision.p_value,
            columns=tuple(name for name, column in decision.columns.items() if column.named),
        )

    def _undecided(self, name: str, reason: Reason) -> Comparison:
        return Comparison(
            name=name,
            n_windows=self.n_windows,
            verdict=Verdict.UNDECIDED,
            reason=reason,
            p_value=None,
        )


def expecting(reference: Reference, windows: Sequence[Profile], *, window_s: float) -> Reference:
    """The reference's bins with other windows to expect; at least one, of `window_s` seconds.

    It shares the reference's id, as its profiles are interchangeable, and is not to be stored.
    """
    return replace(reference, profile=reduce(add, windows), windows={window_s: tuple(windows)})
