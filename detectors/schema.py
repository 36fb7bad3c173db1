"""What data must be like before a reference can be fitted on it."""

from collections.abc import Mapping, Sequence

import numpy as np

from detectors.columns import RESERVED_PREFIX, Coded, Column, ColumnType, Field, Floats, Role, Rows
from detectors.derived import Derivations

LONGEST_NAME = 200


class ReferenceError(ValueError):  # noqa: A001  # the other one is about weak references
    """Data that no reference can be fitted on, with the column and the reason."""


def check_reference_data(rows: Rows, schema: Sequence[Field], *, times: Floats | None) -> None:
    """Raises ReferenceError where rows are too few or the schema does not fit them."""
    if rows.n < 2:
        raise ReferenceError(f"a reference needs at least two rows, found {rows.n}")
    if not schema:
        raise ReferenceError("a reference needs at least one column")
    if times is not None and len(times) != rows.n:
        raise ReferenceError(f"{len(times)} times for {rows.n} rows")
    for i, field in enumerate(schema):
        _check_name(field.name, [other.name for other in schema[:i]])
        _check_column(field, rows.columns.get(field.name))
    if all(_is_all_missing(rows.columns[field.name]) for field in schema):
        raise ReferenceError("every value of every column is missing")


def check_label(
    rows: Rows, schema: Sequence[Field], *, prediction: str | None, label: Column | None
) -> None:
    """Raises ReferenceError where the prediction is unknown or the label does not fit it."""
    if label is not None and len(label) != rows.n:
        raise ReferenceError(f"{len(label)} labels for {rows.n} rows")
    if prediction is None:
        if label is not None:
            raise ReferenceError("a label needs a prediction to be compared with")
        return
    types = {field.name: field.type for field in schema}
    if prediction not in types:
        raise ReferenceError(f"the prediction {prediction!r} is not a column of the schema")
    if types[prediction].is_derived:
        raise ReferenceError(
            f"the prediction {prediction!r} is {types[prediction]}, which no label can be "
            "compared with"
        )
    if label is not None and types[prediction].is_numeric == isinstance(label, Coded):
        kind = "categories" if isinstance(label, Coded) else "numbers"
        raise ReferenceError(
            f"the prediction {prediction!r} is {types[prediction]}, but the label holds {kind}"
        )


def check_derived(derivations: Derivations) -> None:
    """Raises ReferenceError where a derived column has the name of another column."""
    names = [field.name for field in derivations.plain]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ReferenceError(
                f"column {name!r} is derived of another column; rename the one that has its name"
            )


def is_reserved(name: str) -> bool:
    return name.startswith(RESERVED_PREFIX)


def field_to_json(field: Field) -> dict[str, str]:
    return {"name": field.name, "type": field.type.value, "role": field.role.value}


def field_from_json(meta: Mapping[str, str]) -> Field:
    """Raises KeyError or ValueError for what `field_to_json` did not make."""
    return Field(str(meta["name"]), ColumnType(meta["type"]), Role(meta["role"]))


def _check_name(name: str, earlier: Sequence[str]) -> None:
    if not name.strip() or not name.isprintable():
        raise ReferenceError(f"column name {name!r} is blank or holds control characters")
    if len(name) > LONGEST_NAME:
        raise ReferenceError(f"column name {name[:40]!r}… is longer than {LONGEST_NAME} characters")
    if is_reserved(name):
        raise ReferenceError(f"column {name!r}: names that begin with dm. are reserved")
    if name in earlier:
        raise ReferenceError(f"column {name!r} is declared twice")


def _check_column(field: Field, column: Column | None) -> None:
    if column is None:
        raise ReferenceError(f"column {field.name!r} is declared but not in the data")
    if field.type.is_coded != isinstance(column, Coded):
        found = "categories" if isinstance(column, Coded) else "numbers"
        raise ReferenceError(f"column {field.name!r} is {field.type}, but holds {found}")


def _is_all_missing(column: Column) -> bool:
    if isinstance(column, Coded):
        return bool((column.codes < 0).all())
    return bool(np.isnan(column).all())
