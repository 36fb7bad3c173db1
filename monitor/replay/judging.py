"""Windows that were counted again, judged again in their order, each with the evidence of those
before it."""

from collections.abc import Hashable, Sequence
from typing import Any

import orjson

from detectors.report import Reason
from monitor.detect.judging import Judge, WrittenReport
from monitor.replay.recounting import Recounted
from monitor.replay.reported import Reported


class Replay:
    """Evidence goes on from what it was before the first window of each series."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._evidence: dict[Hashable, bytes | None] = {}

    def body(self, window: Reported, counted: Recounted) -> dict[str, Any]:
        """The report of the next window of its series, as JSON types."""
        judge, series, spec = self._judge, window.series, window.spec
        evidence = self._evidence.get(series, window.evidence_before)
        decided = judge.total(series, [part.profile for part in counted.decided])
        decide = judge.paused if window.is_paused else judge.step
        self._evidence[series], decision = decide(series, spec, evidence, decided)
        made = judge.total(series, [part.profile for part in counted.made])
        if decision.reason is Reason.TOO_FEW_ROWS and window.revision > 1:
            decision = judge.again(series, spec, made, decision)
        report = judge.report(spec, made, decision)
        written = WrittenReport(
            series=series,
            start=window.start,
            revision=window.revision,
            monitor_revision=window.registration.revision,
            decision=decision,
            report=report,
            over_at=window.end,
        )
        body = written.body() | {"versions": judge.versions(series, spec, counted.made)}
        plain: dict[str, Any] = orjson.loads(orjson.dumps(body))
        return plain


def by_what_they_share(windows: Sequence[Reported]) -> list[list[Reported]]:
    """Windows that can be counted together, each group in its order: of one reference, and of one
    length of panes."""
    groups: dict[tuple[str, float], list[Reported]] = {}
    for window in windows:
        groups.setdefault((window.series.reference_id, window.pane_s), []).append(window)
    return list(groups.values())
