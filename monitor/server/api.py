"""The HTTP API under /api/v1. Handlers are plain functions: SQL runs on worker threads."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Response
from sqlalchemy import Connection

from alerts.delivery import State
from alerts.words import State as AlertState
from detectors.report import Verdict
from monitor.kafka.messages import Registration
from monitor.retraining import telling as retraining
from monitor.server import queries, windows
from monitor.server.problems import ProblemError, read_document
from monitor.spec.model import Monitor
from monitor.spec.strict import NAME_PATTERN
from monitor.sql import registry
from monitor.sql.database import Database
from monitor.tenants import usage
from monitor.tenants.quotas import QuotasInForce
from monitor.tenants.usage import QuotaError

Document = dict[str, Any]

Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["free-seats"])]
IfMatch = Annotated[
    str | None, Header(description='A revision, as in "3": only if that is still the latest.')
]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="After so many.")]
OfMonitor = Annotated[str | None, Query(description="Only of this monitor.")]

EXAMPLE = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "Monitor",
    "metadata": {"name": "free-seats", "labels": {"owner": "transit"}},
    "spec": {
        "reference": {"url": "/data/rides-2019.parquet", "time": "departed_at"},
        "prediction": "free_seats_predicted",
        "label": "free_seats",
        "windows": ["1d"],
        "detection": {"false_alarms": "1 per 90d"},
    },
}


def routes(database: Database, clock: Callable[[], float], quotas: QuotasInForce) -> APIRouter:
    """The API over a database; `clock` gives seconds since 1970."""
    router = APIRouter(prefix="/api/v1")
    _add_monitors(router, database)
    _add_declaring(router, database, clock, quotas)
    _add_pausing(router, database, clock)
    _add_revisions(router, database)
    _add_reports(router, database)
    _add_windows(router, database)
    _add_alerts(router, database)
    return router


def _add_monitors(router: APIRouter, database: Database) -> None:
    @router.get(
        "/monitors",
        tags=["monitors"],
        summary="Monitors by name",
        description="Page by page: `next` is the `after` of the next page, null on the last.",
    )
    def list_monitors(
        label: Annotated[
            list[str],
            Query(description="Only with this label, as in owner:transit; all of several."),
        ] = [],  # noqa: B006 - FastAPI copies it
        state: Annotated[Verdict | None, Query(description="Only in this state.")] = None,
        after: Annotated[str, Query(description="Only names that come after this one.")] = "",
        limit: Limit = 100,
    ) -> Document:
        with database.read() as connection:
            found = queries.monitors(
                connection, labels=label, state=state, after=after, limit=limit + 1
            )
        items = found[:limit]
        return {"items": items, "next": items[-1]["name"] if len(found) > limit else None}

    @router.get("/monitors/{name}", tags=["monitors"], summary="One monitor")
    def get_monitor(name: Name, response: Response) -> Document:
        with database.read() as connection:
            found = _or_404(queries.monitor(connection, name), f"no monitor named {name!r}")
        response.headers["ETag"] = f'"{found["revision"]}"'
        return found


def _add_declaring(
    router: APIRouter, database: Database, clock: Callable[[], float], quotas: QuotasInForce
) -> None:
    @router.put(
        "/monitors/{name}",
        tags=["monitors"],
        summary="Create or change a monitor",
        status_code=HTTPStatus.ACCEPTED,
        description="Takes a Monitor document. Its reference is fitted afterwards: follow "
        "`status` until it is `active` or `failed`. The same document again changes nothing.",
    )
    def put_monitor(
        name: Name,
        document: Annotated[Document, Body(examples=[EXAMPLE])],
        response: Response,
        if_match: IfMatch = None,
    ) -> Document:
        wanted = read_document(Monitor, document, name)
        with database.write() as connection:
            found = queries.monitor(connection, name)
            _check_revision(found, if_match)
            if found is None:
                _check_quota(connection, name, quotas)
            put = registry.put(connection, wanted, clock())
        return _declared(put, response)

    @router.delete(
        "/monitors/{name}",
        tags=["monitors"],
        summary="Delete a monitor",
        status_code=HTTPStatus.NO_CONTENT,
        description="Its rows are no longer counted; what was reported stays.",
    )
    def delete_monitor(name: Name, if_match: IfMatch = None) -> None:
        with database.write() as connection:
            found = _or_404(queries.monitor(connection, name), f"no monitor named {name!r}")
            _check_revision(found, if_match)
            registry.delete(connection, name, clock())


def _add_pausing(router: APIRouter, database: Database, clock: Callable[[], float]) -> None:
    def change(name: str, response: Response, if_match: str | None, *, paused: bool) -> Document:
        with database.write() as connection:
            found = _or_404(queries.monitor(connection, name), f"no monitor named {name!r}")
            _check_revision(found, if_match)
            if found["status"] == "resolving":
                raise ProblemError(
                    HTTPStatus.CONFLICT,
                    f"revision {found['revision']} waits for its reference: repeat it afterwards",
                )
            changed = registry.pause(connection, name, clock(), paused=paused)
        if changed is None:
            raise ProblemError(HTTPStatus.CONFLICT, f"no revision of {name!r} was ever active")
        return _declared(changed, response)

    @router.post(
        "/monitors/{name}/pause",
        tags=["monitors"],
        summary="Decide nothing until it is resumed",
        description="A new revision with `spec.paused`, in force at once. Rows are counted and "
        "windows reported as undecided; alerts stay as they are.",
    )
    def pause_monitor(name: Name, response: Response, if_match: IfMatch = None) -> Document:
        return change(name, response, if_match, paused=True)

    @router.post(
        "/monitors/{name}/resume",
        tags=["monitors"],
        summary="Decide again",
        description="A new revision without `spec.paused`, in force at once. Windows that ended "
        "meanwhile stay undecided.",
    )
    def resume_monitor(name: Name, response: Response, if_match: IfMatch = None) -> Document:
        return change(name, response, if_match, paused=False)


def _declared(registration: Registration, response: Response) -> Document:
    response.headers["ETag"] = f'"{registration.revision}"'
    return {
        "name": registration.name,
        "revision": registration.revision,
        "status": registration.state,
    }


def _add_revisions(router: APIRouter, database: Database) -> None:
    @router.get(
        "/monitors/{name}/revisions",
        tags=["monitors"],
        summary="Every revision of a monitor, the latest first",
        description="Also of one that was deleted: its last revision says so.",
    )
    def list_revisions(name: Name) -> Document:
        with database.read() as connection:
            found = queries.revisions(connection, name)
        if not found:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no monitor was ever named {name!r}")
        return {"items": found}


def _add_reports(router: APIRouter, database: Database) -> None:
    @router.get("/monitors/{name}/reports", tags=["reports"], summary="Reports, newest first")
    def list_reports(
        name: Name,
        limit: Limit = 50,
        before: Annotated[
            float | None,
            Query(description="Only windows that start before this, in seconds since 1970."),
        ] = None,
    ) -> Document:
        with database.read() as connection:
            _or_404(queries.monitor(connection, name), f"no monitor named {name!r}")
            return {"items": queries.reports(connection, name, limit=limit, before=before)}

    @router.get(
        "/reports/{report_id}",
        tags=["reports"],
        summary="One report",
        description="The first one after a retrain was promoted says under `retrain` whether that "
        "helped.",
    )
    def get_report(
        report_id: str,
        as_decided: Annotated[
            bool,
            Query(description="As when its window was decided, before late labels and rows."),
        ] = False,
    ) -> Document:
        with database.read() as connection:
            found = queries.report(connection, report_id, as_decided=as_decided)
            found = _or_404(found, f"no report {report_id!r}")
            said = retraining.of_report(connection, found)
            return {**found, "retrain": said} if said else found


def _add_windows(router: APIRouter, database: Database) -> None:
    @router.get(
        "/monitors/{name}/windows",
        tags=["reports"],
        summary="Figures of windows, oldest first",
        description="The latest of one length: small enough for months of them.",
    )
    def list_windows(
        name: Name,
        seconds: Annotated[
            float | None,
            Query(ge=0, description="Their length, 0 of windows by rows; the shortest if absent."),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=10_000, description="At most so many.")] = 500,
        before: Annotated[
            float | None,
            Query(description="Only windows that start before this, in seconds since 1970."),
        ] = None,
    ) -> Document:
        with database.read() as connection:
            lengths = windows.lengths(connection, name)
            length = seconds if seconds is not None else min(lengths, default=0.0)
            found = windows.history(connection, name, length, limit=limit, before=before)
        return {"items": [window.to_json() for window in found]}


def _add_alerts(router: APIRouter, database: Database) -> None:
    @router.get("/alerts", tags=["alerts"], summary="Alerts, the latest first")
    def list_alerts(
        monitor: OfMonitor = None,
        state: Annotated[AlertState | None, Query(description="Only in this state.")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Document:
        with database.read() as connection:
            found = queries.alerts(
                connection, name=monitor, state=state, limit=limit, offset=offset
            )
        return {"items": found}

    @router.get("/alerts/{alert_id}", tags=["alerts"], summary="One alert")
    def get_alert(alert_id: str) -> Document:
        with database.read() as connection:
            return _or_404(queries.alert(connection, alert_id), f"no alert {alert_id!r}")

    @router.get("/deliveries", tags=["alerts"], summary="Notifications and their attempts")
    def list_deliveries(
        monitor: OfMonitor = None,
        state: Annotated[State | None, Query(description="Only those that are so.")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Document:
        with database.read() as connection:
            found = queries.deliveries(
                connection, name=monitor, state=state, limit=limit, offset=offset
            )
        return {"items": found}


def _check_quota(connection: Connection, name: str, quotas: QuotasInForce) -> None:
    try:
        usage.check_monitor(connection, name, quotas)
    except QuotaError as error:
        raise ProblemError(HTTPStatus.FORBIDDEN, str(error)) from None


def _check_revision(found: Document | None, if_match: str | None) -> None:
    if if_match is None:
        return
    current = str(found["revision"]) if found else "0"
    if if_match.strip().strip('"') not in (current, "*"):
        raise ProblemError(
            HTTPStatus.PRECONDITION_FAILED,
            f"the monitor is at revision {current}: read it again and repeat the change",
        )


def _or_404(found: Document | None, message: str) -> Document:
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, message)
    return found
