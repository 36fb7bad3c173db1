"""What tests of the monitor room share: a database of each kind, a reference, a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from detectors.reference import Reference
from monitor.sql.database import Database, open_database
from monitor.sql.store import ArtifactStore, References
from tests.support.counted import fit_reference, keep


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty one; the test runs on SQLite and on PostgreSQL."""
    opened = open_database(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def reference() -> Reference:
    return fit_reference()


@pytest.fixture
def store(reference: Reference, tmp_path: Path) -> ArtifactStore:
    return keep(reference, tmp_path / "references")


@pytest.fixture
def references(store: ArtifactStore) -> References:
    return References(store)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()
