"""Bodies that speak no format of their own, read as a monitor's document says: JSON pointers.

https://www.rfc-editor.org/rfc/rfc6901
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.decoders.body import json_value, whole
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.rows import features, joined, outputs

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointers:
    """Where things are; "" is the whole value, "/a/0" the first item of its member a.

    rows: the list of rows in the request, or one row. columns: of each column within a row; empty
        where rows are objects of columns, or lists in the order of the monitor's features.
    outputs: the list of answers in the response, or the one answer. prediction: within an answer.
    """

    rows: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    outputs: str = ""
    prediction: str = ""


def decode_mapped(exchange: Exchange, columns: Columns, pointers: Pointers) -> Decoded:
    """Raises DecodeError. What a pointer does not find within a row is missing."""
    request = json_value(whole(exchange.request, exchange.request_headers), with_nan=True)
    response = json_value(whole(exchange.response, exchange.response_headers), with_nan=True)
    rows = _list(request, pointers.rows, "rows")
    answers = _list(response, pointers.outputs, "outputs")
    if pointers.prediction:
        answers = [_found(answer, pointers.prediction) for answer in answers]
    return joined(_table(rows, columns, pointers), outputs(answers, columns.prediction))


def _table(rows: Sequence[object], columns: Columns, pointers: Pointers) -> Decoded:
    if not pointers.columns:
        return features(list(rows), columns.features, columns.vector)
    if not rows:
        raise DecodeError(Reason.WRONG_SHAPE, "there is no list of rows")
    found = {name: [_found(row, at) for row in rows] for name, at in pointers.columns.items()}
    return Decoded(found, len(rows))


def _list(body: object, pointer: str, what: str) -> list[object]:
    value = _at(body, pointer)
    if value is _ABSENT:
        raise DecodeError(Reason.WRONG_SHAPE, f"{what}: there is nothing at {pointer!r}")
    return value if isinstance(value, list) else [value]


def _found(value: object, pointer: str) -> object:
    found = _at(value, pointer)
    return None if found is _ABSENT else found


def _at(value: object, pointer: str) -> object:
    """What a JSON pointer points to; `_ABSENT` where there is nothing."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _ABSENT
    return value
