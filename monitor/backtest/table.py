"""A backtest as text: runs of windows that say the same, then what the budgets come to."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from detectors.report import Performance, SegmentReport, Verdict
from monitor.backtest.findings import Findings, SeriesFindings
from monitor.backtest.judged import Judged, Outcome
from monitor.pictures import number, shortened
from monitor.spec.durations import format_duration

N_COLUMNS = 5
"""Named of a drifting window."""

N_SEGMENTS = 10
"""Of those that a drift hits."""

NOTHING = "–"


def plain(findings: Findings) -> str:
    """Aligned text; times are in UTC."""
    return "\n".join([*_above(findings), *_series(findings), "", _headline(findings)])


def _above(findings: Findings) -> Iterator[str]:
    spec = findings.monitor.spec
    budget = spec.detection.false_alarms
    yield f"monitor    {findings.monitor.name}, at most {budget} false alarms"
    yield f"reference  {shortened(str(spec.reference), 60)}, {findings.n_reference:,} rows"
    span = f"{_moment(findings.first)} to {_moment(findings.last)}"
    yield f"rows       {findings.n_rows:,}, {span}"
    for text in findings.injected:
        yield f"injected   {shortened(text, 80)}"
    for reason, n in findings.unreadable.items():
        yield f"unread     {n:,} captured lines: {reason}"


def _series(findings: Findings) -> Iterator[str]:
    for one in findings.series:
        yield ""
        yield f"Windows of {one.kind}"
        yield from _aligned(list(_runs(one)))
        if segments := list(_segments(one)):
            yield ""
            yield from _aligned([_SEGMENTS, *segments])
        yield ""
        yield from _aligned([_BUDGETS, *(_budget(o, findings.since) for o in one.outcomes)])


def _runs(series: SeriesFindings) -> Iterator[Sequence[str]]:
    """A line for each run of windows with one verdict."""
    for verdict, run in groupby(series.windows, key=lambda one: one.written.decision.verdict):
        windows = list(run)
        first, last = windows[0].written, windows[-1].written
        yield (
            f"{_moment(first.start)} to {_moment(last.end)}",
            verdict,
            f"{len(windows)} window{'s' if len(windows) > 1 else ''}",
            (_drift(windows) if verdict is Verdict.DRIFT else _calm(windows)) + _error(windows),
        )


def _drift(windows: Sequence[Judged]) -> str:
    """Why the first of them drifts, and which columns moved in any."""
    decision = windows[0].written.decision
    p = "" if decision.p_value is None else f", p = {number(decision.p_value)}"
    names = dict.fromkeys(
        column.name for one in windows for column in one.written.report.columns if column.named
    )
    shown = ", ".join(shortened(name, 30) for name in list(names)[:N_COLUMNS])
    more = f" and {len(names) - N_COLUMNS} more" if len(names) > N_COLUMNS else ""
    return f"{decision.reason}{p}" + (f": {shown}{more}" if names else "")


def _calm(windows: Sequence[Judged]) -> str:
    return ", ".join(dict.fromkeys(str(one.written.decision.reason) for one in windows))


def _error(windows: Sequence[Judged]) -> str:
    """The model's own, over all labels of the windows."""
    found = _mean(one.written.report.realised for one in windows)
    return f"; {found}" if found else ""


def _mean(told: Iterable[Performance | None]) -> str:
    """Over all labels, with its metric's name; empty without any."""
    known = [(one.metric, one.value, one.n) for one in told if one and one.value is not None]
    n = sum(n for _, _, n in known)
    if not n:
        return ""
    return f"{known[0][0]} {number(sum(value * n for _, value, n in known) / n)}"


_SEGMENTS = ("segment", "columns moved in", "which", "the model")


def _segments(series: SeriesFindings) -> Iterator[Sequence[str]]:
    """Whom the windows that drift hit: the segments in which columns moved in most of them."""
    of_segment: dict[str, list[SegmentReport]] = {}
    for one in series.windows:
        if one.written.decision.verdict is Verdict.DRIFT:
            for segment in one.written.report.segments:
                of_segment.setdefault(_title(segment), []).append(segment)
    hit = {title: [one for one in told if one.moved] for title, told in of_segment.items()}
    ranked = sorted(filter(hit.get, hit), key=lambda title: len(hit[title]), reverse=True)
    for title in ranked[:N_SEGMENTS]:
        told = of_segment[title]
        names = dict.fromkeys(column.name for one in hit[title] for column in one.moved)
        yield (
            title,
            f"{len(hit[title])} of {len(told)} windows",
            ", ".join(shortened(name, 30) for name in list(names)[:N_COLUMNS]),
            _mean(one.realised for one in told) or NOTHING,
        )


def _title(segment: SegmentReport) -> str:
    value = "all other values" if segment.value is None else shortened(segment.value, 30)
    return f"{shortened(segment.column, 30)}: {value}"


_BUDGETS = ("budget", "windows that drift", "alerts fired", "false", "drift found", "after")


def _budget(outcome: Outcome, since: float | None) -> Sequence[str]:
    found = outcome.found_at
    return (
        str(outcome.budget),
        str(outcome.n_drift),
        str(len(outcome.alarms)),
        NOTHING if outcome.false_alarms is None else str(outcome.false_alarms),
        NOTHING if since is None else "missed" if found is None else _moment(found),
        NOTHING if since is None or found is None else format_duration(found - since),
    )


def _headline(findings: Findings) -> str:
    own = [one.outcomes[0] for one in findings.series]
    n_false = sum(one.false_alarms or 0 for one in own)
    n_drift = sum(one.n_drift for one in own)
    n_alarms = sum(len(one.alarms) for one in own)
    before = f"{n_false} false alarms before it, where the budget allows {findings.allowed}"
    match findings.conclusion:
        case "undecided":
            return "Undecided: no window holds enough rows."
        case "quiet":
            return "No window drifts."
        case "drift":
            return f"{n_drift} windows drift; alerts fired {n_alarms} times."
        case "missed":
            return f"The injected drift is missed; {before}."
    assert findings.since is not None
    after = min(one.found_at for one in own if one.found_at is not None) - findings.since
    return f"The injected drift is found after {format_duration(after)}; {before}."


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"
