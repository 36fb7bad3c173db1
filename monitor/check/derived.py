"""Free text and vectors as plain columns of a table, which are compared like any others."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from detectors.columns import Coded, Column, ColumnType, Field
from detectors.derived import Derivation, TextDerivation, VectorDerivation
from monitor.batches.vectors import VECTOR, is_vector
from monitor.files import column_type, column_values, is_free_text


def plain(
    reference: pa.Table, current: pa.Table, *, kept: Collection[str]
) -> tuple[pa.Table, pa.Table]:
    """Both tables with the columns derived that can be, in the place of what they are of.

    What text is, and where vectors lie, the reference says. kept: names that stay as they are.
    Vectors whose lengths differ stay, as Arrow lists of a fixed size, and so does a text or vector
    that only one side has.
    """
    for name in [name for name in reference.column_names if name in current.column_names]:
        before, after = reference.column(name), current.column(name)
        if name in kept:
            continue
        if is_vector(before.type) and is_vector(after.type):
            reference, current = _with_vectors(reference, current, name)
        elif is_free_text(before) and column_type(after.type) is ColumnType.CATEGORY:
            text = TextDerivation(Field(name, ColumnType.TEXT))
            reference, current = _with(reference, text), _with(current, text)
    return reference, current


def differ_in_length(reference: pa.DataType, current: pa.DataType) -> bool:
    """Whether these are vectors that cannot be compared."""
    return is_vector(reference) and is_vector(current) and reference != current


def _with_vectors(reference: pa.Table, current: pa.Table, name: str) -> tuple[pa.Table, pa.Table]:
    before, after = (
        column_values(side.column(name), ColumnType.VECTOR) for side in (reference, current)
    )
    if isinstance(before, Coded) or isinstance(after, Coded):
        raise TypeError("vectors are no categories")
    if before.shape[1] != after.shape[1]:
        return _of_size(reference, name, before.shape[1]), _of_size(current, name, after.shape[1])
    field = Field(name, ColumnType.VECTOR)
    vectors = VectorDerivation.fit(field, before, rng=np.random.default_rng(0))
    return _with(reference, vectors), _with(current, vectors)


def _with(table: pa.Table, derivation: Derivation) -> pa.Table:
    name = derivation.field.name
    values = column_values(table.column(name), derivation.field.type)
    place = table.column_names.index(name)
    table = table.remove_column(place)
    columns = zip(derivation.fields, derivation.derive(values, None).columns, strict=True)
    for i, (field, column) in enumerate(columns):
        table = table.add_column(place + i, field.name, _arrow(column, field.type))
    return table


def _arrow(column: Column, type_: ColumnType) -> pa.Array:
    if isinstance(column, Coded):
        raise TypeError("neither texts nor vectors make categories")
    numbers = pa.array(column, from_pandas=True)  # NaN is null
    return numbers.cast(pa.int64()) if type_ is ColumnType.INTEGER else numbers


def _of_size(table: pa.Table, name: str, size: int) -> pa.Table:
    """The column without its values: its type alone is of interest."""
    nulls = pa.nulls(len(table), pa.list_(VECTOR.value_type, size))
    return table.set_column(table.column_names.index(name), name, nulls)
