"""Charts of a monitor's windows over time; each window leads to its own page."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from monitor import pictures
from monitor.server import charts, wording
from monitor.server.charts import Axis, Chart, Place, Scale, Series, Tick
from monitor.server.moments import moment, seconds_of
from monitor.server.windows import Window

N_LINKS = 400
"""Of more windows, none leads anywhere: they would lie closer than a finger or a mouse can tell."""

Document = dict[str, Any]


def evidence(past: Sequence[Window], alerts: Sequence[Document]) -> Chart:
    last = past[-1]
    scale = Scale.logarithmic(
        [window.evidence for window in past] + [last.threshold], least=charts.LEAST_EVIDENCE
    )
    return _chart(
        past,
        [Series("evidence", [window.evidence for window in past])],
        scale,
        title=f"Evidence of drift over {len(past)} windows: now {pictures.number(last.evidence)}, "
        f"it alarms at {pictures.number(last.threshold)}.",
        marks=(
            Tick(scale.y(last.threshold), f"alarms at {pictures.number(last.threshold)}", "limit"),
        ),
        alerts=alerts,
    )


def performance(
    past: Sequence[Window], alerts: Sequence[Document], reference: float | None
) -> Chart | None:
    """Expected and realised performance with their intervals; None where neither is known."""
    sides = {
        "expected": [window.expected for window in past],
        "realised": [window.realised for window in past],
    }
    series = [
        Series(name, [e.value for e in side], [e.low for e in side], [e.high for e in side])
        for name, side in sides.items()
        if any(estimate.value is not None for estimate in side)
    ]
    if not series:
        return None
    drawn = [value for one in series for value in (*one.values, *one.low, *one.high)]
    scale = Scale.linear([*drawn, reference])
    marks = () if reference is None else (Tick(scale.y(reference), "reference"),)
    title = f"The model over {len(past)} windows: {' and '.join(one.name for one in series)}."
    return _chart(past, series, scale, title=title, marks=marks, alerts=alerts)


def outliers(past: Sequence[Window]) -> Chart | None:
    shares = [window.outlier_share for window in past]
    if not any(shares):
        return None
    percents = [None if share is None else 100 * share for share in shares]
    title = f"Share of outliers in percent over {len(past)} windows."
    return _chart(past, [Series("outliers", percents)], Scale.linear(percents), title=title)


def effect(found: Sequence[tuple[Document, Document]]) -> Chart | None:
    """How far a column was from its reference, of (report, column) oldest first."""
    if len(found) < 2:
        return None
    effects = [column["effect"] for _, column in found]
    ends = [seconds_of(report["window"]["end"]) for report, _ in found]
    axis, scale = Axis(ends[0], ends[-1]), Scale.linear(effects)
    return Chart(
        title=f"Effect over {len(found)} windows, in {found[-1][1]['effect_unit']}.",
        lines=(charts.line(Series("effect", effects), ends, axis, scale),),
        values=scale.ticks(),
        times=axis.ticks(),
    )


def _chart(
    past: Sequence[Window],
    series: Sequence[Series],
    scale: Scale,
    *,
    title: str,
    marks: tuple[Tick, ...] = (),
    alerts: Sequence[Document] = (),
) -> Chart:
    ends = [window.end for window in past]
    axis = Axis(ends[0], ends[-1])
    return Chart(
        title=title,
        lines=tuple(charts.line(one, ends, axis, scale) for one in series),
        values=scale.ticks(),
        times=axis.ticks(),
        marks=marks,
        places=_places(past, axis) if len(past) <= N_LINKS else (),
        spans=_spans(alerts, past, axis),
    )


def _places(past: Sequence[Window], axis: Axis) -> tuple[Place, ...]:
    """From half way to the window before to half way to the next."""
    at = [axis.percent(window.end) for window in past]
    borders = [0.0, *((a + b) / 2 for a, b in pairwise(at)), 100.0]
    return tuple(
        Place(
            left=borders[i],
            width=borders[i + 1] - borders[i],
            title=_said(window),
            href=f"/monitors/{window.monitor}?report={window.report}",
        )
        for i, window in enumerate(past)
    )


def _said(window: Window) -> str:
    span = wording.span(
        {"start": moment(window.start), "end": moment(window.end), "seconds": window.seconds}
    )
    said = [f"{span}: {window.verdict}", f"evidence {pictures.number(window.evidence)}"]
    for kind, value in (
        ("expected", window.expected.value),
        ("realised", window.realised.value),
    ):
        if value is not None:
            said.append(f"{kind} {wording.figure(value)}")
    return ", ".join([*said, f"{wording.count(window.n_rows)} rows"])


def _spans(alerts: Sequence[Document], past: Sequence[Window], axis: Axis) -> tuple[Place, ...]:
    """While an alert fired."""
    found = []
    for alert in alerts:
        if alert["firing_at"] is None:
            continue
        start, end = seconds_of(alert["firing_at"]), past[-1].end
        if alert["resolved_at"] is not None:
            end = min(end, seconds_of(alert["resolved_at"]))
        if end > past[0].end and start < past[-1].end:
            left, right = axis.percent(start), axis.percent(end)
            title = f"{alert['cause']} alert from {wording.when(alert['firing_at'])}"
            found.append(Place(left, right - left, title, kind="firing"))
    return tuple(found)
