"""How many endpoints work, read from SQL at scrape time."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor.server.deliveries import endpoints
from monitor.sql.database import Database
from monitor.telemetry import metrics


class EndpointMetrics(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[GaugeMetricFamily]:
        return [_family()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._database.read() as connection:
            found = endpoints.states(connection)
        family = _family()
        for state in endpoints.STATES:
            family.add_metric((state,), found[state])
        yield family


def _family() -> GaugeMetricFamily:
    metric = metrics.SERVER_ENDPOINTS
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
