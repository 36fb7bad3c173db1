from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bins import (
    ABOVE,
    BELOW,
    FIRST_BIN,
    FIRST_LEVEL,
    MISSING,
    N_LEVELS,
    N_REMEMBERED_LEVELS,
    NEG_INF,
    OTHER,
    POS_INF,
    UNSEEN,
    CategoryColumn,
    NumericColumn,
    p_value_column,
    place,
)
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from tests.detectors.makers import coded, numbers

X = Field("x", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def slot_by_definition(column: NumericColumn, value: float) -> int:
    if np.isnan(value):
        return MISSING
    if np.isinf(value):
        return POS_INF if value > 0 else NEG_INF
    if value <= column.edges[0]:
        return BELOW
    if value > column.edges[-1]:
        return ABOVE
    return FIRST_BIN + next(
        i
        for i, (low, high) in enumerate(zip(column.edges, column.edges[1:], strict=False))
        if low < value <= high
    )


@given(numbers(), numbers())
def test_every_value_falls_into_the_slot_that_the_definition_gives(
    fitted: Floats, seen: Floats
) -> None:
    column = NumericColumn.fit(X, fitted)
    slots = [slot_by_definition(column, value) for value in seen]
    assert column.place(seen).tolist() == slots
    assert column.count(seen).tolist() == np.bincount(slots, minlength=column.n_slots).tolist()


SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "far from zero": lambda rng, n: 2015 + rng.normal(size=n),
    "epoch seconds": lambda rng, n: 1.7e9 + 1e6 * rng.normal(size=n),
    "heavy to the right": lambda rng, n: rng.lognormal(0, 3, n),
    "heavy to the left": lambda rng, n: -rng.lognormal(0, 2, n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n),
    "counts": lambda rng, n: rng.poisson(4, n).astype(np.float64),
    "many zeros": lambda rng, n: np.maximum(rng.normal(size=n), 0),
    "cents": lambda rng, n: np.round(rng.lognormal(3, 1, n), 2),
    "constant": lambda _, n: np.full(n, 3.3),
    "missing": lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    "tiny": lambda rng, n: 1e-30 * rng.normal(size=n),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_usual_columns_are_placed_by_table_exactly_as_by_search(shape: str) -> None:
    rng = np.random.default_rng(0)
    column = NumericColumn.fit(X, SHAPES[shape](rng, 1_500))
    near_edges = np.concatenate([np.nextafter(column.edges, s) for s in (-np.inf, np.inf)])
    near_atoms = np.concatenate([np.nextafter(column.atoms, s) for s in (-np.inf, np.inf)])
    odd = [np.nan, -np.nan, np.inf, -np.inf, 1e308, -1e308, 1e38, 0.0, -0.0, 5e-324]
    own = SHAPES[shape](rng, 1_500)
    values = np.concatenate([own, 3 * own, column.edges, near_edges, near_atoms, odd])
    assert column.ruler is not None
    assert column.place(values).tolist() == [slot_by_definition(column, v) for v in values]


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_values_fall_where_the_same_float64_values_do(shape: str) -> None:
    rng = np.random.default_rng(1)
    column = NumericColumn.fit(X, SHAPES[shape](rng, 2_000))
    singles = SHAPES[shape](rng, 2_000).astype(np.float32)
    assert (column.place(singles) == column.place(singles.astype(np.float64))).all()


@pytest.mark.parametrize(
    "values",
    [
        1e6 + np.random.default_rng(0).normal(size=2_000) / 1e3,
        np.random.default_rng(0).standard_cauchy(20_000),
        2.0**60 + 2.0**8 * np.arange(1_000),
        np.append(np.zeros(500), 1e-60 * np.arange(500)),
        1e300 * np.arange(1_000),
    ],
    ids=["narrow", "heaviest tails", "beyond 2^53", "zero and next to it", "beyond float32"],
)
def test_columns_for_which_float32_is_too_coarse_are_searched(values: Floats) -> None:
    column = NumericColumn.fit(X, values)
    assert column.ruler is None
    assert column.place(values).tolist() == [slot_by_definition(column, v) for v in values]
    assert column.count(values)[FIRST_BIN:].max() <= max(len(values) / 128, 501)


@given(numbers())
def test_the_reference_itself_lies_inside_its_bins(values: Floats) -> None:
    column = NumericColumn.fit(X, values)
    counts = column.count(values)
    assert (column.edges[1:] > column.edges[:-1]).all()
    assert counts[BELOW] == counts[ABOVE] == 0
    assert counts[MISSING] == np.isnan(values).sum()


@given(numbers())
def test_positions_are_finite_and_lie_within_their_slots(values: Floats) -> None:
    column = NumericColumn.fit(X, values)
    lower, upper = (limit[2:-2] for limit in column.limits)
    inner = column.positions[2:-2]
    assert np.isfinite(column.positions).all()
    assert (lower <= inner).all()
    assert (inner <= upper).all()


@given(numbers())
def test_moments_are_numpys(values: Floats) -> None:
    column = NumericColumn.fit(X, values)
    finite = values[np.isfinite(values)].astype(np.longdouble)
    expected = (finite.mean(), finite.std()) if len(finite) else (0.0, 0.0)
    assert (column.centre, column.scale) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_bins_hold_about_one_part_in_256_of_continuous_data() -> None:
    values = np.random.default_rng(0).lognormal(size=10_240)
    column = NumericColumn.fit(X, values)
    counts = column.count(values)[FIRST_BIN:]
    assert len(column.edges) == 1 + 256 + 2
    assert counts.max() <= 1.5 * 10_240 / 256


def test_bin_means_give_the_mean_of_the_reference() -> None:
    values = np.random.default_rng(0).standard_cauchy(5_000)
    column = NumericColumn.fit(X, values)
    counts = column.ordered(column.count(values))
    assert counts @ column.positions / len(values) == pytest.approx(values.mean())


def test_a_value_with_much_mass_has_a_bin_of_its_own() -> None:
    values = np.append(np.random.default_rng(0).normal(size=900), np.full(100, 0.5))
    column = NumericColumn.fit(X, values)
    neighbours = np.nextafter(np.full(2, 0.5, np.float32), np.array([0, 1], np.float32))
    counts = column.count(np.append(neighbours, 0.5).astype(np.float64))
    assert counts.max() == 1
    assert (column.positions == 0.5).any()


def test_negative_zero_is_zero() -> None:
    column = NumericColumn.fit(X, np.array([-0.0, 0.0, 0.0, 1.0]))
    assert column.place(np.array([-0.0]))[0] == column.place(np.array([0.0]))[0]
    assert not np.signbit(column.edges[column.edges == 0]).any()


def test_integers_beyond_2_to_the_53_keep_their_order() -> None:
    values = np.array([2.0**53, 2.0**53 + 2, 2.0**63, 2.0**64])
    column = NumericColumn.fit(X, values)
    assert (np.diff(column.place(values)) > 0).all()


def test_a_constant_column_has_one_bin_and_no_scale() -> None:
    column = NumericColumn.fit(X, np.full(9, 0.1))
    assert (column.n_slots, column.scale, column.centre) == (FIRST_BIN + 1, 0.0, 0.1)


def test_a_column_without_values_has_no_bins() -> None:
    column = NumericColumn.fit(X, np.full(9, np.nan))
    assert column.n_slots == FIRST_BIN
    assert column.count(np.array([1.0, -1.0, np.nan])).tolist() == [1, 0, 0, 1, 1]


def test_ordered_counts_follow_the_values_and_leave_missing_out() -> None:
    column = NumericColumn.fit(X, np.array([1.0, 1.0, 2.0, 2.0]))
    values = np.array([-np.inf, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf, np.nan])
    stack = np.stack([column.count(values), column.count(values[:3])])
    assert column.ordered(stack).tolist() == [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0]]


