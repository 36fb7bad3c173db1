"""Any two windows of a monitor, column by column."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from detectors.report import Distribution
from monitor import pictures
from monitor.components import safe
from monitor.server import wording
from monitor.server.pages.monitor import found_monitor, found_report
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import missing
from monitor.sql.database import Database

Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/monitors/{name}/compare")
    def compare(request: Request, name: str, a: str = "", b: str = "") -> HTMLResponse:
        with database.read() as connection:
            found_monitor(connection, name)
            if not (a and b):
                raise missing("Choose two windows to compare.")
            first, second = (found_report(connection, name, one) for one in (a, b))
        page = {
            "name": name,
            "a": first,
            "b": second,
            "columns": compared(first, second),
            "is_one_reference": first["reference_id"] == second["reference_id"],
        }
        return render(request, "compare.html", page)


def compared(first: Document, second: Document) -> list[Document]:
    """What both windows have of every column, the most different first."""
    others = {column["name"]: column for column in second["columns"]}
    found = [
        _column(column, others[column["name"]])
        for column in first["columns"]
        if column["name"] in others
    ]
    return sorted(found, key=lambda column: -column["distance"])


def _column(a: Document, b: Document) -> Document:
    drawn = _side_by_side(a["distribution"], b["distribution"])
    moved = wording.moved({"reference": a["current"], "current": b["current"]})
    title, distance = wording.title_of(a["name"]), total_variation(drawn)
    return {
        "title": title,
        "moved": moved,
        "distance": distance,
        "aside": f"{wording.percent(distance)} differ",
        "picture": safe(pictures.distributions(drawn, title=f"{title}: {moved}")),
        "figures": _figures(a, b),
    }


def _figures(a: Document, b: Document) -> list[str]:
    effects, missing = (
        " → ".join(word(value) for value in pair)
        for word, pair in (
            (wording.figure, (a["effect"], b["effect"])),
            (wording.percent, (a["current"]["missing"], b["current"]["missing"])),
        )
    )
    return [f"effect against the reference {effects} {b['effect_unit']}", f"missing {missing}"]


def total_variation(of: Distribution) -> float:
    """Half the sum of the differences of shares, 0 … 1; of bars, so a lower bound."""
    return sum(abs(a - b) for a, b in zip(of.reference, of.current, strict=True)) / 2


def _side_by_side(a: Document, b: Document) -> Distribution:
    """The two windows over bars that both have; a bar that one lacks is empty there."""
    if a["edges"] and a["edges"] == b["edges"]:
        return Distribution(
            bars=tuple(a["bars"]),
            reference=tuple(a["current"]),
            current=tuple(b["current"]),
            edges=tuple(a["edges"]),
        )
    left, right = (dict(zip(one["bars"], one["current"], strict=True)) for one in (a, b))
    bars = tuple(dict.fromkeys([*left, *right]))
    return Distribution(
        bars=bars,
        reference=tuple(left.get(bar, 0.0) for bar in bars),
        current=tuple(right.get(bar, 0.0) for bar in bars),
    )
