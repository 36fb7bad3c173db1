import pytest

from detectors.reference import Reference
from monitor.detect.judging import Judge
from monitor.sql.database import Database, Ownership, claim
from monitor.sql.store import References
from tests.monitor.detect.world import World


@pytest.fixture
def judge(references: References) -> Judge:
    return Judge(references)


@pytest.fixture
def ownership(database: Database) -> Ownership:
    with database.write() as connection:
        found = claim(connection, "detect", "test", 0.0, lease_s=10)
    assert found.ownership is not None
    return found.ownership


@pytest.fixture
def world(reference: Reference, database: Database, ownership: Ownership, judge: Judge) -> World:
    return World(reference, database, ownership, judge)
