"""Five minutes of whatever schemathesis thinks of, against a server with something in it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.server.app import create_app
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW
from tests.support.browsing import served
from tests.support.long import LONG

pytestmark = [*LONG]

MINUTES = 5


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


def test_nothing_that_is_sent_for_minutes_is_a_fault_of_ours(
    told: None, watched: Database, free_port: Callable[[], int], tmp_path: Path
) -> None:
    app = create_app(watched, CollectorRegistry(), lambda: NOW)
    with served(app, free_port()) as address:
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "run"),
            f"{address}/api/openapi.json",
            "--checks=not_a_server_error,response_schema_conformance",
            # They need a broker, and say so with 503.
            "--exclude-path-regex=dead-letters|/rows$|/outliers$",
            f"--max-time={60 * MINUTES}",
            "--generation-database=none",
        ]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-8_000:] + ended.stderr[-2_000:]
