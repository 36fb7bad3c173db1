"""A whole dashboard as a page of HTML: its panels where the grid has them."""

from collections.abc import Iterator
from html import escape
from typing import Any

from tests.support.grafana import asked
from tests.support.grafana.asked import Series, Span
from tests.support.grafana.graph import Mark, graph, legend, ranked
from tests.support.grafana.looks import clock, colored, named, written
from tests.support.prometheus import Prometheus

Json = dict[str, Any]

WIDTH = 1600
UNIT = 38
"""Pixels of a line of Grafana's grid, with what is between two."""

HEAD, LEGEND, RANKED, PADDING = 30, 44, 210, 8

STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, Arial, sans-serif }
h1 { font-size: 18px; margin: 12px 16px 2px } p { margin: 0 16px 8px; color: #9a9aac }
main { position: relative }
section { position: absolute; box-sizing: border-box; padding: 4px }
section > div.panel { background: #181b1f; border: 1px solid #2c3235; height: 100%;
  box-sizing: border-box; border-radius: 2px; overflow: hidden; padding: 0 8px }
h2 { font-size: 14px; font-weight: 500; margin: 6px 0; white-space: nowrap; overflow: hidden }
h3 { font-size: 15px; font-weight: 500; margin: 10px 4px }
.grid { stroke: #2c3235 } .line { fill: none; stroke-width: 2 }
text { fill: #9a9aac; font-size: 11px } .scale { text-anchor: end } .time { text-anchor: middle }
.legend { height: 40px; overflow: hidden } .legend span { margin-right: 12px; white-space: nowrap }
.beside { display: flex; align-items: flex-start }
.ranked { flex: 1; white-space: nowrap; overflow: hidden }
.ranked td:first-child { width: 100%; overflow: hidden; text-overflow: ellipsis; max-width: 0 }
.ranked td { padding: 1px 4px; border: 0 }
.legend i, .ranked i { display: inline-block; width: 14px; height: 4px;
  margin-right: 5px; vertical-align: 3px }
.empty { text-align: center; color: #9a9aac; padding: 60px 0 } .stat { font-size: 34px;
  text-align: center; color: #fff; border-radius: 2px; line-height: 84px; font-weight: 500 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 7px 8px;
  border-bottom: 1px solid #2c3235 } th { color: #6e9fff; font-weight: 500 }
.bar { display: flex; align-items: center; height: 24px; margin: 3px 0 }
.bar b { width: 34%; text-align: right; padding-right: 10px; font-weight: 400; overflow: hidden;
  white-space: nowrap } .bar u { flex: 1; background: #22252b; height: 20px; text-decoration: none }
.bar s { display: block; height: 20px; text-decoration: none } .bar em { width: 62px;
  padding-left: 8px; font-style: normal }
.state { display: flex; align-items: center; height: 26px; margin: 2px 0 } .state b { width: 110px;
  text-align: right; padding-right: 8px; font-weight: 400; overflow: hidden; white-space: nowrap }
.state div { flex: 1; position: relative; height: 24px } .state span { position: absolute; height:
  24px; line-height: 24px; color: #111; overflow: hidden; text-indent: 4px }
"""


def page(board: Json, prometheus: Prometheus, span: Span) -> str:
    """HTML of the board, of what the Prometheus knows of that time."""
    marks = asked.annotations(prometheus, board, span)
    sections = "".join(_section(panel, prometheus, span, marks) for panel in board["panels"])
    bottom = max(_y(panel) + panel["gridPos"]["h"] for panel in board["panels"])
    events = " · ".join(f"{clock(at)} {escape(text)}" for at, _, text in marks)
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(board['title'])}</title>"
        f"<style>{STYLE}</style><h1>{escape(board['title'])}</h1>"
        f"<p>{escape(board['description'])} &nbsp; {events}</p>"
        f'<main style="width:{WIDTH}px;height:{bottom * UNIT}px">{sections}</main>'
    )


def _y(panel: Json) -> int:
    y: int = panel["gridPos"].get("y", 0)
    return y


def _section(panel: Json, prometheus: Prometheus, span: Span, marks: list[Mark]) -> str:
    place, column = panel["gridPos"], WIDTH / 24
    where = (
        f"left:{place.get('x', 0) * column:.0f}px;top:{_y(panel) * UNIT}px;"
        f"width:{place['w'] * column:.0f}px;height:{place['h'] * UNIT}px"
    )
    if panel["type"] == "row":
        return f'<section style="{where}"><h3>⌄ {escape(panel["title"])}</h3></section>'
    width = int(place["w"] * column) - 2 * PADDING - 12
    height = place["h"] * UNIT - HEAD - PADDING
    found = asked.series(prometheus, panel, span)
    body = _body(panel, found, span, marks, (width, height))
    return (
        f'<section style="{where}"><div class="panel"><h2>{escape(panel["title"])}</h2>'
        f"{body}</div></section>"
    )


def _body(
    panel: Json, found: list[list[Series]], span: Span, marks: list[Mark], size: tuple[int, int]
) -> str:
    match panel["type"]:
        case "timeseries":
            if panel["options"]["legend"]["placement"] == "right":
                beside = graph(panel, found, span, marks, (size[0] - RANKED, size[1]))
                return f'<div class="beside">{beside}{ranked(panel, found)}</div>'
            drawn = graph(panel, found, span, marks, (size[0], size[1] - LEGEND))
            return drawn + legend(found)
        case "state-timeline":
            return _states(panel, found[0], span)
        case "stat":
            return _number(panel, found[0])
        case "table":
            return _table(panel, found)
        case "bargauge":
            return _bars(panel, found[0])
    raise AssertionError(f"nobody draws {panel['type']}")


def _states(panel: Json, found: list[Series], span: Span) -> str:
    if not found:
        return '<div class="empty">No data</div>'
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    rows = (
        f'<div class="state"><b>{escape(one.name)}</b><div>'
        f"{''.join(_bands(one, mappings, span))}</div></div>"
        for one in found
    )
    return "".join(rows)


def _bands(one: Series, mappings: list[Json], span: Span) -> Iterator[str]:
    """A band as long as a value stays, named once."""
    total, begun = span.end - span.start, one.points[0]
    ended = [*one.points[1:], (one.points[-1][0] + span.step_s, float("nan"))]
    for (before, _), (at, value) in zip(one.points, ended, strict=True):
        is_gap = at - before > 1.5 * span.step_s
        if value == begun[1] and not is_gap:
            continue
        until = before + span.step_s if is_gap else at
        text, color = named(begun[1], mappings) or (f"{begun[1]:g}", "#888")
        left, width = (begun[0] - span.start) / total, (until - begun[0]) / total
        yield (
            f'<span style="left:{left:.2%};width:{width:.2%};background:{color}">'
            f"{escape(text)}</span>"
        )
        begun = (at, value)


def _number(panel: Json, found: list[Series]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    if not found:
        return f'<div class="stat" style="background:#2c3235">{defaults["noValue"]}</div>'
    (one,) = found
    color = colored(one.last, defaults["thresholds"])
    text = written(one.last, defaults["unit"])
    return f'<div class="stat" style="background:{color}">{escape(text)}</div>'


def _bars(panel: Json, found: list[Series]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    if not found:
        return f'<div class="empty">{defaults["noValue"]}</div>'
    most = defaults.get("max") or max(one.last for one in found) or 1.0
    return "".join(
        f'<div class="bar"><b>{escape(one.name)}</b><u><s style="width:{one.last / most:.1%};'
        f'background:hsl({210 - 210 * one.last / most:.0f} 70% 55%)"></s></u>'
        f"<em>{written(one.last, defaults['unit'])}</em></div>"
        for one in found
    )


def _table(panel: Json, found: list[list[Series]]) -> str:
    """Rows with the same labels in all queries are one; columns as `organize` names them."""
    merge, organize = panel["transformations"]
    assert (merge["id"], organize["id"]) == ("merge", "organize")
    options = organize["options"]
    names = sorted(options["renameByName"], key=lambda name: options["indexByName"][name])
    key = names[0]
    rows: dict[str, dict[str, str | float]] = {}
    for target, several in zip(panel["targets"], found, strict=True):
        for one in several:
            row = rows.setdefault(one.labels[key], dict(one.labels))
            row |= {**one.labels, f"Value #{target['refId']}": one.last}
    shown = [options["renameByName"][name] for name in names]
    order = names[shown.index(panel["options"]["sortBy"][0]["displayName"])]
    ranked = sorted(rows.values(), key=lambda row: -float(row.get(order, float("-inf"))))
    head = "".join(f"<th>{escape(title)}</th>" for title in shown)
    body = (
        "".join(
            _cell(panel, title, row.get(name)) for name, title in zip(names, shown, strict=True)
        )
        for row in ranked
    )
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{cells}</tr>' for cells in body)}</table>"


def _cell(panel: Json, title: str, value: str | float | None) -> str:
    look = {
        one["id"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == title
        for one in override["properties"]
    }
    if value is None or isinstance(value, str):
        return f"<td>{escape(value or '')}</td>"
    if name := named(value, look.get("mappings", [])):
        return f'<td style="color:{name[1]}">{escape(name[0])}</td>'
    color = colored(value, look["thresholds"]) if "thresholds" in look else "inherit"
    return f'<td style="color:{color}">{escape(_whole(value, look))}</td>'


def _whole(value: float, look: Json) -> str:
    """In its unit, of a share no more digits than the look has."""
    if look["unit"] == "percentunit" and "decimals" in look:
        return f"{100 * value:.{look['decimals']}f}%"
    return written(value, look["unit"])
