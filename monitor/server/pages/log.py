"""Dead letters: what of the log could not be read, and sending it back."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from monitor.kafka.connecting import Broker
from monitor.server import dead_letters
from monitor.server.pages.rendering import Renderer

SHOWN = 100


def add(router: APIRouter, broker: Broker | None, render: Renderer) -> None:
    @router.get("/dead-letters")
    def list_letters(request: Request, monitor: str = "") -> HTMLResponse:
        found = dead_letters.latest(broker, limit=SHOWN, monitor=monitor or None)
        page = {"letters": [dead_letters.document(one) for one in found], "monitor": monitor}
        return render(request, "dead_letters.html", page)

    @router.post("/dead-letters/{letter_id:path}/replay", name="Send a dead letter back")
    def replay(letter_id: str) -> Response:
        dead_letters.replayed(broker, [letter_id])
        return RedirectResponse("/dead-letters", HTTPStatus.SEE_OTHER)
