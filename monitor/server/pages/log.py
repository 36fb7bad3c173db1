"""What pages read from the log: dead letters, and the rows that were least like the reference."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from monitor.kafka.connecting import Broker
from monitor.server import dead_letters, outliers
from monitor.server.moments import seconds_of
from monitor.server.pages.monitor import found_monitor, found_report
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import missing
from monitor.sql.database import Database

SHOWN = 100


def add(router: APIRouter, database: Database, broker: Broker | None, render: Renderer) -> None:
    @router.get("/monitors/{name}/outliers")
    def list_outliers(request: Request, name: str, report: str | None = None) -> HTMLResponse:
        with database.read() as connection:
            monitor = found_monitor(connection, name)
            shown = found_report(connection, name, report) if report else monitor["last_report"]
        if shown is None:
            raise missing(f"{name} has no window yet.")
        asked = monitor["document"]["spec"].get("detection", {}).get("outliers", {})
        start, end = (seconds_of(shown["window"][side]) for side in ("start", "end"))
        rows = (
            outliers.rows(broker, name, start=start, end=end, limit=SHOWN)
            if asked.get("publish_rows")
            else []
        )
        page = {"m": monitor, "report": shown, "rows": rows, "is_asked": "publish_rows" in asked}
        return render(request, "outliers.html", page)

    @router.get("/dead-letters")
    def list_letters(request: Request, monitor: str = "") -> HTMLResponse:
        found = dead_letters.latest(broker, limit=SHOWN, monitor=monitor or None)
        page = {"letters": [dead_letters.document(one) for one in found], "monitor": monitor}
        return render(request, "dead_letters.html", page)

    @router.post("/dead-letters/{letter_id:path}/replay", name="Send a dead letter back")
    def replay(letter_id: str) -> Response:
        dead_letters.replayed(broker, [letter_id])
        return RedirectResponse("/dead-letters", HTTPStatus.SEE_OTHER)
