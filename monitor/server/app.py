"""The application that `driftmeter serve` runs: API, pages, documentation, probes, metrics."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError

import monitor
from monitor.kafka.connecting import Broker
from monitor.server import (
    api,
    audit,
    dead_letters,
    examples,
    outliers,
    pages,
    problems,
    retrains,
    rows,
    silences,
    subscriptions,
    tenants,
    tokens,
)
from monitor.server.access import Gate, Identify, anyone, check_namespace, namespaces
from monitor.server.audit import Audited
from monitor.server.conditional import Conditional
from monitor.server.deliveries import routes as deliveries
from monitor.server.deliveries.exported import EndpointMetrics
from monitor.server.exported import MonitorMetrics
from monitor.server.pages.rendering import Renderer
from monitor.server.repeats import OnlyOnce
from monitor.server.tenants import NamespaceMetrics
from monitor.sql.database import Database
from monitor.tenants.namespaces import ALL
from monitor.tenants.quotas import NoQuotas, QuotasInForce

STATIC = Path(monitor.__file__).parent / "static"


def create_app(
    database: Database,
    registry: CollectorRegistry,
    clock: Callable[[], float],
    *,
    identify: Sequence[Identify] = (anyone,),
    broker: Broker | None = None,
    quotas: QuotasInForce = NoQuotas(),  # noqa: B008 - it has no state
) -> FastAPI:
    """The whole HTTP surface; `registry` may hold metrics of other parts of the process.

    identify: ways to know who calls, asked in turn. Without any, everybody may do everything.
    broker: where dead letters and rows are. quotas: how much each namespace may use.
    """
    database = replace(database, namespaces=namespaces)
    app = FastAPIOffline(
        title="Driftmeter",
        summary="Tells the people who run machine-learning models that one is carried off course.",
        docs_url="/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        favicon_url="/static/favicon.svg",
        version=metadata.version("driftmeter"),
        responses=problems.RESPONSES,
        dependencies=[Depends(check_namespace)],
    )
    render = Renderer(clock)
    problems.install(app, pages.error_page(render))
    registry.register(EndpointMetrics(database))
    registry.register(NamespaceMetrics(database, quotas))
    app.include_router(api.routes(database, clock, quotas))
    app.include_router(deliveries.routes(database, clock))
    app.include_router(silences.routes(database, clock))
    app.include_router(subscriptions.routes(database, clock))
    app.include_router(retrains.routes(database, clock))
    app.include_router(rows.routes(database, broker))
    app.include_router(dead_letters.routes(broker))
    app.include_router(outliers.routes(broker))
    app.include_router(tenants.routes(database, quotas))
    app.include_router(tokens.routes(database, clock))
    app.include_router(audit.routes(database))
    app.include_router(pages.routes(database, render, clock, broker, quotas))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_probes(app, database)
    _add_metrics(app, database, registry, quotas)
    examples.describe(app)
    app.add_middleware(Conditional)
    app.add_middleware(OnlyOnce, database=database, clock=clock)
    app.add_middleware(Audited, database=database, clock=clock)
    app.add_middleware(Gate, identify=identify)  # the last one is the first to see a request
    return app


def _add_probes(app: FastAPI, database: Database) -> None:
    @app.get("/healthz", include_in_schema=False)
    def alive() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    def ready() -> PlainTextResponse:
        try:
            with database.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            return PlainTextResponse(f"the database does not answer: {error}\n", status_code=503)
        return PlainTextResponse("ok\n")


def _add_metrics(
    app: FastAPI, database: Database, registry: CollectorRegistry, quotas: QuotasInForce
) -> None:
    monitors = MonitorMetrics(database)

    @app.get("/metrics", include_in_schema=False)
    def exposition(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        shown = registry if namespaces() == ALL else _own(database, quotas)
        return Response(monitors.text().encode() + encode(shown), media_type=content_type)


def _own(database: Database, quotas: QuotasInForce) -> CollectorRegistry:
    """What a tenant sees beside their monitors; how the process fares is the operator's."""
    registry = CollectorRegistry()
    registry.register(EndpointMetrics(database))
    registry.register(NamespaceMetrics(database, quotas))
    return registry
