"""The API and the metrics of namespaces: what each uses, and what it may use."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from monitor.sql.database import Database
from monitor.telemetry import metrics
from monitor.telemetry.instruments import Metric
from monitor.tenants import usage
from monitor.tenants.quotas import QuotasInForce
from monitor.tenants.usage import Usage

Document = dict[str, Any]


def routes(database: Database, quotas: QuotasInForce) -> APIRouter:
    router = APIRouter(prefix="/api/v1/namespaces", tags=["access"])

    @router.get(
        "",
        summary="Namespaces that have a monitor, by name",
        description="What each uses, and what it may use: null is no limit. `spool` is in bytes.",
    )
    def list_namespaces() -> Document:
        with database.read() as connection:
            return {"items": list(_told(connection, quotas))}

    return router


def _told(connection: Connection, quotas: QuotasInForce) -> Iterator[Document]:
    used, reports = usage.usage(connection), usage.reports(connection)
    for name in sorted(used.keys() | reports.keys()):
        yield {
            "name": name,
            "used": {**asdict(used.get(name, Usage())), "reports": reports.get(name, 0)},
            "quota": quotas.of(name).model_dump(),
        }


class NamespaceMetrics(Collector):
    """Monitors and columns of each namespace, read from SQL at scrape time, and their limits."""

    def __init__(self, database: Database, quotas: QuotasInForce) -> None:
        self._database = database
        self._quotas = quotas

    def describe(self) -> list[GaugeMetricFamily]:
        return [_family(metrics.TENANT_USED), _family(metrics.TENANT_QUOTA)]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._database.read() as connection:
            found = usage.usage(connection)
        used, allowed = self.describe()
        for name, one in found.items():
            quota = self._quotas.of(name)
            for resource, n in asdict(one).items():
                used.add_metric((name, resource), n)
                if (limit := getattr(quota, resource)) is not None:
                    allowed.add_metric((name, resource), limit)
        yield from (used, allowed)


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
