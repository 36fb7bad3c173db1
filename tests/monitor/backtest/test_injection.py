"""Drift is put where it was asked for, and nowhere else."""

import numpy as np
import pyarrow as pa
import pytest

from detectors.columns import Floats
from monitor.backtest.injection import Injection, inject
from monitor.files import FileError

MARCH = 1_772_323_200.0  # 2026-03-01T00:00Z
DAY = 86_400.0
TIMES: Floats = np.array([MARCH + day * DAY for day in range(-5, 5)])
AFTER = TIMES >= MARCH


def injected(text: str, values: pa.Array, times: Floats = TIMES) -> pa.ChunkedArray:
    table = pa.table({"before": values, "x": values})
    rng = np.random.default_rng(0)
    found = inject(table, times, Injection.parse(text), sds={"x": 2.0}, rng=rng)
    assert found.column("before").combine_chunks().equals(values)
    assert found.schema.names == ["before", "x"]
    return found.column("x")


def test_a_shift_adds_from_its_moment_on() -> None:
    found = injected("shift:column=x,by=3,from=2026-03-01", pa.array(np.arange(10.0)))
    assert found.to_numpy() == pytest.approx(np.arange(10) + 3 * AFTER)


def test_a_shift_may_be_told_in_standard_deviations_of_the_reference() -> None:
    found = injected("shift:column=x,by=-0.5sd,from=2026-03-01T00:00Z", pa.array(np.zeros(10)))
    assert found.to_numpy() == pytest.approx(-1.0 * AFTER)


def test_a_scale_multiplies_and_missing_values_stay_missing() -> None:
    values = pa.array([1.0] * 9 + [None])
    found = injected("scale:column=x,by=1.5,from=2026-03-01", values)
    assert found.to_pylist() == [1.0] * 5 + [1.5] * 4 + [None]


def test_a_change_grows_linearly_over_the_time_it_is_given() -> None:
    found = injected("shift:column=x,by=1,from=2026-03-01,over=4d", pa.array(np.zeros(10)))
    assert found.to_pylist() == [0, 0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1]


def test_whole_numbers_stay_whole() -> None:
    found = injected("scale:column=x,by=1.3,from=2026-03-01", pa.array([3] * 10, pa.int32()))
    assert found.type == pa.int32()
    assert found.to_pylist() == [3] * 5 + [4] * 5


def test_the_share_of_rows_is_emptied() -> None:
    times = np.repeat(TIMES, 10_000)
    values = pa.array(np.zeros(len(times)))
    found = injected("missing:column=x,share=0.2,from=2026-03-01", values, times).is_null()
    is_missing = found.to_numpy()
    assert not is_missing[:50_000].any()
    assert is_missing[50_000:].mean() == pytest.approx(0.2, abs=0.01)  # 5.6 standard errors


@pytest.mark.parametrize("type_", [pa.string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_the_share_of_rows_is_set_to_a_value(type_: pa.DataType) -> None:
    values = pa.array(["U1"] * 10).cast(type_)
    found = injected("replace:column=x,with=none,share=1,from=2026-03-01", values)
    assert found.to_pylist() == ["U1"] * 5 + ["none"] * 5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bend:column=x,by=1,from=2026-03-01", "none of shift"),
        ("shift:column=x,from=2026-03-01", "needs by="),
        ("shift:column=x,by=1", "needs from="),
        ("shift:column=x,by=1,from=soon", "not a time"),
        ("shift:column=x,by=much,from=2026-03-01", "not a number"),
        ("shift:column=x,by=nan,from=2026-03-01", "not finite"),
        ("scale:column=x,by=2sd,from=2026-03-01", "not a number"),
        ("missing:column=x,share=1.5,from=2026-03-01", "between 0 and 1"),
        ("shift:column=x,by=1,share=1,from=2026-03-01", "has no 'share'"),
        ("shift:column=x,by=1,from=2026-03-01,over=long", "not a duration"),
        ("shift", "not key=value"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Injection.parse(text)


@pytest.mark.parametrize(
    ("text", "values", "complaint"),
    [
        ("shift:column=y,by=1,from=2026-03-01", [1.0] * 10, "no column 'y'"),
        ("shift:column=x,by=1,from=2026-03-01", ["U1"] * 10, "shift cannot be done to 'x'"),
        ("replace:column=x,with=U1,share=1,from=2026-03-01", [1] * 10, "replace cannot be done"),
    ],
)
def test_what_does_not_fit_the_column_says_why(
    text: str, values: list[object], complaint: str
) -> None:
    with pytest.raises(FileError, match=complaint):
        injected(text, pa.array(values))


def test_a_column_that_is_no_number_in_the_reference_has_no_standard_deviation() -> None:
    table = pa.table({"x": [1.0] * 10})
    injection = Injection.parse("shift:column=x,by=1sd,from=2026-03-01")
    with pytest.raises(FileError, match="has no sd"):
        inject(table, TIMES, injection, sds={}, rng=np.random.default_rng(0))
