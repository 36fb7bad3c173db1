"""Two tables compared: every column's verdict, and the model's error where both sides tell it."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import pyarrow as pa

from detectors.columns import Coded, ColumnType, Floats, Role
from detectors.report import Distribution, Summary
from detectors.report.sample import RowTest
from detectors.two_sample import (
    Comparison,
    Decision,
    Reason,
    Verdict,
    compare_categories,
    compare_numbers,
    decide,
    sorted_present,
)
from detectors.two_sample_intervals import (
    category_intervals,
    missing_interval,
    number_intervals,
)
from monitor.check import derived, describe
from monitor.check.model_error import ModelError, model_error
from monitor.check.row_tests import row_tests
from monitor.files import FileError, column_type, column_values, left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCheck:
    """What became of one column.

    type: as compared, "integer"; both where they differ, "integer → category".
    moved: from what to what, for people.
    effect: in `effect_unit`, "sd" or "share"; see `detectors.two_sample.Comparison`.
    strength: 0..1, by which columns that moved are ranked.
    intervals: at 95 %, by name: of statistics, and of "missing_difference", by how much the missing
        share grew.
    reference, current, distribution: None for a column that could not be compared.
    """

    name: str
    type: str
    role: Role
    verdict: Verdict
    reason: Reason
    moved: str
    strength: float
    statistics: Mapping[str, float]
    effect: float | None = None
    effect_unit: str | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    reference: Summary | None = None
    current: Summary | None = None
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Everything that `driftmeter check` has to say.

    columns: structural changes, then the strongest first.
    notes: what was left out and why.
    row_tests: of all columns together, those that were asked for.
    """

    n_reference: int
    n_current: int
    alpha: float
    columns: tuple[ColumnCheck, ...]
    error: ModelError | None
    notes: tuple[str, ...]
    row_tests: tuple[RowTest, ...] = ()

    @property
    def drifted(self) -> tuple[ColumnCheck, ...]:
        return tuple(column for column in self.columns if column.verdict.is_drift)

    @property
    def verdict(self) -> Verdict:
        """Drift, quiet, or undecided if not one column could be decided."""
        if self.drifted:
            return Verdict.DRIFT
        decided = any(column.verdict is not Verdict.UNDECIDED for column in self.columns)
        return Verdict.QUIET if decided else Verdict.UNDECIDED


