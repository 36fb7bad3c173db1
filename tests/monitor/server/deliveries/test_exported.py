"""Endpoints as Prometheus sees them."""

from prometheus_client import CollectorRegistry

from alerts.delivery import Outcome, Result
from monitor.server.deliveries import endpoints
from monitor.server.deliveries.exported import EndpointMetrics
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW


def test_endpoints_are_counted_by_how_they_fare(database: Database) -> None:
    results = [Result.DELIVERED, Result.DELIVERED, Result.RETRY, Result.GONE]
    with database.write() as connection:
        for n, result in enumerate(results):
            outcome = Outcome(result=result, detail="")
            endpoints.note(connection, f"endpoint_{n}", {"kind": "webhook"}, outcome, NOW)
    registry = CollectorRegistry()
    registry.register(EndpointMetrics(database))
    counted = {
        state: registry.get_sample_value("driftmeter_server_endpoints", {"state": state})
        for state in ("working", "failing", "disabled")
    }
    assert counted == {"working": 2, "failing": 1, "disabled": 1}
