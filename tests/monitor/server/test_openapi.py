"""Whatever is sent to the API, it is answered as is described, and never by a fault of its own."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema

from monitor.server.app import create_app
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def described(watched: Database, told: None) -> BaseSchema:
    app = create_app(watched, CollectorRegistry(), lambda: NOW)
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


pytestmark = pytest.mark.timeout(600)  # a test of every operation, for a machine that is busy

schema = schemathesis.pytest.from_fixture("described").exclude(
    path_regex="dead-letters|/rows$|/outliers$"  # they need a broker, and say so with 503
)


@schema.parametrize()
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_that_is_sent_is_a_fault_of_ours(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=[not_a_server_error])
