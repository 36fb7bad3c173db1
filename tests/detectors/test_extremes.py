"""Whatever the data are like, there is a defined result, or an error that says why not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.columns import Column, Rows, rows_at
from detectors.profile import Profile, count, mean
from detectors.reference import (
    Reference,
    ReferenceError,  # noqa: A004  # the other one is about weak references
)
from tests.detectors.makers import SCHEMA, extreme_rows


def fitted(rows: Rows) -> Reference | None:
    try:
        return Reference.fit(rows, SCHEMA, times=np.arange(float(rows.n)), window_lengths_s=[3.0])
    except ReferenceError:  # too few rows, or nothing in them
        return None


@settings(max_examples=30)
@given(extreme_rows(absent=False), extreme_rows(), st.integers(0, 12))
def test_extreme_rows_are_counted_against_a_reference_of_extreme_rows(
    known: Rows, seen: Rows, cut: int
) -> None:
    reference = fitted(known)
    if reference is None:
        return
    whole = count(seen, reference)
    parts = [count(rows_at(seen, part), reference) for part in (slice(cut), slice(cut, None))]
    assert parts[0] + parts[1] == whole
    assert Profile.from_bytes(whole.to_bytes(), reference) == whole
    assert sum(reference.windows[3.0], Profile.empty(reference)) == reference.profile


@settings(max_examples=30)
@given(extreme_rows(absent=False), extreme_rows())
def test_means_and_scores_of_extreme_rows_are_finite(known: Rows, seen: Rows) -> None:
    reference = fitted(known)
    if reference is None:
        return
    profile = count(seen, reference)
    means = [mean(profile, reference, c.field.name) for c in reference.numeric_columns]
    assert all(m is None or np.isfinite(m) for m in means)
    p_values = reference.scores(reference.placed(seen))["dm.outlier"]
    assert ((p_values > 0) & (p_values <= 1)).all()


@settings(max_examples=30)
@given(extreme_rows())
def test_float32_columns_count_as_the_same_values_in_float64(seen: Rows) -> None:
    with np.errstate(over="ignore"):
        singles: dict[str, Column] = {
            name: column.astype(np.float32).astype(np.float64)
            for name, column in seen.columns.items()
            if isinstance(column, np.ndarray)
        }
    narrow = {name: np.asarray(column, dtype=np.float32) for name, column in singles.items()}
    columns: dict[str, Column] = {**narrow}  # type: ignore[dict-item]  # narrower than declared
    reference = Reference.fit(
        Rows({f.name: np.arange(9.0) ** 3 for f in SCHEMA if f.type.is_numeric}, 9),
        [field for field in SCHEMA if field.type.is_numeric],
    )
    assert count(Rows(columns, seen.n), reference) == count(Rows(singles, seen.n), reference)
