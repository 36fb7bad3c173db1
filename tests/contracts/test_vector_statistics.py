"""What every statistic of vectors promises. They are found by themselves: a module of the package
`detectors.vectors` whose function has the module's name is one, of moments or of Fourier sums."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import detectors.vectors
from detectors.columns import Floats
from detectors.vectors.embedding import Embedding
from detectors.vectors.sums import VectorMoments
from tests.detectors.vectors.makers import vectors


@dataclass(frozen=True)
class Statistic:
    """A statistic of two sets of rows, by way of the sums that profiles carry."""

    function: Callable[..., float]

    def __call__(
        self, reference: Floats, current: Floats, *, fit_on: Floats | None = None
    ) -> float:
        embedding = Embedding.fit(
            reference if fit_on is None else fit_on, rng=np.random.default_rng(0)
        )
        wanted = get_type_hints(self.function)["reference"]
        read = embedding.moments if wanted is VectorMoments else embedding.fourier
        return self.function(*(read(embedding.measure(side).sums) for side in (reference, current)))


def statistics() -> dict[str, Statistic]:
    found = {}
    for module in pkgutil.iter_modules(detectors.vectors.__path__):
        members = vars(importlib.import_module(f"detectors.vectors.{module.name}"))
        if module.name in members:
            found[module.name] = Statistic(members[module.name])
    return found


NAMES = statistics()
every_statistic = pytest.mark.parametrize("statistic", list(NAMES.values()), ids=list(NAMES))

numbers = st.floats(width=32) | st.sampled_from([0.0, 1.0, 3e38, -3e38])
some_rows = st.integers(0, 12).flatmap(lambda n: arrays(np.float32, (n, 2), elements=numbers))


def test_they_are_found() -> None:
    assert set(NAMES) >= {"hotelling", "frechet_distance", "mmd_fourier"}


@every_statistic
def test_both_sides_are_positional_and_it_has_a_docstring(statistic: Statistic) -> None:
    parameters = list(inspect.signature(statistic.function).parameters.values())
    assert [p.kind for p in parameters] == [inspect.Parameter.POSITIONAL_ONLY] * 2
    assert statistic.function.__doc__


@every_statistic
def test_the_same_rows_are_as_near_as_can_be(statistic: Statistic) -> None:
    rows = vectors(200, 4, seed=1)
    assert statistic(rows, rows) <= 1e-6


@every_statistic
def test_it_grows_with_the_shift(statistic: Statistic) -> None:
    reference = vectors(300, 4, seed=1)
    near, far = (statistic(reference, vectors(200, 4, seed=2, shift=s)) for s in (0.2, 1.0))
    assert near < far


@every_statistic
def test_the_sides_may_be_swapped(statistic: Statistic) -> None:
    x, y = vectors(100, 3, seed=1), vectors(150, 3, seed=2, shift=0.4)
    assert statistic(x, y, fit_on=x) == pytest.approx(statistic(y, x, fit_on=x))


@every_statistic
@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_vectors_of_any_size_are_told_apart(statistic: Statistic, unit: float) -> None:
    x, y = vectors(100, 3, seed=1), vectors(150, 3, seed=2, shift=0.4)
    homogeneous = unit if statistic.function.__name__ == "frechet_distance" else 1.0
    assert statistic(unit * x, unit * y) == pytest.approx(homogeneous * statistic(x, y), rel=0.3)


@every_statistic
def test_an_empty_side_says_nothing(statistic: Statistic) -> None:
    rows, nothing = vectors(50, 3, seed=1), np.full((10, 3), np.nan)
    assert np.isnan(statistic(rows, nothing))
    assert np.isnan(statistic(nothing, rows, fit_on=rows))


@every_statistic
@given(reference=some_rows, current=some_rows)
def test_whatever_comes_there_is_a_finite_answer_or_none(
    statistic: Statistic, reference: Floats, current: Floats
) -> None:
    value = statistic(reference, current)
    assert np.isnan(value) or np.isfinite(value)