@dataclass(frozen=True, slots=True)
class _Measured:
    """A column compared, not yet judged."""

    name: str
    type: ColumnType
    comparison: Comparison
    intervals: Mapping[str, tuple[float, float]]
    reference: Summary
    current: Summary
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the two schemas alone tell. types: of the columns to compare, by name."""

    types: Mapping[str, ColumnType]
    structural: tuple[ColumnCheck, ...]
    notes: tuple[str, ...]


def check_tables(
    reference: pa.Table,
    current: pa.Table,
    *,
    roles: Mapping[str, Role],
    alpha: float,
    tests: Sequence[str] = (),
) -> Check:
    """Compare two tables column by column.

    roles: of the label and the prediction, by column name; other columns are features.
    tests: of rows, by the names of `detectors.samples.SAMPLE_TESTS`; they change no verdict.
    """
    reference, current = derived.plain(reference, current, kept=roles)
    plan = _plan(reference.schema, current.schema, roles)
    # NumPy's sorts and look-ups, where the time goes, leave the interpreter to other threads.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        measure = partial(_measured, reference, current)
        measured = list(threads.map(measure, plan.types, plan.types.values()))
    decisions = decide([each.comparison for each in measured], alpha=alpha)
    judged = [
        _judged(each, decision, roles.get(each.name, Role.FEATURE))
        for each, decision in zip(measured, decisions, strict=True)
    ]
    error, notes = _error(reference, current, plan.types, roles)
    return Check(
        n_reference=len(reference),
        n_current=len(current),
        alpha=alpha,
        columns=tuple(sorted([*plan.structural, *judged], key=_rank)),
        error=error,
        notes=(*plan.notes, *notes),
        row_tests=row_tests(reference, current, plan.types, roles=roles, names=tests),
    )


def _rank(column: ColumnCheck) -> tuple[int, float, str]:
    """Among columns that chance explains, the size of the change says less than the p-value."""
    order = list(Verdict).index(column.verdict)
    if column.verdict is Verdict.QUIET and column.p_value is not None:
        return order, column.p_value, column.name
    return order, -column.strength, column.name


def _plan(reference: pa.Schema, current: pa.Schema, roles: Mapping[str, Role]) -> _Plan:
    types: dict[str, ColumnType] = {}
    structural: list[ColumnCheck] = []
    notes: list[str] = []
    for name in dict.fromkeys([*reference.names, *current.names]):
        role = roles.get(name, Role.FEATURE)
        before, after = _arrow(reference, name), _arrow(current, name)
        if before is None or after is None:
            if role is Role.FEATURE:
                structural.append(_one_sided(name, before, after))
            else:
                where = "reference" if after is None else "current"
                notes.append(f"the {role} {name!r} is only in the {where} file")
        elif type_ := _joint_type(before, after):
            types[name] = type_
        elif derived.differ_in_length(before, after):
            structural.append(_type_changed(name, role, before, after))
        elif column_type(before) == column_type(after) or _is_null(before) or _is_null(after):
            notes.append(left_out(name, after if _is_null(before) else before))
        else:
            structural.append(_type_changed(name, role, before, after))
    return _Plan(types, tuple(structural), tuple(notes))


def _arrow(schema: pa.Schema, name: str) -> pa.DataType | None:
    return schema.field(name).type if name in schema.names else None


def _is_null(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_null(arrow))


def _joint_type(reference: pa.DataType, current: pa.DataType) -> ColumnType | None:
    """As what both are compared; a column without any value goes with every type.

    None for what is compared by columns derived of it, or not at all.
    """
    ours, theirs = column_type(reference), column_type(current)
    if (ours and ours.is_derived) or (theirs and theirs.is_derived):
        return None
    if ours == theirs or _is_null(current):
        return ours
    if _is_null(reference):
        return theirs
    if ours and theirs and ours.is_numeric and theirs.is_numeric:
        return ColumnType.FLOAT
    return None


def _one_sided(
    name: str, reference: pa.DataType | None, current: pa.DataType | None
) -> ColumnCheck:
    vanished = current is None
    return ColumnCheck(
        name=name,
        type=_type_name(reference if vanished else current),
        role=Role.FEATURE,
        verdict=Verdict.VANISHED if vanished else Verdict.NEW,
        reason=Reason.ONLY_IN_REFERENCE if vanished else Reason.ONLY_IN_CURRENT,
        moved="present → absent" if vanished else "absent → present",
        strength=1.0,
        statistics={},
    )


def _type_changed(
    name: str, role: Role, reference: pa.DataType, current: pa.DataType
) -> ColumnCheck:
    change = f"{_type_name(reference)} → {_type_name(current)}"
    return ColumnCheck(
        name=name,
        type=change,
        role=role,
        verdict=Verdict.TYPE_CHANGED,
        reason=Reason.TYPE_CHANGED,
        moved=change,
        strength=1.0,
        statistics={},
    )


def _type_name(arrow: pa.DataType) -> str:
    type_ = column_type(arrow)
    if type_ is ColumnType.VECTOR and pa.types.is_fixed_size_list(arrow):
        return f"vector of {arrow.list_size}"
    return str(type_ or arrow)


def _measured(reference: pa.Table, current: pa.Table, name: str, type_: ColumnType) -> _Measured:
    n_rows = (len(reference), len(current))
    before, after = (column_values(side.column(name), type_) for side in (reference, current))
    if isinstance(before, Coded) and isinstance(after, Coded):
        return _measured_categories(name, type_, before, after, n_rows)
    return _measured_numbers(name, type_, cast("Floats", before), cast("Floats", after), n_rows)


def _measured_numbers(
    name: str, type_: ColumnType, reference: Floats, current: Floats, n_rows: tuple[int, int]
) -> _Measured:
    reference, current = sorted_present(reference), sorted_present(current)
    is_whole = type_ is ColumnType.INTEGER
    comparison = compare_numbers(reference, current, n_rows=n_rows)
    n_present = (len(reference), len(current))
    return _Measured(
        name,
        type_,
        comparison,
        number_intervals(reference, current, comparison)
        | _of_missing(comparison, n_present, n_rows),
        describe.number_summary(reference, n_rows[0]),
        describe.number_summary(current, n_rows[1]),
        describe.number_distribution(reference, current, is_whole=is_whole),
    )


def _measured_categories(
    name: str, type_: ColumnType, reference: Coded, current: Coded, n_rows: tuple[int, int]
) -> _Measured:
    levels, counts = describe.level_counts(reference, current)
    comparison = compare_categories(counts, n_rows=n_rows)
    n_present = (int(counts[0].sum()), int(counts[1].sum()))
    return _Measured(
        name,
        type_,
        comparison,
        category_intervals(counts, comparison) | _of_missing(comparison, n_present, n_rows),
        describe.category_summary(levels, counts[0], n_rows[0]),
        describe.category_summary(levels, counts[1], n_rows[1]),
        describe.category_distribution(levels, counts),
    )


def _of_missing(
    comparison: Comparison, n_present: tuple[int, int], n_rows: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    known = comparison.missing is not None
    return {"missing_difference": missing_interval(n_present, n_rows)} if known else {}


def _judged(measured: _Measured, decision: Decision, role: Role) -> ColumnCheck:
    comparison, sides = measured.comparison, (measured.reference, measured.current)
    if decision.reason is Reason.MISSING_MOVED:
        moved = describe.missing_moved(*sides)
    else:
        moved = describe.what_moved(*sides, measured.distribution)
    return ColumnCheck(
        name=measured.name,
        type=measured.type,
        role=role,
        verdict=decision.verdict,
        reason=decision.reason,
        moved=moved,
        strength=comparison.strength,
        statistics=comparison.statistics,
        effect=comparison.effect,
        effect_unit=comparison.effect_unit,
        p_value=decision.p_value,
        adjusted_p_value=decision.adjusted_p_value,
        intervals=measured.intervals,
        reference=measured.reference,
        current=measured.current,
        distribution=measured.distribution,
    )


def _error(
    reference: pa.Table,
    current: pa.Table,
    types: Mapping[str, ColumnType],
    roles: Mapping[str, Role],
) -> tuple[ModelError | None, tuple[str, ...]]:
    """The model's error, or a note why it cannot be told; neither unless both roles are given."""
    named = {role: name for name, role in roles.items()}
    if Role.LABEL not in named or Role.PREDICTION not in named:
        return None, ()
    label, prediction = named[Role.LABEL], named[Role.PREDICTION]
    try:
        error = model_error(reference, current, types, label=label, prediction=prediction)
    except FileError as reason:
        return None, (f"the model's error is not shown: {reason}",)
    return error, ()
