"""Two tables compared: verdicts, types that meet, what is left out, and the model's error."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.columns import Role
from detectors.two_sample import Reason, Verdict
from monitor.check.comparison import Check, ColumnCheck, check_tables

ROLES = {"seats": Role.LABEL, "guess": Role.PREDICTION}


def _check(reference: dict[str, object], current: dict[str, object], **roles: Role) -> Check:
    return check_tables(pa.table(reference), pa.table(current), roles=roles, alpha=0.01)


def _only(reference: object, current: object) -> ColumnCheck:
    (column,) = _check({"x": reference}, {"x": current}).columns
    return column


def _normal(n: int, *, seed: int, mean: float = 0.0) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, size=n)]


def test_numbers_agree_with_ks_2samp() -> None:
    reference, current = _normal(3000, seed=1), _normal(2000, seed=2, mean=0.08)
    column = _only(reference, current)
    expected = stats.ks_2samp(reference, current)
    assert column.statistics["kolmogorov_smirnov"] == pytest.approx(expected.statistic, rel=1e-12)
    assert column.p_value == pytest.approx(expected.pvalue, rel=1e-12)


def test_categories_agree_with_chi2_contingency() -> None:
    reference, current = ["a"] * 50 + ["b"] * 30 + ["c"] * 20, ["c"] * 40 + ["a"] * 30 + ["d"] * 10
    column = _only(reference, current)
    expected = stats.chi2_contingency([[50, 30, 20, 0], [30, 0, 40, 10]], correction=False)
    assert column.statistics["chi_squared"] == pytest.approx(expected.statistic)
    assert column.p_value == pytest.approx(expected.pvalue)
    assert column.effect == pytest.approx((abs(0.375 - 0.5) + 0.3 + 0.3 + 0.125) / 2)


def test_the_strongest_column_comes_first_and_what_broke_before_it() -> None:
    names = {"a": 0.3, "b": 1.5, "c": 0.0}
    reference = {name: _normal(2000, seed=1) for name in names}
    current = {name: _normal(2000, seed=2, mean=mean) for name, mean in names.items()}
    check = _check({**reference, "gone": [1] * 2000}, {**current, "come": ["x"] * 2000})
    assert [column.name for column in check.columns] == ["gone", "come", "b", "a", "c"]
    assert [column.verdict for column in check.columns] == [
        Verdict.VANISHED,
        Verdict.NEW,
        Verdict.DRIFT,
        Verdict.DRIFT,
        Verdict.QUIET,
    ]


def test_text_where_numbers_were_is_a_changed_type() -> None:
    column = _only([1.5] * 30, ["1.5"] * 30)
    assert (column.verdict, column.reason) == (Verdict.TYPE_CHANGED, Reason.TYPE_CHANGED)
    assert column.moved == "float → category"


def test_a_time_that_became_text_is_a_changed_type() -> None:
    column = _only([datetime(2026, 1, 1, tzinfo=UTC)] * 30, ["soon"] * 30)
    assert column.verdict is Verdict.TYPE_CHANGED


def test_whole_and_real_numbers_are_both_numbers() -> None:
    column = _only(list(range(100)), [float(i) for i in range(100)])
    assert (column.type, column.verdict) == ("float", Verdict.QUIET)


@pytest.mark.parametrize("values", [[1, 2] * 50, [0.5, 1.5] * 50, ["a", "b"] * 50, [True] * 100])
def test_a_column_that_lost_all_its_values_is_drift_whatever_it_held(values: list[object]) -> None:
    column = _only(values, pa.nulls(100))
    assert (column.verdict, column.reason) == (Verdict.DRIFT, Reason.MISSING_MOVED)
    assert column.moved == "missing 0.0 % → 100.0 %"


def test_a_column_that_never_had_a_value_is_undecided() -> None:
    assert _only(pa.nulls(50), pa.nulls(50)).verdict is Verdict.UNDECIDED


def test_times_are_left_out_with_a_note() -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC)] * 30
    check = _check({"t": times, "x": [1] * 30}, {"t": times, "x": [1] * 30})
    assert [column.name for column in check.columns] == ["x"]
    assert check.notes == ("column 't' is left out: timestamp[us, tz=UTC] times are not compared",)


def test_when_no_column_can_be_decided_neither_can_the_check() -> None:
    assert _check({"x": [1, 2]}, {"x": [1, 2]}).verdict is Verdict.UNDECIDED


def test_numbers_of_a_sample_are_described_by_values_that_occur() -> None:
    values = [float(i) for i in range(1, 101)]
    column = _only(values, [*values, None])
    assert column.reference is not None
    assert column.current is not None
    assert column.reference.quantiles == {"0.05": 5, "0.25": 25, "0.5": 50, "0.75": 75, "0.95": 95}
    assert column.reference.mean == pytest.approx(50.5)
    assert column.current.missing == pytest.approx(1 / 101)


def test_the_error_of_numbers_is_their_mean_distance() -> None:
    reference: dict[str, object] = {"seats": [1.0, 2.0, None], "guess": [2.0, 4.0, 1.0]}
    current: dict[str, object] = {"seats": [5.0, 5.0, 5.0], "guess": [0.0, 5.0, np.inf]}
    error = _check(reference, current, **ROLES).error
    assert error is not None
    assert (error.metric, error.reference, error.current) == ("mean absolute error", 1.5, 2.5)
    assert (error.n_reference, error.n_current) == (2, 2)


def test_the_error_of_categories_is_the_share_that_is_wrong() -> None:
    reference: dict[str, object] = {"seats": ["few", "many", None], "guess": ["few", "few", "few"]}
    current: dict[str, object] = {"seats": ["none", "few"], "guess": ["few", None]}
    error = _check(reference, current, **ROLES).error
    assert error is not None
    assert (error.metric, error.reference, error.current) == ("error rate", 0.5, 1.0)


def test_without_any_labelled_row_the_error_is_unknown() -> None:
    error = _check(
        {"seats": [1.0], "guess": [2.0]}, {"seats": [None], "guess": [1.0]}, **ROLES
    ).error
    assert error is not None
    assert (error.reference, error.current, error.n_current) == (1.0, None, 0)


def test_labels_that_have_not_come_yet_are_a_note_and_no_drift() -> None:
    check = _check({"seats": [1.0] * 30, "guess": [1.0] * 30}, {"guess": [1.0] * 30}, **ROLES)
    assert check.verdict is Verdict.QUIET
    assert check.error is None
    assert check.notes == (
        "the label 'seats' is only in the reference file",
        "the model's error is not shown: 'seats' cannot be read as one type from both files",
    )


def test_a_label_and_a_prediction_of_different_kinds_are_a_note() -> None:
    table: dict[str, object] = {"seats": ["few"] * 30, "guess": [0.5] * 30}
    assert _check(table, table, **ROLES).notes == (
        "the model's error is not shown: 'seats' is category and 'guess' is float",
    )


CELLS = st.lists(
    st.none()
    | st.floats()
    | st.sampled_from([0.0, -0.0, 5e-324, 1e308, -1e308, np.inf, -np.inf, 2.0**53 + 2]),
    min_size=1,
    max_size=60,
)
TEXTS = st.lists(st.none() | st.text(max_size=4), min_size=1, max_size=60)


@given(st.one_of(st.tuples(CELLS, CELLS), st.tuples(TEXTS, TEXTS)))
def test_any_two_columns_get_a_verdict_and_shares_that_add_up(
    sides: tuple[list[object], list[object]],
) -> None:
    column = _only(*sides)
    assert column.distribution is not None
    shown = column.distribution
    assert len(shown.bars) == len(shown.reference) == len(shown.current)
    if shown.edges:
        assert len(shown.edges) == len(shown.bars) + 1
        assert (np.diff(shown.edges) > 0).all()
    for shares in (shown.reference, shown.current):
        assert sum(shares) == pytest.approx(1) or not any(shares)
