import pytest

from monitor.detect.judging import Judge
from monitor.sql.database import Database, Ownership, claim
from monitor.sql.store import References


@pytest.fixture
def judge(references: References) -> Judge:
    return Judge(references)


@pytest.fixture
def ownership(database: Database) -> Ownership:
    with database.write() as connection:
        found = claim(connection, "detect", "test", 0.0, lease_s=10)
    assert found.ownership is not None
    return found.ownership
