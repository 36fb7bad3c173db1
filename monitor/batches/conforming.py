"""Columns of whatever came in, made the types that a monitor's schema wants."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa

from detectors.columns import LARGEST_DIMENSIONS, RESERVED_PREFIX, ColumnType, Field, Role
from monitor.batches.times import parse_microseconds
from monitor.batches.vectors import VECTOR, is_vector, of_length

MAX_COLUMNS = 10_000

ARROW_TYPES = {
    ColumnType.FLOAT: pa.float64(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.CATEGORY: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    ColumnType.VECTOR: VECTOR,
}

Values: TypeAlias = Sequence[object]
"""Python scalars, lists of numbers, or an Arrow array."""


@dataclass(frozen=True, slots=True)
class Conformed:
    """Columns as a monitor's schema wants them, and what did not fit.

    mismatched: values that were not of their column's type and became missing, by column.
    unknown: rows that had a column the schema does not know, by column; those were left out.
    absent: rows without a column that the schema has, by column, where all of them lack it.
    """

    columns: Mapping[str, pa.Array]
    mismatched: Mapping[str, int]
    unknown: Mapping[str, int]
    absent: Mapping[str, int] = field(default_factory=dict)


def conform(columns: Mapping[str, Values], schema: Sequence[Field], *, n: int) -> Conformed:
    """Arrays of the schema's types in the schema's order, from columns of n values each.

    A column that is absent is missing throughout. Numbers stand for categories by their text, for
    times as seconds since 1970, and 0 and 1 for booleans; whatever else does not fit, a vector of
    another length say, becomes missing and is counted. Without a schema every column keeps its
    natural type.
    """
    fields = [f for f in schema if f.role in (Role.FEATURE, Role.PREDICTION)]
    if not fields:
        return _conform_naturally(columns, n)
    arrays: dict[str, pa.Array] = {}
    mismatched: dict[str, int] = {}
    absent: dict[str, int] = {}
    for f in fields:
        values = columns.get(f.name)
        if values is None:
            arrays[f.name] = pa.nulls(n, ARROW_TYPES[f.type])
            _count(absent, f.name, n)
        else:
            arrays[f.name], n_bad = _typed(values, f.type, f.dimensions)
            _count(mismatched, f.name, n_bad)
    unknown = {str(name): n for name in columns if name not in arrays}
    return Conformed(arrays, mismatched, unknown, absent)


def _conform_naturally(columns: Mapping[str, Values], n: int) -> Conformed:
    arrays: dict[str, pa.Array] = {}
    mismatched: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for name, values in columns.items():
        if name.startswith(RESERVED_PREFIX) or len(arrays) >= MAX_COLUMNS:
            unknown[name] = n
        else:
            arrays[name], n_bad = natural(values)
            _count(mismatched, name, n_bad)
    return Conformed(arrays, mismatched, unknown)


def _natural_type(values: Values) -> ColumnType | None:
    """The narrowest type that holds all scalars among the values, or all lists where there are no
    scalars; None where there is neither.
    """
    kinds = set(map(type, values)) & {bool, int, float, str, list}
    if not kinds:
        return None
    if kinds == {list}:
        return ColumnType.VECTOR
    kinds -= {list}
    if str in kinds:
        return ColumnType.CATEGORY
    if len(kinds) > 1 or float in kinds:
        return ColumnType.FLOAT
    return ColumnType.INTEGER if int in kinds else ColumnType.BOOLEAN


def _count(counts: dict[str, int], name: str, n: int) -> None:
    if n:
        counts[name] = n


_CODES = {ColumnType.FLOAT: "d", ColumnType.INTEGER: "q"}

_EXACT: Mapping[ColumnType, frozenset[type]] = {
    ColumnType.FLOAT: frozenset({int, float, type(None)}),
    ColumnType.INTEGER: frozenset({int, type(None)}),
    ColumnType.BOOLEAN: frozenset({bool, type(None)}),
    ColumnType.CATEGORY: frozenset({str, type(None)}),
    ColumnType.TEXT: frozenset({str, type(None)}),
    ColumnType.TIMESTAMP: frozenset({type(None)}),
    ColumnType.VECTOR: frozenset({type(None)}),
}


def natural(values: Values) -> tuple[pa.Array, int]:
    """The values in the narrowest type that holds all scalars among them; how many are none."""
    if isinstance(values, pa.Array):
        if values.type in ARROW_TYPES.values() and values.type != VECTOR:
            return values, 0
        if (cast := _cast(values)) is not None:
            return of_length(cast, 0) if cast.type == VECTOR else (cast, 0)
        values = listed(values)
    return _typed(values, _natural_type(values))


def listed(values: Values) -> Sequence[object]:
    """The values as JSON would have them; times are seconds since 1970, of any zone."""
    if not isinstance(values, pa.Array):
        return values
    cast = _cast(values)
    if cast is None:
        return values.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    if cast.type != ARROW_TYPES[ColumnType.TIMESTAMP]:
        return cast.to_pylist()  # type: ignore[no-any-return]
    micros = cast.cast(pa.int64()).to_pylist()
    return [None if micro is None else micro / 1e6 for micro in micros]


def _cast(values: pa.Array) -> pa.Array | None:
    """Any Arrow type's times, vectors, text and numbers in ours; None where values may not fit."""
    types, type_ = pa.types, values.type
    if types.is_timestamp(type_) or types.is_date(type_):
        return values.cast(ARROW_TYPES[ColumnType.TIMESTAMP], safe=False)
    if is_vector(type_):
        return values.cast(VECTOR, safe=False)
    if types.is_floating(type_):
        return values.cast(pa.float64())
    if types.is_integer(type_) and type_ != pa.uint64():
        return values.cast(pa.int64())
    is_coded = types.is_dictionary(type_) and types.is_string(type_.value_type)
    return values.cast(pa.string()) if is_coded or types.is_large_string(type_) else None