def test_p_value_bins_reach_from_zero_to_one() -> None:
    column = p_value_column(X)
    assert column.edges[[1, 5, -1]] == pytest.approx([2.0**-12, 2.0**-11, 1.0], rel=0.04)
    assert column.place(np.array([0.0, 1.0])).tolist() == [FIRST_BIN, column.n_slots - 1]


@given(coded(), coded())
def test_every_category_falls_into_the_slot_that_the_definition_gives(
    fitted: Coded, seen: Coded
) -> None:
    column = CategoryColumn.fit(C, fitted)
    names = [seen.levels[code] if code >= 0 else None for code in seen.codes]
    slot = {None: MISSING} | {level: FIRST_LEVEL + i for i, level in enumerate(column.levels)}
    slots = [slot.get(name, UNSEEN) for name in names]
    assert column.place(seen).tolist() == slots
    assert column.count(seen).tolist() == np.bincount(slots, minlength=column.n_slots).tolist()


def test_levels_are_ranked_by_frequency_and_then_by_name() -> None:
    column = CategoryColumn.fit(
        C, Coded(np.array([2, 2, 1, 0, -1], np.int32), ("b", "a", "z", "q"))
    )
    assert column.levels == ("z", "a", "b")


def many_levels(n: int) -> Coded:
    return Coded(np.arange(n, dtype=np.int32), tuple(f"id{i:05}" for i in range(n)))


def test_a_rare_level_is_other_and_a_new_one_unseen() -> None:
    column = CategoryColumn.fit(C, many_levels(N_LEVELS + 10))
    seen = Coded(np.array([0, 1, 2], np.int32), ("id00000", "id00260", "new"))
    assert column.place(seen).tolist() == [FIRST_LEVEL, OTHER, UNSEEN]


def test_where_levels_are_too_many_to_remember_a_new_one_is_no_news() -> None:
    column = CategoryColumn.fit(C, many_levels(N_REMEMBERED_LEVELS + 1))
    assert column.place(Coded(np.zeros(1, np.int32), ("new",))).tolist() == [OTHER]


def test_ordered_categories_leave_missing_out() -> None:
    column = CategoryColumn.fit(C, Coded(np.array([0, 1, 1], np.int32), ("a", "b")))
    assert column.ordered(np.array([9, 1, 2, 3, 4])).tolist() == [1, 2, 3, 4]


@given(st.integers(0, 5))
def test_an_absent_column_is_missing_in_every_row(n: int) -> None:
    columns = (NumericColumn.fit(X, np.arange(4.0)), CategoryColumn.fit(C, many_levels(2)))
    places = place(Rows({}, n), columns)
    assert places.tolist() == [[0] * n, [columns[0].n_slots] * n]


def test_places_of_hundreds_of_columns_do_not_run_into_each_other() -> None:
    values = np.random.default_rng(0).normal(size=300)
    fields = [Field(f"x{i}", ColumnType.FLOAT) for i in range(300)]
    columns = [NumericColumn.fit(field, values) for field in fields]
    places = place(Rows({field.name: values for field in fields}, 300), columns)
    starts = columns[0].n_slots * np.arange(300)[:, None]
    assert (places == starts + columns[0].place(values)).all()


def test_numbers_in_a_category_column_are_refused_by_name() -> None:
    column = CategoryColumn.fit(C, many_levels(2))
    with pytest.raises(ValueError, match="'c' is category, but holds numbers"):
        place(Rows({"c": np.zeros(3)}, 3), [column])
