"""What every statistic promises. They are found by themselves: a module of the package
`detectors.statistics` whose function has the module's name is a statistic."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import ArrayLike, NDArray

import detectors.statistics
from detectors.columns import Counts, Floats

N_BINS = 6
OPTIONS = {
    "positions": np.arange(N_BINS, dtype=np.float64),
    "chosen": np.array([True, False, False, False, False, True]),
}
NOT_A_STATISTIC = {
    "bin_sums",
    "effective_size",
    "limit_laws",
    "matched_laws",
    "moments",
    "permuted",
    "shares",
}

Mask = NDArray[np.bool_]


def fewer_rows(reference: Counts, current: Counts) -> Counts:
    fewer: Counts = np.minimum(reference.sum(axis=-1), current.sum(axis=-1))
    return fewer


def without_data(reference: Counts, current: Counts) -> Mask:
    return np.asarray(fewer_rows(reference, current) == 0)


def where_the_reference_does_not_vary(reference: Counts, current: Counts) -> Mask:
    constant = np.count_nonzero(reference, axis=-1) < 2
    return np.asarray((fewer_rows(reference, current) < 2) | constant)


def where_neither_varies(reference: Counts, current: Counts) -> Mask:
    neither = where_the_reference_does_not_vary(reference, current)
    return neither & where_the_reference_does_not_vary(current, reference)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a statistic says of equal distributions, its range, and where it is undefined.

    sees_size: equal shares of samples of different sizes are not quite at `neutral`.
    """

    neutral: float = 0.0
    lowest: float = 0.0
    highest: float = np.inf
    sees_size: bool = False
    undefined: Callable[[Counts, Counts], Mask] = without_data


A_DISTANCE_OF_SHARES = Promise(highest=1.0)
OWN_PROMISES = {
    "chebyshev": A_DISTANCE_OF_SHARES,
    "hellinger": A_DISTANCE_OF_SHARES,
    "jensen_shannon_distance": A_DISTANCE_OF_SHARES,
    "kolmogorov_smirnov": A_DISTANCE_OF_SHARES,
    "kuiper": A_DISTANCE_OF_SHARES,
    "total_variation": A_DISTANCE_OF_SHARES,
    "kullback_leibler": Promise(sees_size=True),
    "population_stability_index": Promise(sees_size=True),
    "two_proportion": Promise(lowest=-np.inf),
    "variance_ratio": Promise(
        neutral=1.0, sees_size=True, undefined=where_the_reference_does_not_vary
    ),
    "welch_mean_shift": Promise(lowest=-np.inf, undefined=where_neither_varies),
}

NEVER_GROWS_WHEN_BINS_MERGE = (
    "chi_squared",
    "g_test",
    "hellinger",
    "jensen_shannon_distance",
    "kolmogorov_smirnov",
    "kuiper",
    "kullback_leibler",
    "total_variation",
)

OF_CATEGORIES = (
    "chebyshev",
    "chi_squared",
    "g_test",
    "hellinger",
    "jensen_shannon_distance",
    "kullback_leibler",
    "population_stability_index",
    "total_variation",
)


@dataclass(frozen=True)
class Statistic:
    name: str

    def __call__(self, reference: Counts, current: Counts, **options: float) -> Floats:
        function = find(self.name)
        wanted = inspect.signature(function).parameters
        fitting = {key: value for key, value in OPTIONS.items() if key in wanted}
        return function(reference, current, **fitting, **options)

    @property
    def promise(self) -> Promise:
        return OWN_PROMISES.get(self.name, Promise())


def find(name: str) -> Callable[..., Floats]:
    module = importlib.import_module(f"detectors.statistics.{name}")
    function: Callable[..., Floats] = getattr(module, name)
    return function


names = sorted(
    module.name
    for module in pkgutil.iter_modules(detectors.statistics.__path__)
    if module.name not in NOT_A_STATISTIC
)


def of(names: Sequence[str]) -> list[Statistic]:
    return [Statistic(name) for name in names]


STATISTICS = of(names)
every_statistic = pytest.mark.parametrize("statistic", STATISTICS, ids=names)

# Drawing counts takes longer than all statistics of them: each draw is for every statistic.
some_counts = hnp.arrays(np.int64, (3, N_BINS), elements=st.integers(0, 1000))
few_counts = hnp.arrays(np.int64, (3, N_BINS), elements=st.integers(0, 2))


def test_statistics_are_found() -> None:
    assert {"kolmogorov_smirnov", "chi_squared", "wasserstein"} <= set(names)
    assert set(names) >= {*OWN_PROMISES, *NEVER_GROWS_WHEN_BINS_MERGE, *OF_CATEGORIES}


@pytest.mark.parametrize("name", names)
def test_options_are_keyword_only_after_the_two_stacks(name: str) -> None:
    parameters = list(inspect.signature(find(name)).parameters.values())
    assert [p.kind for p in parameters[:2]] == [inspect.Parameter.POSITIONAL_ONLY] * 2
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters[2:])


