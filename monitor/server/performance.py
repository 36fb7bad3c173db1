"""How good the model is and how sound its data are, as people read it.

Reports that were written before any of this was told lack it; then there is nothing to show.
"""

from collections.abc import Sequence

from monitor.server.windows import Window
from monitor.server.wording import Document, figure, metric, percent, title_of


def metrics(report: Document) -> Sequence[Document]:
    """One line a metric: its name, as it is expected and as labels realise it."""
    sides = [report["expected"], report["realised"]]
    names = dict.fromkeys(name for side in sides if side for name in _names(side))
    return [
        {
            "name": metric(name),
            "expected": _told(report["expected"], name),
            "realised": _told(report["realised"], name),
        }
        for name in names
    ]


def tracked(past: Sequence[Window]) -> str | None:
    """How far off what was expected has been where labels told; None where none did."""
    sides = [
        (window.expected.interval, window.expected.value, window.realised.value) for window in past
    ]
    both = [(i, e, r) for i, e, r in sides if e is not None and r is not None]
    if not both:
        return None
    off = sum(abs(expected - realised) for _, expected, realised in both) / len(both)
    held = [interval[0] <= realised <= interval[1] for interval, _, realised in both if interval]
    windows = "1 window" if len(both) == 1 else f"{len(both)} windows"
    said = f"In {windows} with labels the estimate was off by {figure(off)} on average"
    interval = f"; its interval held what they told in {sum(held)} of {len(held)}" if held else ""
    return f"{said}{interval}."


def groups(report: Document) -> Sequence[Document]:
    """One line a group that is compared with the rest."""
    return [
        {
            "name": f"{title_of(group['column'])}: {group['group']}",
            "n": group["n"],
            "parity": _of_group(group, "statistical_parity_difference"),
            "impact": _of_group(group, "disparate_impact"),
            "opportunity": _of_group(group, "equal_opportunity_difference"),
        }
        for group in report.get("fairness", ())
    ]


def faults(report: Document) -> Sequence[str]:
    """One sentence for each fault of the data that is beyond what the reference shows."""
    quality = report.get("quality") or {"issues": ()}
    return [_fault(issue) for issue in quality["issues"] if issue["beyond"]]


def _names(performance: Document) -> Sequence[str]:
    known = [performance["metric"]] if performance["value"] is not None else []
    return [*known, *performance["others"], *performance.get("undefined", ())]


def _told(performance: Document | None, name: str) -> str:
    if performance is None:
        return "–"
    if name in performance.get("undefined", ()):
        return str(performance["undefined"][name])
    if name == performance["metric"]:
        return _value(performance["value"], performance.get("interval"))
    intervals = performance.get("intervals", {})
    return _value(performance["others"].get(name), intervals.get(name))


def _of_group(group: Document, name: str) -> str:
    if name in group["undefined"]:
        return str(group["undefined"][name])
    return _value(group["values"].get(name), group["intervals"].get(name))


def _value(value: float | None, interval: Sequence[float] | None) -> str:
    """A figure, and its interval where there is one."""
    if value is None or interval is None:
        return figure(value)
    return f"{figure(value)} ({figure(interval[0])} to {figure(interval[1])})"


def _fault(issue: Document) -> str:
    if issue["fault"] == "constant":
        return f"{title_of(issue['column'])} is constant."
    what = "rows" if issue["column"] is None else title_of(issue["column"])
    share, before = percent(issue["share"]), percent(issue["reference"])
    return f"{what}: {share} {issue['fault']}, {before} in the reference."
