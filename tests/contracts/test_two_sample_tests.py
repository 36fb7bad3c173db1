"""What every two-sample test of rows promises. They are found by themselves: a module of the
package `detectors.samples` whose function has the module's name is one."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike

import detectors.samples
from detectors.columns import Floats


def functions() -> dict[str, Callable[..., Any]]:
    found = {}
    for module in pkgutil.iter_modules(detectors.samples.__path__):
        members = vars(importlib.import_module(f"detectors.samples.{module.name}"))
        if module.name in members:
            found[module.name] = members[module.name]
    return found


TESTS = functions()
NEUTRAL = {"classifier_two_sample": 0.5}
every_test = pytest.mark.parametrize("name", sorted(TESTS))


def run(name: str, reference: ArrayLike, current: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """The statistic and the p-value."""
    result = TESTS[name](reference, current, rng=np.random.default_rng(seed))
    statistic = result.auc if hasattr(result, "auc") else result.statistic
    return statistic, result.p_value


def sample(n: int, *, seed: int, shift: float = 0.0, d: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


anything = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
some_rows = st.integers(0, 40).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=anything | st.sampled_from([0.0, 1.0, 1e308]))
)


def test_they_are_found() -> None:
    assert {"mmd", "energy_distance", "classifier_two_sample"} <= TESTS.keys()


@every_test
def test_options_are_keyword_only_after_the_two_sides(name: str) -> None:
    parameters = list(inspect.signature(TESTS[name]).parameters.values())
    assert [p.kind for p in parameters[:2]] == [inspect.Parameter.POSITIONAL_ONLY] * 2
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters[2:])


@every_test
def test_the_package_exports_it_with_a_docstring(name: str) -> None:
    assert name in detectors.samples.__all__
    assert TESTS[name].__doc__


@every_test
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_a_shift_is_seen_and_its_absence_is_not(name: str, shift: float) -> None:
    _, p_value = run(name, sample(300, seed=1), sample(200, seed=2, shift=shift))
    assert (p_value < 0.02) == (shift > 0)


@every_test
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_say_nothing(name: str, n: int) -> None:
    for reference, current in ((n, 50), (50, n)):
        assert np.isnan(run(name, sample(reference, seed=1), sample(current, seed=2))).all()


@every_test
def test_rows_that_hold_nothing_say_nothing(name: str) -> None:
    statistic, p_value = run(name, sample(50, seed=1), np.full((0, 3), np.nan))
    assert np.isnan(statistic)
    assert np.isnan(p_value)


@every_test
@pytest.mark.parametrize("value", [0.0, -1.5, 1e308, 5e-324])
def test_rows_that_are_all_the_same_do_not_differ(name: str, value: float) -> None:
    statistic, p_value = run(name, np.full((60, 2), value), np.full((50, 2), value))
    assert statistic == pytest.approx(NEUTRAL.get(name, 0.0), abs=1e-6)
    assert p_value >= 0.5


@every_test
def test_a_column_is_as_good_as_a_table_of_one(name: str) -> None:
    reference, current = sample(60, seed=1, d=1), sample(55, seed=2, d=1, shift=0.5)
    assert run(name, reference[:, 0], current[:, 0]) == run(name, reference, current)


@every_test
def test_one_seed_gives_one_answer_and_leaves_its_arguments_alone(name: str) -> None:
    reference, current = sample(60, seed=1), sample(50, seed=2, shift=0.2)
    reference.flags.writeable = current.flags.writeable = False
    assert run(name, reference, current, seed=5) == run(name, reference, current, seed=5)


@every_test
@pytest.mark.parametrize("unit", [2.0**-900, 2.0**900])
def test_the_unit_of_the_rows_does_not_matter(name: str, unit: float) -> None:
    reference, current = sample(60, seed=1), sample(50, seed=2, shift=0.4)
    _, p_value = run(name, reference, current)
    assert run(name, unit * reference, unit * current)[1] == p_value


@every_test
@settings(max_examples=30)
@given(reference=some_rows, current=some_rows)
def test_whatever_comes_there_is_an_answer_or_none(
    name: str, reference: Floats, current: Floats
) -> None:
    statistic, p_value = run(name, reference, current)
    assert np.isnan(statistic) == np.isnan(p_value)
    assert np.isnan(statistic) or (np.isfinite(statistic) and 0 < p_value <= 1)


@pytest.mark.parametrize("name", ["mmd", "energy_distance"])
def test_without_a_difference_small_p_values_are_as_rare_as_they_say(name: str) -> None:
    p_values = [
        run(name, sample(20, seed=2 * s), sample(15, seed=2 * s + 1))[1] for s in range(400)
    ]
    realised = [np.mean(np.array(p_values) <= level) for level in (0.05, 0.2, 0.5)]
    np.testing.assert_allclose(realised, [0.0495, 0.198, 0.495], atol=0.08)
    assert realised[0] == pytest.approx(0.0495, abs=0.035)  # three standard errors


def test_the_classifiers_small_p_values_are_no_commoner_than_they_say() -> None:
    p_values = [
        run("classifier_two_sample", sample(60, seed=2 * s, d=1), sample(60, seed=2 * s + 1, d=1))[
            1
        ]
        for s in range(24)
    ]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.25
