import numpy as np
import pytest

from detectors.profile import count
from detectors.reference import Reference
from detectors.report.effects import statistics
from detectors.stacked import NumericStack
from detectors.statistics import (
    energy_distance,
    hellinger,
    kolmogorov_smirnov,
    population_stability_index,
    wasserstein,
)
from tests.detectors.makers import SCHEMA, traffic


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.fit(traffic(3000, seed=1)[0], SCHEMA)


def test_all_columns_at_once_are_what_they_are_one_by_one(reference: Reference) -> None:
    profile = count(traffic(500, seed=2, shift=0.3)[0], reference)
    stack = NumericStack.of(reference)
    a, b = stack.ranks(reference.profile.counts), stack.ranks(profile.counts)
    p, q = stack.index_bins(a), stack.index_bins(b)
    together = {
        "kolmogorov_smirnov": kolmogorov_smirnov(a, b),
        "wasserstein_sd": wasserstein(a, b, positions=stack.positions),
        "hellinger": hellinger(p, q),
    }
    for row, i in enumerate(stack.columns.tolist()):
        sides = (reference.part(side.counts, i) for side in (reference.profile, profile))
        alone = statistics(reference.columns[i], *sides)
        for name, values in together.items():
            assert values[row] == pytest.approx(alone[name], rel=1e-12), name


def test_the_index_bins_of_a_continuous_column_hold_a_tenth_of_the_reference_each(
    reference: Reference,
) -> None:
    stack = NumericStack.of(reference)
    bins = stack.index_bins(stack.ranks(reference.profile.counts))
    speed = bins[stack.columns.tolist().index(reference.index("speed"))]
    assert (
        speed.sum() == reference.part(reference.profile.counts, reference.index("speed"))[1:].sum()
    )
    np.testing.assert_allclose(speed / speed.sum(), 0.1, atol=0.01)
    assert population_stability_index(speed, speed) == 0.0


def test_a_column_that_does_not_vary_has_no_positions() -> None:
    rows, _ = traffic(200, seed=1)
    columns = {**rows.columns, "speed": np.ones(200)}
    reference = Reference.fit(type(rows)(columns, 200), SCHEMA)
    stack = NumericStack.of(reference)
    a = stack.ranks(reference.profile.counts)
    row = stack.columns.tolist().index(reference.index("speed"))
    assert np.isnan(energy_distance(a, a, positions=stack.positions)[row])
