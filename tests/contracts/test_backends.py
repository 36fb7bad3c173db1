"""What every backend promises: the kernels of NumPy written slowly, on arrays of any kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from detectors.backend import TOLERANCE, Backend
from detectors.backend.rounding import rounded_down
from detectors.columns import Floats
from detectors.scorers.trees import Trees
from tests.support.backends import BACKENDS, NotTested, backend_named

LARGEST, RESOLUTION = 2.0**10, np.array([2.0**20, 2.0**12])

any_floats = st.floats(allow_nan=True, allow_infinity=True)
any_float32 = st.floats(allow_nan=True, allow_infinity=True, width=32)
tables = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(0, 30)), elements=any_floats
)
narrow = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(0, 30)), elements=any_float32
)
seeds = st.integers(0, 1000)

some_examples = settings(max_examples=50)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest, not_tested: NotTested) -> Backend:
    return backend_named(request.param, not_tested)


def test_an_array_comes_back_as_it_went(backend: Backend) -> None:
    for kind in (np.float32, np.float64, np.int32, np.int64, np.int8):
        array = np.arange(6, dtype=kind).reshape(2, 3)
        back = backend.get(backend.put(array))
        assert back.dtype == array.dtype
        assert np.array_equal(back, array)


def test_arrays_that_must_not_be_written_or_lie_backwards_are_taken(backend: Backend) -> None:
    array = np.arange(6.0).reshape(2, 3)[:, ::-1]
    array.flags.writeable = False
    assert np.array_equal(backend.get(backend.put(array)), array)


@some_examples
@given(values=tables, n_cuts=st.integers(1, 9), seed=seeds)
def test_places_are_how_many_cuts_lie_below(
    backend: Backend, values: Floats, n_cuts: int, seed: int
) -> None:
    cuts = some_cuts(values, n_cuts, seed)
    found = backend.get(backend.place(backend.put(values), backend.put(cuts)))
    assert found.dtype == np.int32
    assert np.array_equal(found, slow_places(values, cuts))


@some_examples
@given(values=narrow, n_cuts=st.integers(1, 9), seed=seeds)
def test_narrow_values_are_placed_among_cuts_rounded_down_as_wide_ones_among_the_cuts(
    backend: Backend, values: NDArray[np.float32], n_cuts: int, seed: int
) -> None:
    cuts = some_cuts(values.astype(np.float64), n_cuts, seed)
    found = backend.place(backend.put(values), backend.put(rounded_down(cuts)))
    assert np.array_equal(backend.get(found), slow_places(values.astype(np.float64), cuts))


@some_examples
@given(seed=seeds, n_columns=st.integers(1, 5), n_rows=st.integers(0, 50), n=st.integers(1, 9))
def test_counts_are_how_often_a_place_occurs(
    backend: Backend, seed: int, n_columns: int, n_rows: int, n: int
) -> None:
    places = np.random.default_rng(seed).integers(0, n, (n_columns, n_rows)).astype(np.int32)
    found = backend.get(backend.count(backend.put(places), n_places=n))
    assert found.dtype == np.int64
    assert found.tolist() == [[(row == i).sum() for i in range(n)] for row in places]


@some_examples
@given(seed=seeds, n_rows=st.integers(0, 30))
def test_each_column_takes_from_its_own_table(backend: Backend, seed: int, n_rows: int) -> None:
    rng = np.random.default_rng(seed)
    entries, places = rng.normal(size=(3, 7)), rng.integers(0, 7, (3, n_rows)).astype(np.int32)
    found = backend.get(backend.take(backend.put(entries), backend.put(places)))
    assert found.tolist() == [[entries[i, p] for p in row] for i, row in enumerate(places.tolist())]


@some_examples
@given(values=tables, seed=seeds)
def test_moments_are_whole_numbers_and_the_same_everywhere(
    backend: Backend, values: Floats, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    centre, scale = rng.normal(size=len(values)), rng.uniform(0.1, 9, len(values))
    on_device = [backend.put(array) for array in (values, centre, scale, RESOLUTION)]
    found = backend.moments(
        on_device[0],
        centre=on_device[1],
        scale=on_device[2],
        largest=LARGEST,
        resolution=on_device[3],
    )
    assert backend.get(found).tolist() == slow_moments(values, centre, scale)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_products_are_within_the_tolerance_of_the_magnitudes_summed(
    backend: Backend, kind: str
) -> None:
    left, right = normal(1, (300, 50), kind), normal(2, (50, 70), kind)
    found = backend.get(backend.product(backend.put(left), backend.put(right)))
    exact = left.astype(np.longdouble) @ right.astype(np.longdouble)
    magnitudes = np.abs(left).astype(np.float64) @ np.abs(right)
    assert found.dtype == kind
    assert (np.abs(found - exact) <= TOLERANCE[kind] * magnitudes).all()


def test_products_of_whole_numbers_are_exact(backend: Backend) -> None:
    scores = np.random.default_rng(3).integers(-127, 128, (20, 1000)).astype(np.float32)
    found = backend.get(backend.product(backend.put(scores), backend.put(scores.T)))
    assert np.array_equal(found, scores.astype(np.int64) @ scores.astype(np.int64).T)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_distances_are_within_the_tolerance_of_the_squared_norms(
    backend: Backend, kind: str
) -> None:
    left, right = normal(1, (40, 50), kind), normal(2, (30, 50), kind)
    left[0] = right[0]
    found = backend.get(backend.squared_distances(backend.put(left), backend.put(right)))
    wide, other = left.astype(np.float64), right.astype(np.float64)
    exact = ((wide[:, None] - other) ** 2).sum(axis=-1)
    norms = (wide**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    assert (found >= 0).all()
    assert (np.abs(found - exact) <= TOLERANCE[kind] * norms).all()
    gaussians = backend.get(backend.gaussians(backend.put(left), backend.put(right)))
    assert (np.abs(gaussians - np.exp(-exact / 2)) <= TOLERANCE[kind] * norms).all()


@some_examples
@given(seed=seeds, n_rows=st.integers(0, 300))
def test_trees_sum_the_leaves_that_rows_reach(backend: Backend, seed: int, n_rows: int) -> None:
    trees = some_trees(seed)
    features = np.random.default_rng(seed + 1).integers(0, 9, (3, n_rows)).astype(np.uint8)
    found = backend.get(backend.sum_of_trees(trees, backend.put(features)))
    assert found.tolist() == [slow_sum(trees, row) for row in features.T.tolist()]


def test_arrays_from_elsewhere_are_refused(backend: Backend) -> None:
    if backend.name == "numpy":
        return
    with pytest.raises(TypeError):
        backend.product(backend.put(np.eye(2)), np.eye(2))


def some_cuts(values: Floats, n_cuts: int, seed: int) -> Floats:
    """Sorted cuts for each column, many of them at its very values, infinity among them."""
    rng = np.random.default_rng(seed)
    finite = values[np.isfinite(values)]
    pool = np.concatenate([finite, rng.normal(size=9), [np.inf, -np.inf, 1e308, 1e-310, 0.1]])
    return np.sort(rng.choice(pool, (len(values), n_cuts)), axis=1)


def slow_places(values: Floats, cuts: Floats) -> Floats:
    below = cuts[:, None, :] < values[:, :, None]
    places: Floats = np.where(np.isnan(values), cuts.shape[1], below.sum(axis=-1))
    return places


def slow_moments(values: Floats, centre: Floats, scale: Floats) -> list[list[int]]:
    sums = [[0, 0] for _ in values]
    for column, (c, u), both in zip(
        values.tolist(), zip(centre, scale, strict=True), sums, strict=True
    ):
        for value in column:
            if np.isfinite(value):
                z = min(max((value - float(c)) * float(u), -LARGEST), LARGEST)
                both[0] += round(z * float(RESOLUTION[0]))
                both[1] += round(z * z * float(RESOLUTION[1]))
    return sums


def normal(seed: int, shape: tuple[int, int], kind: str) -> Floats:
    values: Floats = np.random.default_rng(seed).normal(size=shape).astype(kind)
    return values


def some_trees(seed: int) -> Trees:
    """A root with a leaf and a subtree of depth 2 on its right, and a tree that is a leaf; values
    whose sums are exact."""
    rng = np.random.default_rng(seed)
    leaf = np.array([False, True, False, False, True, True, True, True])
    itself = np.arange(8)
    return Trees(
        roots=np.array([0, 7], dtype=np.int32),
        feature=np.where(leaf, 0, rng.integers(0, 3, 8)).astype(np.int32),
        threshold=np.where(leaf, 0, rng.integers(0, 9, 8)).astype(np.int32),
        left=np.where(leaf, itself, [1, 0, 3, 5, 0, 0, 0, 0]).astype(np.int32),
        right=np.where(leaf, itself, [2, 0, 4, 6, 0, 0, 0, 0]).astype(np.int32),
        value=rng.integers(-99, 99, 8) / 8,
        base=0.5,
    )


def slow_sum(trees: Trees, row: list[int]) -> float:
    total = trees.base
    for root in trees.roots.tolist():
        node = root
        while trees.left[node] != node:
            goes_left = row[trees.feature[node]] <= trees.threshold[node]
            node = int(trees.left[node] if goes_left else trees.right[node])
        total += float(trees.value[node])
    return total
