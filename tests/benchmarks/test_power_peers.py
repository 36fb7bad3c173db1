"""The threshold that a tool would need for an equal rate of false alarms."""

import numpy as np
import pytest

from benchmarks.power_peers import exceeded_by


@pytest.mark.parametrize(("n", "above"), [(100, 1), (150, 2), (300, 3), (1_000, 10)])
def test_the_limit_leaves_the_share_above_it(n: int, above: int) -> None:
    strengths = np.random.default_rng(1).normal(size=n)
    assert (strengths > exceeded_by(0.01, strengths)).sum() == above
