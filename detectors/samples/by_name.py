"""The two-sample tests of rows by their names, on rows of mixed columns, as a report has them."""

import math
from collections.abc import Callable, Mapping, Sequence, Sized

import numpy as np

from detectors.columns import Rows
from detectors.report.sample import RowTest
from detectors.samples.classifier_two_sample import classifier_two_sample
from detectors.samples.energy_distance import energy_distance
from detectors.samples.mixed import Mixed
from detectors.samples.mmd import mmd
from detectors.samples.permutations import PermutationTest

N_PERMUTATIONS = 499
"""So the smallest p-value is 0.002."""

N_COLUMNS_SHOWN = 5

USED = 0.005
"""A column on which less of the AUC rests may as well not have been used."""

Test = Callable[[Mixed, Rows, Rows, np.random.Generator], RowTest]


def sample_tests(
    names: Sequence[str], mixed: Mixed, reference: Rows, current: Rows, /, *, seed: int
) -> tuple[RowTest, ...]:
    """What the tests of these names say; the same for the same rows and seed, whatever the others.

    names: among `SAMPLE_TESTS`.
    """
    tests = list(SAMPLE_TESTS)
    return tuple(
        SAMPLE_TESTS[name](
            mixed, reference, current, np.random.default_rng([seed, tests.index(name)])
        )
        for name in names
    )


def _mmd(mixed: Mixed, reference: Rows, current: Rows, rng: np.random.Generator) -> RowTest:
    sides = mixed.points(reference), mixed.points(current)
    return _permuted("mmd", mmd(*sides, rng=rng, n_permutations=N_PERMUTATIONS), sides)


def _energy(mixed: Mixed, reference: Rows, current: Rows, rng: np.random.Generator) -> RowTest:
    sides = mixed.points(reference), mixed.points(current)
    found = energy_distance(*sides, rng=rng, n_permutations=N_PERMUTATIONS)
    return _permuted("energy", found, sides)


def _permuted(name: str, found: PermutationTest, sides: Sequence[Sized]) -> RowTest:
    return RowTest(
        name=name,
        statistic=_known(found.statistic),
        p_value=_known(found.p_value),
        n_reference=len(sides[0]),
        n_current=len(sides[1]),
    )


def _classifier(mixed: Mixed, reference: Rows, current: Rows, rng: np.random.Generator) -> RowTest:
    found = classifier_two_sample(mixed.table(reference), mixed.table(current), rng=rng)
    low, high = found.interval
    used = sorted(zip(found.importance.tolist(), mixed.names, strict=True), reverse=True)
    return RowTest(
        name="classifier",
        statistic=_known(found.auc),
        p_value=_known(found.p_value),
        n_reference=reference.n,
        n_current=current.n,
        interval=None if math.isnan(low) else (low, high),
        columns={name: share for share, name in used[:N_COLUMNS_SHOWN] if share >= USED},
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


SAMPLE_TESTS: Mapping[str, Test] = {"mmd": _mmd, "energy": _energy, "classifier": _classifier}
