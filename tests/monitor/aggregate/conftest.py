"""What tests of aggregate share."""

from collections.abc import Iterator

import pytest

from detectors.reference import Reference
from monitor.sql.store import References
from tests.support.aggregated import (
    World,
)


@pytest.fixture
def world(reference: Reference, references: References) -> Iterator[World]:
    world = World(reference, references)
    yield world
    world.aggregator.close()
