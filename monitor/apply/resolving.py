"""From the data that a Monitor document names to a fitted reference."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from detectors.columns import RESERVED_PREFIX, Column, ColumnType, Field, Floats, Role
from detectors.output import Output
from detectors.profile.sample import SampleLimits
from detectors.reference import Reference
from monitor.batches import TIME
from monitor.files import FileError, read_table, times_of, to_rows
from monitor.leaving.reference import evenly_sampled, leaving_columns, redacted
from monitor.spec.model import Spec
from monitor.spec.samples import SAMPLE_BYTES


def fit_file(spec: Spec, *, hash_key: bytes | None = None) -> Reference:
    """The reference in the file or at the URL that the spec names.

    hash_key: of columns that leave hashed.
    Raises FileError or ReferenceError, naming the column and what is wrong with it.
    """
    assert spec.reference.url is not None
    table = read_table(spec.reference.url)
    time = spec.reference.time
    times = None if time is None else times_of(table, time)
    table = redacted(leaving_columns(table, spec), spec, hash_key)
    return _fit(table, spec, leave_out=[time] if time else [], times=times)


def fit_predictions(batches: Sequence[pa.RecordBatch], spec: Spec) -> Reference:
    """The reference of the first predictions; its labels, if any, are not known yet.

    Raises FileError or ReferenceError.
    """
    tables = [
        pa.Table.from_batches([batch]).replace_schema_metadata(None)
        for batch in evenly_sampled(batches)
    ]
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise FileError(f"the predictions disagree about a column's type: {error}") from error
    reserved = [name for name in table.column_names if name.startswith(RESERVED_PREFIX)]
    times = times_of(table, TIME)
    table = leaving_columns(table, spec)
    return _fit(table, spec, leave_out=reserved, times=times, labelled=False)


def _fit(
    table: pa.Table,
    spec: Spec,
    *,
    leave_out: Sequence[str],
    times: Floats | None,
    labelled: bool = True,
) -> Reference:
    ignored = [name for name, kind in spec.columns.items() if kind == "ignore"]
    out = {*leave_out, *ignored, spec.label}
    kept = table.select([name for name in table.column_names if name not in out])
    rows, schema, _ = to_rows(kept, _declared(kept, spec))
    prediction = next((f for f in schema if f.name == spec.prediction), None)
    label = _label(table, spec.label, prediction, spec) if spec.label and labelled else None
    fitted = Reference.fit(
        rows,
        schema,
        times=times,
        window_lengths_s=[window.step_s for window in spec.windows],
        prediction=_output(prediction, spec),
        label=label,
        outlier_scorer=spec.detection.outliers.scorer,
        segments=spec.segments,
    )
    _check_matching(fitted, spec.detection.match_by)
    return fitted.sampling(_sample_limits(spec))


def _sample_limits(spec: Spec) -> SampleLimits:
    if spec.detection.needs_rows:
        return SampleLimits(rows=spec.sample_rows, size_bytes=SAMPLE_BYTES)
    return SampleLimits(rows=spec.sample_rows)


def _check_matching(reference: Reference, name: str | None) -> None:
    """What detect could not use is said to whoever declares it."""
    column = reference.columns[reference.index(name)] if name and reference.has(name) else None
    if name is not None and (column is None or column.field.type.is_numeric):
        raise FileError(
            f"spec.detection.match_by is {name!r}, which is no category or boolean column of the "
            "reference"
        )


def _declared(table: pa.Table, spec: Spec) -> list[Field]:
    """Every column with the type it has or is said to have, and its role."""
    types = {name: kind for name, kind in spec.columns.items() if isinstance(kind, ColumnType)}
    if absent := sorted(types.keys() - set(table.column_names)):
        raise FileError(f"spec.columns names {absent[0]!r}, which the reference does not have")
    untyped = table.select([name for name in table.column_names if name not in types])
    inferred = {field.name: field for field in to_rows(untyped)[1]}
    fields = [
        Field(name, types[name]) if name in types else inferred[name]
        for name in table.column_names
        if name in types or name in inferred
    ]
    outputs = {spec.prediction, *spec.probabilities.values()}
    return [replace(f, role=Role.PREDICTION) if f.name in outputs else f for f in fields]


def _output(prediction: Field | None, spec: Spec) -> Output | None:
    """What the model answers, if it can be compared with labels."""
    if prediction is None or prediction.type.is_derived:
        if spec.probabilities or spec.fairness:
            raise FileError(
                f"spec.probabilities and spec.fairness need the column {spec.prediction!r} with "
                "the model's predictions; name it in spec.prediction"
            )
        return None
    return Output(
        spec.prediction,
        probabilities=spec.probabilities,
        positive=spec.positive,
        groups=spec.fairness,
    )


def _label(table: pa.Table, name: str, prediction: Field | None, spec: Spec) -> Column:
    """The labels in the type of the prediction that they are the truth of."""
    if prediction is None:
        raise FileError(
            f"spec.label is {name!r}, but the reference has no column {spec.prediction!r} with "
            "the model's predictions to compare it with; name it in spec.prediction"
        )
    if prediction.type.is_derived:
        raise FileError(
            f"spec.label is {name!r}, but the predictions are {prediction.type}, with which no "
            "label can be compared; if they are categories, say so in spec.columns"
        )
    rows, _, _ = to_rows(table, [Field(name, prediction.type, Role.LABEL)])
    return rows.columns[name]