@pytest.mark.parametrize("name", names)
def test_the_package_exports_it_with_a_docstring(name: str) -> None:
    assert name in detectors.statistics.__all__
    assert getattr(detectors.statistics, name).__doc__


@given(reference=some_counts, current=some_counts)
def test_a_stack_is_what_its_rows_are_one_by_one(reference: Counts, current: Counts) -> None:
    for statistic in STATISTICS:
        together = statistic(reference, current)
        one_by_one = [statistic(a, b) for a, b in zip(reference, current, strict=True)]
        assert together.shape == (3,)
        assert_near(together, one_by_one, statistic, rtol=1e-12, atol=1e-12)


@given(counts=some_counts)
def test_one_reference_broadcasts_over_many_windows(counts: Counts) -> None:
    reference = np.full(N_BINS, 10)
    repeated = np.broadcast_to(reference, counts.shape)
    for statistic in STATISTICS:
        assert_near(statistic(reference, counts), statistic(repeated, counts), statistic)
        assert_near(statistic(counts, reference), statistic(counts, repeated), statistic)


@given(reference=some_counts | few_counts, current=some_counts | few_counts)
def test_it_stays_in_its_range_and_is_nan_exactly_where_it_is_undefined(
    reference: Counts, current: Counts
) -> None:
    for statistic in STATISTICS:
        values, promise = statistic(reference, current), statistic.promise
        undefined = promise.undefined(reference, current)
        assert_near(np.isnan(values), undefined, statistic)
        assert (values[~undefined] >= promise.lowest - 1e-12).all(), statistic
        assert (values[~undefined] <= promise.highest + 1e-12).all(), statistic


@given(counts=some_counts.filter(lambda counts: counts.any(axis=-1).all()))
def test_equal_counts_are_neutral(counts: Counts) -> None:
    for statistic in STATISTICS:
        values = statistic(counts, counts)
        defined = ~statistic.promise.undefined(counts, counts)
        assert_near(values[defined], statistic.promise.neutral, statistic, atol=1e-7)


@given(counts=some_counts, times=st.integers(2, 1000))
def test_equal_shares_of_unequal_samples_are_neutral(counts: Counts, times: int) -> None:
    for statistic in STATISTICS:
        if statistic.promise.sees_size:
            continue
        for reference, current in ((counts, times * counts), (times * counts, counts)):
            defined = ~statistic.promise.undefined(reference, current)
            values = statistic(reference, current)[defined]
            assert_near(values, statistic.promise.neutral, statistic, atol=1e-7)


@given(reference=some_counts, current=some_counts)
def test_reading_the_values_backwards_changes_no_size(reference: Counts, current: Counts) -> None:
    for statistic in STATISTICS:
        forwards = np.abs(statistic(reference, current))
        backwards = np.abs(statistic(reference[:, ::-1], current[:, ::-1]))
        assert_near(forwards, backwards, statistic, rtol=1e-9, atol=1e-7)


@given(reference=some_counts, current=some_counts, order=st.permutations(range(N_BINS)))
def test_categories_have_no_order(reference: Counts, current: Counts, order: list[int]) -> None:
    for statistic in of(OF_CATEGORIES):
        shuffled = statistic(reference[:, order], current[:, order])
        assert_near(shuffled, statistic(reference, current), statistic, rtol=1e-9, atol=1e-7)


@given(reference=some_counts, current=some_counts, at=st.integers(0, N_BINS - 2))
def test_coarser_bins_see_no_more(reference: Counts, current: Counts, at: int) -> None:
    starts = np.delete(np.arange(N_BINS), at + 1)
    merged = [np.add.reduceat(side, starts, axis=-1) for side in (reference, current)]
    for statistic in of(NEVER_GROWS_WHEN_BINS_MERGE):
        exact = {"pseudocount": 0.0} if statistic.name == "kullback_leibler" else {}
        coarse = statistic(merged[0], merged[1], **exact)
        fine = statistic(reference, current, **exact)
        assert (np.isnan(fine) | (coarse <= fine * (1 + 1e-9) + 1e-7)).all(), statistic


@given(reference=some_counts, current=some_counts)
def test_it_leaves_its_arguments_alone(reference: Counts, current: Counts) -> None:
    reference.flags.writeable = current.flags.writeable = False
    for statistic in STATISTICS:
        statistic(reference, current)


def assert_near(
    found: ArrayLike,
    expected: ArrayLike,
    statistic: Statistic,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    values, others = (np.asarray(side, dtype=np.float64) for side in (found, expected))
    np.testing.assert_allclose(values, others, rtol=rtol, atol=atol, err_msg=statistic.name)


@every_statistic
def test_ten_billion_rows_do_not_overflow(statistic: Statistic) -> None:
    huge = np.array([10**10, 0, 10**10, 3, 0, 1])
    assert np.isfinite(statistic(huge, huge[::-1]))


@every_statistic
def test_a_stack_of_no_columns_gives_no_values(statistic: Statistic) -> None:
    nothing = np.empty((0, N_BINS), dtype=np.int64)
    assert statistic(nothing, nothing).shape == (0,)
