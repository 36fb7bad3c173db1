"""From the profiles of a window to its decision and its report."""

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, reduce
from operator import add
from typing import Any

from alerts.notification import rfc3339
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.evidence import Evidence
from detectors.decision.floor import EffectFloor
from detectors.decision.performance import UsualPerformance
from detectors.profile import Profile, evened
from detectors.report import Comparison, Reason, SegmentReport, VersionReport, WindowReport
from detectors.report.compare import report
from detectors.report.past import Past, Seasonal, Trailing
from detectors.report.segments import segments
from detectors.report.versions import versions
from monitor.detect import rules
from monitor.detect.cutting import at_least_s, cut_alike, kind_of
from monitor.detect.state import Part, Series
from monitor.kafka.messages import FROM_THE_FUTURE, SERVED, Segment
from monitor.spec.detection import PastWindows
from monitor.spec.durations import format_duration
from monitor.spec.model import Spec
from monitor.spec.windows import Window
from monitor.sql.store import References

LARGEST_PASTS = 64
"""Sets of past windows, of all monitors, of which what was learned is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """A report as it goes into SQL and to whoever listens.

    parts: the segments that it was made of. evidence_before: the window; None before the first,
        and of a revision, which is not decided again. over_at: the end of a window by rows.
    """

    series: Series
    start: float
    revision: int
    monitor_revision: int
    decision: Decision
    report: WindowReport
    parts: Sequence[Part] = ()
    evidence_before: bytes | None = None
    over_at: float | None = None

    @property
    def id(self) -> str:
        return report_id(self.series, self.start)

    @property
    def end(self) -> float:
        return self.start + self.series.window_s if self.over_at is None else self.over_at

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "monitor": self.series.monitor,
            "window": {
                "start": rfc3339(self.start),
                "end": rfc3339(self.end),
                "seconds": self.end - self.start,
            },
            "revision": self.revision,
            "reference_id": self.series.reference_id,
            "monitor_revision": self.monitor_revision,
            **asdict(self.report),
            "not_counted": {"from_the_future": from_the_future(self.parts)},
        }

    def row(self, now: float) -> dict[str, object]:
        made_of = [asdict(stretch) for stretch in stretches(self.parts)]
        row = {
            "id": self.id,
            "monitor": self.series.monitor,
            "window_s": self.series.window_s,
            "window_start": self.start,
            "window_end": self.end,
            "revision": self.revision,
            "reference_id": self.series.reference_id,
            "monitor_revision": self.monitor_revision,
            "decision": self.decision.to_dict(),
            "made_of": made_of,
            "body": self.body(),
            "created_at": now,
        }
        if self.revision > 1:
            return row
        return row | {"evidence_before": self.evidence_before, "decided_of": made_of}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where in a partition the rows of a window are: from offset `first` to before `through`."""

    topic: str
    partition: int
    first: int
    through: int


def stretches(parts: Iterable[Part]) -> list[Stretch]:
    """One of each partition that a window has rows in."""
    found: dict[tuple[str, int], Stretch] = {}
    for part in parts:
        at = part.topic, part.partition
        known = found.get(at, Stretch(*at, part.start, part.through))
        first, through = min(known.first, part.start), max(known.through, part.through)
        found[at] = Stretch(*at, first, through)
    return [found[at] for at in sorted(found)]


def from_the_future(parts: Iterable[Part]) -> int:
    """How many rows came in a window's time that say that they are from the future."""
    return sum(part.version for part in parts if part.subset == FROM_THE_FUTURE)


def report_id(series: Series, start: float) -> str:
    """The same for the same window, whoever computes its report and however often."""
    named = (series.monitor, series.reference_id, series.rows or series.window_s, start)
    text = "\x1f".join(map(str, named))
    return f"report_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


