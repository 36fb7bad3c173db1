"""From the profiles of a window to its decision and its report."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

from alerts.notification import rfc3339
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.evidence import Evidence
from detectors.decision.floor import EffectFloor
from detectors.profile import Profile
from detectors.report import Comparison, Reason, WindowReport
from detectors.report.compare import report
from detectors.report.past import Seasonal, Trailing, compare_with_past
from monitor.detect.state import Series
from monitor.durations import format_duration
from monitor.messages import Segment
from monitor.spec import PastWindows, Spec
from monitor.store import References


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """A report as it goes into SQL and to whoever listens."""

    series: Series
    start: float
    revision: int
    monitor_revision: int
    decision: Decision
    report: WindowReport

    @property
    def id(self) -> str:
        return report_id(self.series, self.start)

    @property
    def end(self) -> float:
        return self.start + self.series.window_s

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "monitor": self.series.monitor,
            "window": {
                "start": rfc3339(self.start),
                "end": rfc3339(self.end),
                "seconds": self.series.window_s,
            },
            "revision": self.revision,
            "reference_id": self.series.reference_id,
            "monitor_revision": self.monitor_revision,
            **asdict(self.report),
        }

    def row(self, now: float) -> dict[str, object]:
        return {
            "id": self.id,
            "monitor": self.series.monitor,
            "window_s": self.series.window_s,
            "window_start": self.start,
            "revision": self.revision,
            "reference_id": self.series.reference_id,
            "monitor_revision": self.monitor_revision,
            "decision": self.decision.to_dict(),
            "body": self.body(),
            "created_at": now,
        }


def report_id(series: Series, start: float) -> str:
    """The same for the same window, whoever computes its report and however often."""
    text = "\x1f".join(map(str, (series.monitor, series.reference_id, series.window_s, start)))
    return f"report_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


class Judge:
    """Decides windows; keeps fitted detectors, for making one takes longer than using it."""

    def __init__(self, references: References, *, capacity: int = 256) -> None:
        self._references = references
        self._detector = lru_cache(maxsize=capacity)(self._make_detector)

    def check(self, segment: Segment, profile: bytes) -> None:
        """Raises ArtifactError or StoreError where a profile cannot be used."""
        Profile.from_bytes(profile, self._references.get(segment.reference_id))

    def total(self, series: Series, profiles: Iterable[bytes]) -> Profile:
        """The sum of the profiles of a window."""
        reference = self._references.get(series.reference_id)
        parts = (Profile.from_bytes(content, reference) for content in profiles)
        return reduce(add, parts, Profile.empty(reference))

    def step(
        self, series: Series, spec: Spec, evidence: bytes | None, profile: Profile
    ) -> tuple[bytes, Decision]:
        """The evidence after a window and the decision; `evidence` is None before the first."""
        detector = self._detector_of(series, spec)
        before = detector.start() if evidence is None else Evidence.from_bytes(evidence)
        after, decision = detector.step(before, profile)
        return after.to_bytes(), decision

    def alone(self, series: Series, spec: Spec, profile: Profile) -> Decision:
        """The decision on a window without what came before it."""
        detector = self._detector_of(series, spec)
        return detector.step(detector.start(), profile)[1]

    def again(
        self, series: Series, spec: Spec, profile: Profile, known: Decision | None
    ) -> Decision:
        """The decision on a window that has changed after it was closed.

        It stands, since the evidence has moved on with it. Only a window that had too few rows
        to be decided, and so left no trace in the evidence, is judged now, on its own.
        """
        if known is not None and known.reason is not Reason.TOO_FEW_ROWS:
            return known
        return self.alone(series, spec, profile)

    def compare(
        self, series: Series, spec: Spec, profile: Profile, past: Iterable[tuple[float, bytes]]
    ) -> tuple[Comparison, ...]:
        """What a window says beside earlier ones, given by age in seconds and profile."""
        if not spec.detection.compare_with:
            return ()
        reference = self._references.get(series.reference_id)
        known = [(age_s, Profile.from_bytes(content, reference)) for age_s, content in past]
        return tuple(
            compare_with_past(
                reference,
                profile,
                known,
                beside(windows),
                window_s=series.window_s,
                budget=_shared_budget(spec),
                minimum_rows=spec.detection.minimum_rows,
                ignore_below=_floor(spec),
            )
            for windows in spec.detection.compare_with
        )

    def report(self, spec: Spec, profile: Profile, decision: Decision) -> WindowReport:
        reference = self._references.get(profile.reference_id)
        rate = spec.detection.outliers.false_discovery_rate
        return report(reference, profile, decision, outlier_rate=rate, importance=spec.importance)

    def _detector_of(self, series: Series, spec: Spec) -> Detector:
        return self._detector(
            series.reference_id,
            series.window_s,
            _shared_budget(spec),
            spec.detection.minimum_rows,
            _floor(spec),
            spec.detection.match_by,
        )

    def _make_detector(
        self,
        reference_id: str,
        window_s: float,
        budget: Budget,
        minimum_rows: int,
        ignore_below: EffectFloor,
        match_by: str | None,
    ) -> Detector:
        return Detector(
            self._references.get(reference_id),
            window_s=window_s,
            budget=budget,
            minimum_rows=minimum_rows,
            ignore_below=ignore_below,
            match_by=match_by,
        )


def beside(windows: PastWindows) -> Trailing | Seasonal:
    """Which past windows a monitor's document asks to compare with."""
    if windows.trailing is not None:
        return Trailing(f"the last {format_duration(windows.trailing)}", windows.trailing)
    assert windows.season is not None  # one of the two is given
    cycles = f"{windows.cycles} cycles of {format_duration(windows.season)}"
    return Seasonal(f"the same time of the last {cycles}", windows.season, windows.cycles)


def _shared_budget(spec: Spec) -> Budget:
    """The promise is for the monitor: its windows of several lengths share the budget."""
    budget = spec.detection.false_alarms
    return Budget(budget.alarms / len(spec.windows), budget.period)


def _floor(spec: Spec) -> EffectFloor:
    return EffectFloor(**spec.detection.ignore_below.model_dump())
