"""What a backtest has found, and what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from detectors.report import Verdict
from monitor.backtest.judged import Judged, Outcome, allowed
from monitor.spec.model import Monitor
from monitor.spec.windows import Window

Conclusion = Literal["quiet", "drift", "found", "missed", "too many false alarms", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFindings:
    """The windows of one kind, and what each budget would have done, the monitor's own first."""

    kind: Window
    windows: Sequence[Judged]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """n_rows, first, last: of the rows that were judged; seconds since 1970.

    n_reference: rows of the reference. unreadable: captured lines that hold no rows, by reason.
    injected: what was injected, in the words that asked for it; since: from when on, else None.
    """

    monitor: Monitor
    n_reference: int
    n_rows: int
    first: float
    last: float
    unreadable: Mapping[str, int]
    injected: Sequence[str]
    since: float | None
    series: Sequence[SeriesFindings]

    @property
    def allowed(self) -> int | None:
        """False alarms that the budget allows before the injected drift, of all lengths."""
        if self.since is None:
            return None
        span_s = max(0.0, min(self.since, self.last) - self.first)
        return allowed(self.monitor.spec.detection.false_alarms, span_s)

    @property
    def conclusion(self) -> Conclusion:
        verdicts = {w.written.decision.verdict for one in self.series for w in one.windows}
        if verdicts <= {Verdict.UNDECIDED}:
            return "undecided"
        if self.since is None:
            return "drift" if Verdict.DRIFT in verdicts else "quiet"
        own = [one.outcomes[0] for one in self.series]
        if all(one.found_at is None for one in own):
            return "missed"
        n_false = sum(one.false_alarms or 0 for one in own)
        return "found" if n_false <= (self.allowed or 0) else "too many false alarms"