class Judge:
    """Decides windows; keeps fitted detectors, for making one takes longer than using it."""

    def __init__(self, references: References, *, capacity: int = 256) -> None:
        self._references = references
        self._detector = lru_cache(maxsize=capacity)(self._make_detector)
        self._usual = lru_cache(maxsize=capacity)(self._learn_usual)
        self._pasts: OrderedDict[Hashable, Past] = OrderedDict()

    def check(self, segment: Segment, profile: bytes) -> None:
        """Raises ArtifactError or StoreError where a profile cannot be used."""
        Profile.from_bytes(profile, self._references.get(segment.reference_id))

    def total(self, series: Series, profiles: Iterable[bytes]) -> Profile:
        """The sum of the profiles of a window, of as many rows as tell as much as its own do."""
        reference = self._references.get(series.reference_id)
        parts = (Profile.from_bytes(content, reference) for content in profiles)
        return evened(reduce(add, parts, Profile.empty(reference)), reference)

    def whole(self, series: Series, parts: Iterable[Part]) -> Profile:
        """The sum of all rows and requests of a window."""
        of_all = [part.profile for part in parts if part.subset in (0, SERVED)]
        return self.total(series, of_all)

    def n_rows(self, series: Series, profile: bytes) -> int:
        """How many rows a segment of the series has counted."""
        return Profile.from_bytes(profile, self._references.get(series.reference_id)).n

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

    def paused(
        self, series: Series, spec: Spec, evidence: bytes | None, profile: Profile
    ) -> tuple[bytes, Decision]:
        """The evidence as it was before a window, and that nothing is decided of it."""
        nothing = Profile.empty(self._references.get(profile.reference_id))
        after, decision = self.step(series, spec, evidence, nothing)
        return after, replace(decision, reason=Reason.PAUSED)

    def apart(
        self, report: WindowReport, series: Series, spec: Spec, parts: Sequence[Part]
    ) -> WindowReport:
        """The report, with what versions of the model and segments of rows say by themselves."""
        of_subset: dict[int, list[bytes]] = {}
        for part in parts:
            of_subset.setdefault(part.subset, []).append(part.profile)
        return replace(
            report,
            versions=self._versions(series, spec, parts),
            segments=self.segments(series, spec, of_subset),
        )

    def _versions(
        self, series: Series, spec: Spec, parts: Sequence[Part]
    ) -> tuple[VersionReport, ...]:
        """What each version of the model says that answered in a window."""
        of_rows = [part for part in parts if part.subset == 0]
        names = {part.model_version for part in of_rows}
        if names <= {""}:
            return ()
        profiles = {
            name: self.whole(series, [part for part in of_rows if part.model_version == name])
            for name in names
        }
        detector = self._detector_of(series, spec)
        reference = self._references.get(series.reference_id)
        return versions(reference, profiles, lambda one: detector.step(detector.start(), one)[1])

    def segments(
        self, series: Series, spec: Spec, of_subset: Mapping[int, Iterable[bytes]]
    ) -> tuple[SegmentReport, ...]:
        """What a window says of the segments that its reference has.

        of_subset: profiles of the rows of the nth segment under n, which begins at 1.
        """
        reference = self._references.get(series.reference_id)
        profiles = [
            self.total(series, of_subset.get(i + 1, ())) for i in range(len(reference.segments))
        ]
        rate = spec.detection.outliers.false_discovery_rate
        return segments(reference, profiles, outlier_rate=rate)

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
        self,
        series: Series,
        spec: Spec,
        start: float,
        profile: Profile,
        past: Sequence[tuple[float, bytes]],
    ) -> tuple[Comparison, ...]:
        """What the window that began at `start` says beside earlier ones, given by age in seconds
        and profile."""
        found = []
        for windows in spec.compared_with:
            where = beside(windows)
            chosen = [content for age_s, content in past if where.chooses(age_s, start)]
            found.append(self._past(series, spec, chosen).compare(profile, name=where.name))
        return tuple(found)

    def _past(self, series: Series, spec: Spec, contents: Sequence[bytes]) -> Past:
        """What was learned of windows of these contents, kept while others ask for the same."""
        digest = hashlib.sha256()
        for content in contents:
            digest.update(hashlib.sha256(content).digest())
        rule = self._rule(series, spec)
        key = (series.reference_id, kind_of(series, spec), rule, digest.digest())
        if key not in self._pasts:
            self._pasts[key] = self._make_past(series, spec, rule, contents)
            if len(self._pasts) > LARGEST_PASTS:
                self._pasts.popitem(last=False)
        self._pasts.move_to_end(key)
        return self._pasts[key]

    def _make_past(
        self, series: Series, spec: Spec, rule: "_Rule", contents: Sequence[bytes]
    ) -> Past:
        reference = self._references.get(series.reference_id)
        return Past.fit(
            reference,
            (Profile.from_bytes(content, reference) for content in contents),
            window_s=at_least_s(kind_of(series, spec)),
            budget=rule.budget,
            minimum_rows=rule.minimum_rows,
            ignore_below=rule.ignore_below,
        )

    def report(
        self, series: Series, spec: Spec, profile: Profile, decision: Decision
    ) -> WindowReport:
        return report(
            self._references.get(profile.reference_id),
            profile,
            decision,
            outlier_rate=spec.detection.outliers.false_discovery_rate,
            importance=spec.importance,
            usual=self._usual_of(series, spec),
        )

    def _detector_of(self, series: Series, spec: Spec) -> Detector:
        match_by = spec.detection.match_by
        kind, rule = kind_of(series, spec), self._rule(series, spec)
        return self._detector(series.reference_id, kind, series.phase_s, rule, match_by)

    def _usual_of(self, series: Series, spec: Spec) -> UsualPerformance:
        kind, minimum_rows = kind_of(series, spec), spec.detection.minimum_rows
        return self._usual(series.reference_id, kind, series.phase_s, minimum_rows)

    def _learn_usual(
        self, reference_id: str, kind: Window, phase_s: float, minimum_rows: int
    ) -> UsualPerformance:
        return UsualPerformance.learn(
            cut_alike(self._references.get(reference_id), kind, phase_s),
            window_s=at_least_s(kind),
            minimum_rows=minimum_rows,
        )

    def _rule(self, series: Series, spec: Spec) -> "_Rule":
        return _rule(series, spec, rules.drift_share(spec.alerts, self._usual_of(series, spec)))

    def _make_detector(
        self, reference_id: str, kind: Window, phase_s: float, rule: "_Rule", match_by: str | None
    ) -> Detector:
        return Detector(
            cut_alike(self._references.get(reference_id), kind, phase_s),
            window_s=at_least_s(kind),
            budget=rule.budget,
            minimum_rows=rule.minimum_rows,
            ignore_below=rule.ignore_below,
            match_by=match_by,
        )


@dataclass(frozen=True, slots=True)
class _Rule:
    """What of a document says how a window is decided, whatever it is compared with."""

    budget: Budget
    minimum_rows: int
    ignore_below: EffectFloor


def _rule(series: Series, spec: Spec, share: float) -> _Rule:
    """The promise is for the monitor: its windows of several kinds, and those of a kind that
    overlap, share what drift may use of the budget."""
    promised = spec.detection.false_alarms
    n_series = len(spec.windows) * len(kind_of(series, spec).phases_s)
    return _Rule(
        Budget(promised.alarms * share / n_series, promised.period),
        spec.detection.minimum_rows,
        EffectFloor(**spec.detection.ignore_below.model_dump()),
    )


def beside(windows: PastWindows) -> Trailing | Seasonal:
    """Which past windows a monitor's document asks to compare with."""
    if windows.trailing is not None:
        return Trailing(f"the last {format_duration(windows.trailing)}", windows.trailing)
    assert windows.season is not None  # one of the two is given
    cycles = f"{windows.cycles} cycles of {format_duration(windows.season)}"
    return Seasonal(f"the same time of the last {cycles}", windows.season, windows.cycles)
