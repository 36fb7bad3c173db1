"""Rows of JSON as columns: what most formats have in common. All raise DecodeError."""

from collections.abc import Sequence

from monitor.decoders.exchange import Decoded, DecodeError, Reason

Column = Sequence[object]

_NESTED = frozenset({list, dict})


def features(rows: object, names: Sequence[str], vector: str | None = None) -> Decoded:
    """Rows as objects, or as lists or single values in the order of `names`.

    Without names, the values of a list are numbered. vector: the column that a list of single
    values is as a whole.
    """
    if not isinstance(rows, list) or not rows:
        raise DecodeError(Reason.WRONG_SHAPE, "there is no list of rows")
    first = rows[0]
    if isinstance(first, dict):
        return _objects(rows)
    if (
        vector is not None
        and isinstance(first, list)
        and not any(isinstance(value, list | dict) for value in first[:1])
    ):
        return Decoded({vector: rows}, len(rows))
    lists = rows if isinstance(first, list) else [[value] for value in rows]
    width = len(lists[0])
    if set(map(type, lists)) != {list}:
        raise DecodeError(Reason.WRONG_SHAPE, "rows of different kinds")
    names = names or [f"feature_{i}" for i in range(width)]
    if width != len(names):
        raise DecodeError(Reason.WRONG_SHAPE, f"rows of {width} values for {len(names)} columns")
    try:
        return Decoded(dict(zip(names, zip(*lists, strict=True), strict=True)), len(lists))
    except ValueError as error:
        raise DecodeError(Reason.WRONG_SHAPE, "rows of different lengths") from error


def columnar(value: object, names: Sequence[str], vector: str | None = None) -> Decoded:
    """An object of columns; or rows, as a tensor without a name is both."""
    if not isinstance(value, dict):
        return features(value, names, vector)
    lengths = {len(column) for column in value.values() if isinstance(column, list)}
    if not all(isinstance(column, list) for column in value.values()) or not any(lengths):
        raise DecodeError(Reason.WRONG_SHAPE, "an object that is not of columns with rows")
    if len(lengths) != 1:
        raise DecodeError(Reason.WRONG_LENGTH, "columns of different lengths")
    return Decoded({name: _scalars(column) for name, column in value.items()}, lengths.pop())


def outputs(rows: object, prediction: str, names: Sequence[str] = ()) -> Decoded:
    """What the model answered; a single output is the prediction, whatever it is called.

    names: of the outputs of a row that is a list.
    """
    if isinstance(rows, list) and rows and _NESTED.isdisjoint(map(type, rows)):
        return Decoded({prediction: rows}, len(rows))
    width = _width(rows)
    if width != 1 and not names:
        raise DecodeError(Reason.WRONG_SHAPE, "several outputs a row, without names")
    return single(features(rows, names if width != 1 else [prediction]), prediction)


def single(table: Decoded, prediction: str) -> Decoded:
    """The same, with a column that is alone called the prediction."""
    if len(table.columns) != 1:
        return table
    (column,) = table.columns.values()
    return Decoded({prediction: column}, table.n)


def joined(inputs: Decoded, answers: Decoded) -> Decoded:
    """Inputs and outputs side by side."""
    if inputs.n != answers.n:
        raise DecodeError(Reason.WRONG_LENGTH, f"{inputs.n} rows in, {answers.n} out")
    return Decoded({**inputs.columns, **answers.columns}, inputs.n)


def texts(names: object) -> Sequence[str]:
    """The names that a body gives; none where they are not all text."""
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return names
    return ()


def _width(rows: object) -> int:
    """How many values a row has, if it is a list."""
    is_list = isinstance(rows, list) and bool(rows) and isinstance(rows[0], list)
    return len(rows[0]) if is_list else 1  # type: ignore[index]  # lists, as checked


def _objects(rows: Sequence[object]) -> Decoded:
    """Objects may lack keys, as values that are missing."""
    named: dict[str, None] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise DecodeError(Reason.WRONG_SHAPE, "rows of different kinds")
        named.update(dict.fromkeys(row))
    columns = {name: _scalars([row.get(name) for row in rows]) for name in named}  # type: ignore[attr-defined]  # objects, as checked
    return Decoded(columns, len(rows))


def _scalars(column: Column) -> Column:
    """[[1], [2]] as [1, 2]: tensors have shape [n, 1] as often as [n]."""
    if all(type(value) is list and len(value) == 1 for value in column):
        return [value[0] for value in column]  # type: ignore[index]  # lists, as checked
    return column
