"""A backtest as JSON, for programs."""

from typing import Any

import orjson

from alerts.notification import rfc3339
from detectors.report import Performance, SegmentReport
from monitor.backtest.findings import Findings, SeriesFindings
from monitor.backtest.judged import Judged, Outcome

VERSION = 1


def as_json(findings: Findings) -> str:
    """Times are RFC 3339 in UTC; `driftmeter backtest --help` names the keys."""
    document: dict[str, Any] = {
        "version": VERSION,
        "monitor": findings.monitor.name,
        "conclusion": findings.conclusion,
        "reference": {"rows": findings.n_reference},
        "rows": findings.n_rows,
        "first": rfc3339(findings.first),
        "last": rfc3339(findings.last),
        "unreadable": findings.unreadable,
        "injected": list(findings.injected),
        "since": None if findings.since is None else rfc3339(findings.since),
        "allowed_false_alarms": findings.allowed,
        "series": [_series(one, findings.since) for one in findings.series],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _series(series: SeriesFindings, since: float | None) -> dict[str, Any]:
    return {
        "windows_of": str(series.kind),
        "window_seconds": series.kind.length,
        "budgets": [_budget(one, since) for one in series.outcomes],
        "windows": [_window(one) for one in series.windows],
    }


def _budget(outcome: Outcome, since: float | None) -> dict[str, Any]:
    found = outcome.found_at
    return {
        "budget": str(outcome.budget),
        "n_drift": outcome.n_drift,
        "alarms": [rfc3339(at) for at in outcome.alarms],
        "false_alarms": outcome.false_alarms,
        "found_at": None if found is None else rfc3339(found),
        "delay_seconds": None if found is None or since is None else found - since,
    }


def _window(judged: Judged) -> dict[str, Any]:
    written, decision, report = judged.written, judged.written.decision, judged.written.report
    return {
        "start": rfc3339(written.start),
        "end": rfc3339(written.end),
        "n_rows": report.n_rows,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "p_value": decision.p_value,
        "evidence": decision.evidence,
        "threshold": decision.threshold,
        "columns": [column.name for column in report.columns if column.named],
        "segments": [_segment(one) for one in report.segments],
        "because": report.explanation.because if report.explanation else None,
        "expected": _performance(report.expected),
        "realised": _performance(report.realised),
        "verdicts": [one.verdict for one in judged.decisions],
    }


def _segment(segment: SegmentReport) -> dict[str, Any]:
    return {
        "column": segment.column,
        "value": segment.value,
        "n_rows": segment.n_rows,
        "share": segment.share,
        "n_moved": segment.n_moved,
        "moved": [one.name for one in segment.moved],
        "expected": _performance(segment.expected),
        "realised": _performance(segment.realised),
    }


def _performance(told: Performance | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {"metric": told.metric, "value": told.value, "reference": told.reference, "n": told.n}
