"""Windows that were counted again, judged again in their order, each with the evidence of those
before it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from detectors.profile import Profile
from detectors.report import Comparison, Reason
from monitor.detect.examining import tests_of_rows
from monitor.detect.judging import Judge, WrittenReport
from monitor.replay.beside import Beside, Kind, span_s
from monitor.replay.recounting import Recounted
from monitor.replay.reported import Reported
from monitor.sql.store import References

COMPARISONS = "comparisons"


@dataclass(frozen=True, slots=True)
class Remade:
    """A report as JSON types. left_out: its keys that could not be made again."""

    body: Mapping[str, Any]
    left_out: tuple[str, ...] = ()


class Replay:
    """Evidence goes on from what it was before the first window of each series, and windows are
    compared with those before them in the range, and with earlier ones that are still kept."""

    def __init__(self, references: References, kept: Beside) -> None:
        self._references = references
        self._judge = Judge(references)
        self._kept = kept
        self._evidence: dict[Hashable, bytes | None] = {}
        self._profiles = {kind: dict(known) for kind, known in kept.profiles.items()}

    def remade(self, window: Reported, counted: Recounted) -> Remade:
        """The report of the next window of its series."""
        judge, series, spec = self._judge, window.series, window.spec
        evidence = self._evidence.get(series, window.evidence_before)
        decided = judge.whole(series, counted.decided)
        decide = judge.paused if window.is_paused else judge.step
        self._evidence[series], decision = decide(series, spec, evidence, decided)
        made = judge.whole(series, counted.made)
        if decision.reason is Reason.TOO_FEW_ROWS and window.revision > 1:
            decision = judge.again(series, spec, made, decision)
        report = judge.apart(judge.report(series, spec, made, decision), series, spec, counted.made)
        comparisons = self._comparisons(window, made)
        written = WrittenReport(
            series=series,
            start=window.start,
            revision=window.revision,
            monitor_revision=window.registration.revision,
            decision=decision,
            report=replace(report, comparisons=comparisons or ()),
            parts=counted.made,
            over_at=window.end,
        )
        body = written.body() | self._tests(window, made)
        left_out = (COMPARISONS,) if comparisons is None else ()
        return Remade(orjson.loads(orjson.dumps(body)), left_out)

    def _comparisons(self, window: Reported, profile: Profile) -> tuple[Comparison, ...] | None:
        """None where not all windows are there that it was compared with."""
        span = span_s(window)
        if not span or profile.n == 0:
            return ()
        kind, at = Kind.of(window.series), window.start
        known = self._profiles[kind]
        known[at] = profile.to_bytes()
        before = [
            start
            for start in self._kept.starts[kind]
            if at - span <= start < at and (kind.window_s == 0 or (at - start) % kind.window_s == 0)
        ]
        if not all(start in known for start in before):
            return None
        past = [(at - start, known[start]) for start in before]
        return self._judge.compare(window.series, window.spec, at, profile, past)

    def _tests(self, window: Reported, profile: Profile) -> dict[str, Any]:
        """Those of sampled rows that were made of it; saved detectors are not run again."""
        report: str = window.body["id"]
        if (tested := self._kept.tested.get(report)) is None:
            return {}
        reference = self._references.get(window.series.reference_id)
        rows = profile.sample.rows(reference.declared)
        return {"tests": list(map(asdict, tests_of_rows(report, tested.named, reference, rows)))}


def by_what_they_share(windows: Sequence[Reported]) -> list[list[Reported]]:
    """Windows that can be counted together, each group in its order: of one reference, and of one
    length of panes."""
    groups: dict[tuple[str, float], list[Reported]] = {}
    for window in windows:
        groups.setdefault((window.series.reference_id, window.pane_s), []).append(window)
    return list(groups.values())
