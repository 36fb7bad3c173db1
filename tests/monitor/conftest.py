"""What tests of the monitor room share: a database of each kind, a reference, a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from detectors.reference import Reference
from monitor.sql.database import Database, open_database
from monitor.sql.store import ArtifactStore, References
from tests.support import postgres
from tests.support.counted import fit_reference, keep


@pytest.fixture(scope="session")
def postgres_schema(postgres_server: str) -> Iterator[str]:
    """The name of a database of our schema, to be copied: that is quicker than making it."""
    with postgres.copied(postgres_server) as url:
        open_database(url).engine.dispose()
        yield url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a row."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'driftmeter.db'}"
        return
    server, schema = (request.getfixturevalue(f"postgres_{what}") for what in ("server", "schema"))
    with postgres.copied(server, schema) as url:
        yield url


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