def _typed(values: Values, type_: ColumnType | None, dimensions: int = 0) -> tuple[pa.Array, int]:
    """The values as an array, and how many did not fit."""
    if type_ is None:
        return pa.nulls(len(values)), sum(value is not None for value in values)
    target = ARROW_TYPES[type_]
    if isinstance(values, pa.Array):
        cast = values if values.type == target else _cast(values)
        if cast is not None and cast.type == pa.int64() and target == pa.float64():
            cast = cast.cast(target, safe=False)  # beyond 2⁵³ to the nearest, as Python does
        if cast is not None and cast.type == target:
            return of_length(cast, dimensions) if type_ is ColumnType.VECTOR else (cast, 0)
        values = listed(values)
    elif (packed := _packed(values, type_)) is not None:
        return packed, 0
    if set(map(type, values)) <= _EXACT[type_]:
        try:
            return pa.array(values, type=target), 0
        except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            pass  # a number beyond the type's range, or text that is no Unicode: value by value
    fitted = [_fit(value, type_, dimensions) for value in values]
    n_bad = sum(
        new is None and not is_missing(old) for old, new in zip(values, fitted, strict=True)
    )
    return pa.array(fitted, type=target), n_bad


def _packed(values: Sequence[object], type_: ColumnType) -> pa.Array | None:
    """Numbers at once: a fifth of what looking at each costs. None where something else is among
    them, nothing for one; booleans are numbers, as 0 and 1."""
    code = _CODES.get(type_)
    if code is None:
        return None
    try:
        packed = struct.pack(f"{len(values)}{code}", *values)
    except struct.error:
        return None
    return pa.Array.from_buffers(ARROW_TYPES[type_], len(values), [None, pa.py_buffer(packed)])


def is_missing(value: object) -> bool:
    """None or NaN."""
    return value is None or value != value  # noqa: PLR0124 - NaN is what differs from itself


def _fit(value: object, type_: ColumnType, dimensions: int) -> object:
    """The value as the type wants it, None where it does not fit."""
    if type_ is ColumnType.VECTOR:
        return _fit_vector(value, dimensions)
    if not isinstance(value, bool | int | float | str) or is_missing(value):
        return None
    return _SCALAR_FITS[type_](value)


def _fit_vector(value: object, dimensions: int) -> list[float | None] | None:
    """Numbers, or null for one that is not known, which makes the vector missing later."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LARGEST_DIMENSIONS:
        return None
    if dimensions not in (0, len(value)):
        return None
    if not all(number is None or type(number) in (int, float) for number in value):
        return None
    return [None if number is None else _fit_float(number) for number in value]


def _fit_category(value: bool | float | str) -> str | None:
    """Text as it is; numbers as a CSV file would spell them, whole ones without a point."""
    if isinstance(value, str):
        return value if _is_unicode(value) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).removesuffix(".0")


def _fit_boolean(value: bool | float | str) -> bool | None:
    return bool(value) if value in (0, 1) else None


def _fit_text(value: bool | float | str) -> str | None:
    return value if isinstance(value, str) and _is_unicode(value) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _fit_integer(value: bool | float | str) -> int | None:
    if isinstance(value, str) or not -(2**63) <= value < 2**63:
        return None
    return int(value) if value == int(value) else None


def _fit_float(value: bool | float | str) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except OverflowError:
        return None


_SCALAR_FITS: Mapping[ColumnType, Callable[[bool | float | str], object]] = {
    ColumnType.FLOAT: _fit_float,
    ColumnType.INTEGER: _fit_integer,
    ColumnType.BOOLEAN: _fit_boolean,
    ColumnType.CATEGORY: _fit_category,
    ColumnType.TEXT: _fit_text,
    ColumnType.TIMESTAMP: parse_microseconds,
}
