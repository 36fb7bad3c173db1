"""On which brokers a test runs, and when."""

import pytest

from tests.support.long import LONG

# One worker runs all of them, so that one JVM is enough; the first may have to fetch it.
ON_APACHE = (pytest.mark.xdist_group("apache-kafka"), pytest.mark.timeout(600))

on_embedded = pytest.mark.parametrize(
    "broker",
    ["embedded", pytest.param("apache", marks=[ON_APACHE[0], *LONG])],
    indirect=True,
)
"""What rows and labels come to is the same on every broker: Apache's is asked by test-long."""
