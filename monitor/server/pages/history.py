"""What has happened to a monitor: its windows, alerts, retrain requests, revisions."""

import difflib
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from monitor.server import queries, windows, wording
from monitor.server.moments import moment
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import missing
from monitor.server.windows import Window
from monitor.sql.database import Database

N_RECENT = 8
PER_PAGE = 100
LARGEST_HISTORY = 500

Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/monitors/{name}/windows")
    def list_windows(
        request: Request,
        name: str,
        length: float | None = None,
        before: Annotated[float | None, Query()] = None,
    ) -> HTMLResponse:
        with database.read() as connection:
            page = _windows_page(connection, name, length, before)
        return render(request, "windows.html", page)

    @router.get("/monitors/{name}/history")
    def full_history(request: Request, name: str) -> HTMLResponse:
        with database.read() as connection:
            revisions = queries.known_revisions(connection, name)
            page = {
                "name": name,
                "is_deleted": revisions[0]["status"] == "deleted",
                "events": events(connection, name, limit=LARGEST_HISTORY),
            }
        return render(request, "history.html", page)

    @router.get("/monitors/{name}/revisions/{revision}")
    def one_revision(request: Request, name: str, revision: int) -> HTMLResponse:
        with database.read() as connection:
            revisions = {one["revision"]: one for one in queries.known_revisions(connection, name)}
        shown = revisions.get(revision)
        if shown is None:
            raise missing(f"{name} has no revision {revision}")
        page = {
            "name": name,
            "revision": shown,
            "document": _written(shown["document"]),
            "changes": _changes(revisions.get(revision - 1), shown),
            "latest": max(revisions),
        }
        return render(request, "revision.html", page)


def events(connection: Connection, name: str, *, limit: int) -> list[Document]:
    """What happened, the latest first: {"at", "kind", "title", "detail", "href"}.

    Alerts and retrain requests are at their event times, revisions at the time of the change.
    """
    found = [
        *_alert_events(queries.alerts(connection, name=name, limit=limit)),
        *_retrain_events(queries.deliveries(connection, name=name, kind="retrain", limit=limit)),
        *_revision_events(name, queries.revisions(connection, name)),
    ]
    return sorted(found, key=lambda event: event["at"], reverse=True)[:limit]


def _alert_events(alerts: list[Document]) -> list[Document]:
    found = []
    for alert in alerts:
        steps = {"firing": alert["firing_at"], "resolved": alert["resolved_at"]}
        if alert["state"] == "pending":
            steps["pending"] = alert["started_at"]
        for state, at in steps.items():
            if at is not None:
                moved = ", ".join(wording.title_of(one["name"]) for one in alert["columns"] or ())
                title = f"{alert['cause']} alert {state}"
                detail = moved if state == "firing" else ""
                found.append(_event(at, state, title, detail, f"/alerts/{alert['id']}"))
    return found


def _retrain_events(deliveries: list[Document]) -> list[Document]:
    return [
        _event(
            one["payload"]["time"],
            "retrain",
            "retraining requested",
            f"of {one['endpoint']}: {one['state']}",
            f"/deliveries/{one['id']}",
        )
        for one in deliveries
    ]


def _revision_events(name: str, revisions: list[Document]) -> list[Document]:
    found = []
    reference: object = None
    for one in reversed(revisions):
        known = (one["reference"] or {}).get("id")
        is_new = known is not None and known != reference
        reference = known or reference
        title = f"revision {one['revision']} {one['status']}"
        detail = f"a new reference, {wording.digest(known)}" if is_new else one["reason"] or ""
        href = f"/monitors/{name}/revisions/{one['revision']}"
        found.append(_event(one["created_at"], one["status"], title, detail, href))
    return found


def _event(at: str, kind: str, title: str, detail: str, href: str) -> Document:
    return {"at": at, "kind": kind, "title": title, "detail": detail, "href": href}


def _windows_page(
    connection: Connection, name: str, length: float | None, before: float | None
) -> Document:
    if queries.monitor(connection, name) is None:
        raise missing(f"There is no monitor named {name!r}.")
    lengths = windows.lengths(connection, name)
    seconds = length if length in lengths else (lengths[0] if lengths else 0.0)
    past = windows.history(connection, name, seconds, limit=PER_PAGE + 1, before=before)
    shown = past[-PER_PAGE:]
    return {
        "name": name,
        "length": seconds,
        "lengths": lengths,
        "windows": [_line(window) for window in reversed(shown)],
        "older": shown[0].start if len(past) > PER_PAGE else None,
        "is_first": before is None,
    }


def _line(window: Window) -> Document:
    return window.to_json() | {
        "span": wording.span(
            {"start": moment(window.start), "end": moment(window.end), "seconds": window.seconds}
        )
    }


def _written(document: Document) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _changes(before: Document | None, after: Document) -> list[tuple[str, str]]:
    """Lines with their kind, "added", "removed" or "same", of a revision and the one before."""
    if before is None:
        return []
    old, new = (_written(one["document"]).splitlines() for one in (before, after))
    kinds = {"+": "added", "-": "removed", " ": "same"}
    lines = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    return [(kinds[line[0]], line[1:]) for line in lines if line[0] in kinds]
