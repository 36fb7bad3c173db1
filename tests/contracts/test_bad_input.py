"""Whatever rows come, every statistic, every scorer and the decision have a defined answer.

Hypothesis draws tables of anything: no rows and one, all missing, constant, infinite, 1e308,
denormal, -0, whole numbers beyond 2^53, levels in any script, columns that are not there. The
statistics and scorers are those that their own contracts discover. NumPy's warnings are errors.
"""

import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import example, given, settings

from detectors.bins import NumericColumn, ReferenceColumn, fit_column, place
from detectors.columns import Coded, Column, ColumnType, Counts, Field, Floats, Rows
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.p_values import p_values
from detectors.profile import count
from detectors.reference import (
    Reference,
    ReferenceError,  # noqa: A004  # the other one is about weak references
)
from detectors.report import Verdict
from detectors.report.compare import report
from detectors.scorers import PlacedRows
from tests.contracts.test_scorers import SCORERS, fit
from tests.contracts.test_scorers import name as name  # noqa: PLC0414  # a fixture
from tests.contracts.test_statistics import STATISTICS, Statistic, find
from tests.detectors.makers import SCHEMA, extreme_rows

N_CATEGORIES = 1_000_000


def huge_numbers() -> Rows:
    """Whose differences are beyond the largest float; one is the lowest of all."""
    stops = np.resize([1e308, -1.7e308, 0.0, 1e308, -1.7e308], 10)
    others: dict[str, Column] = {f.name: np.zeros(10) for f in SCHEMA if f.type.is_numeric}
    kinds: dict[str, Column] = {f.name: coded(10) for f in SCHEMA if not f.type.is_numeric}
    seats = np.resize([-sys.float_info.max, 7e16, 7e74, 2.0], 10)
    return Rows({**others, **kinds, "stops": stops, "seats": seats}, 10)


def coded(n: int) -> Coded:
    return Coded((np.arange(n) % 2).astype(np.int32), ("false", "true"))


def counted(known: Rows, seen: Rows) -> Iterator[tuple[ReferenceColumn, Counts, Counts]]:
    """Of every column that both have: its bins, and the counts of both sides."""
    for field in SCHEMA:
        if field.name in seen.columns:
            column = fit_column(field, known.columns[field.name])
            yield column, tally(column, known), tally(column, seen)


def tally(column: ReferenceColumn, rows: Rows) -> Counts:
    """(slots,) of the column's values among the rows."""
    return np.bincount(place(rows, [column])[0], minlength=column.n_slots).astype(np.int64)


def options(statistic: Statistic, column: ReferenceColumn) -> dict[str, object] | None:
    """What the statistic wants to know of the column; None where it is not for such columns."""
    n_bins = len(column.ordered(np.zeros(column.n_slots, np.int64)))
    known: dict[str, object] = {"chosen": np.arange(n_bins) == 0}
    if isinstance(column, NumericColumn) and column.scale > 0:
        known["positions"] = column.positions / column.scale - column.centre / column.scale
    required = {
        p.name
        for p in inspect.signature(find(statistic.name)).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    }
    return {n: known[n] for n in required} if required <= known.keys() else None


@settings(max_examples=50)
@given(known=extreme_rows(absent=False), seen=extreme_rows())
def test_a_statistic_of_any_rows_is_in_its_range_or_undefined(known: Rows, seen: Rows) -> None:
    for column, reference, current in counted(known, seen):
        a, b = column.ordered(reference), column.ordered(current)
        for statistic in STATISTICS:
            if (told := options(statistic, column)) is not None:
                check(find(statistic.name)(a, b, **told), statistic, a, b)


def check(value: Floats, statistic: Statistic, reference: Counts, current: Counts) -> None:
    promise = statistic.promise
    assert np.isnan(value) >= promise.undefined(reference, current), statistic
    in_range = promise.lowest - 1e-12 <= value <= promise.highest + 1e-12
    assert np.isnan(value) or in_range, statistic


@settings(max_examples=50)
@given(known=extreme_rows(absent=False), seen=extreme_rows())
def test_p_values_of_any_rows_are_between_0_and_1_or_absent(known: Rows, seen: Rows) -> None:
    for column, reference, current in counted(known, seen):
        assert all(0 <= p <= 1 for p in p_values(column, reference, current).values())


@settings(max_examples=3)
@given(known=extreme_rows(absent=False).filter(lambda rows: rows.n >= 2), seen=extreme_rows())
def test_a_scorer_of_any_reference_gives_any_row_a_finite_score(
    name: str, known: Rows, seen: Rows
) -> None:
    scorer, columns = fit(SCORERS[name], with_what_scorers_need(known))
    assert np.isfinite(scorer.score(PlacedRows.of(with_what_scorers_need(seen), columns))).all()


def with_what_scorers_need(rows: Rows) -> Rows:
    """With a probability and labels, which the scorers' contract has beside the schema."""
    some = np.linspace(0, 1, rows.n)
    return Rows({**rows.columns, "sure": some, "truth": some}, rows.n)


@settings(max_examples=40)
@example(known=huge_numbers(), seen=huge_numbers())
@given(known=extreme_rows(absent=False), seen=extreme_rows())
def test_any_window_beside_any_reference_has_a_report_without_nan(known: Rows, seen: Rows) -> None:
    try:
        reference = Reference.fit(
            known, SCHEMA, times=np.arange(float(known.n)), window_lengths_s=[3.0]
        )
    except ReferenceError:  # too few rows, or nothing in them
        return
    detector = Detector(reference, window_s=3.0, budget=Budget(), minimum_rows=5)
    profile = count(seen, reference)
    evidence, decision = detector.step(detector.start(), profile)
    assert (decision.verdict is Verdict.UNDECIDED) == (seen.n < 5)
    assert np.isfinite(evidence.sums).all()
    json.dumps(asdict(report(reference, profile, decision)), allow_nan=False)


def test_a_million_categories_are_counted_in_bounded_space() -> None:
    field = Field("id", ColumnType.CATEGORY)
    levels = tuple(f"ключ {i} 🙂" for i in range(N_CATEGORIES))
    column = Coded(np.arange(N_CATEGORIES, dtype=np.int32), levels)
    reference = Reference.fit(Rows({"id": column}, N_CATEGORIES), [field])
    assert reference.n_slots < 10_000
    assert len(reference.to_bytes()) < 10_000_000
    assert int(reference.part(reference.profile.counts, 0).sum()) == N_CATEGORIES


@pytest.mark.parametrize("field", SCHEMA, ids=lambda field: field.name)
def test_a_column_that_changes_its_type_is_refused_by_name(field: Field) -> None:
    sound = Rows({f.name: np.arange(9.0) if f.type.is_numeric else coded(9) for f in SCHEMA}, 9)
    reference = Reference.fit(sound, SCHEMA)
    changed: Column = coded(9) if field.type.is_numeric else np.arange(9.0)
    with pytest.raises(ValueError, match=field.name):
        count(Rows({**sound.columns, field.name: changed}, 9), reference)


def test_a_column_that_appears_is_not_counted_and_one_that_vanishes_is_missing() -> None:
    sound = Rows({f.name: np.arange(9.0) if f.type.is_numeric else coded(9) for f in SCHEMA}, 9)
    reference = Reference.fit(sound, SCHEMA)
    assert count(Rows({**sound.columns, "new": coded(9)}, 9), reference) == count(sound, reference)
    rest = {name: column for name, column in sound.columns.items() if name != "speed"}
    missing = reference.part(count(Rows(rest, 9), reference).counts, reference.index("speed"))
    assert missing[0] == missing.sum() == 9
