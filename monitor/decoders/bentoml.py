"""The HTTP APIs of BentoML services: {"argument": value} in, the value that was returned out.

An API has the name that its author gave it; read are those called `predict` and `classify`. Others
are read where a monitor's document names their path.

https://docs.bentoml.com/en/latest/build-with-bentoml/iotypes.html
"""

import re
from collections.abc import Mapping, Sequence

from monitor.decoders.body import json_object, json_value, whole
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.rows import columnar, features, joined, outputs, single

NAME = "bentoml"
PATH = re.compile(r"/(?:predict|classify)")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """One argument with rows, an object or a list that is one row, or an object of columns; or an
    argument a column. Raises DecodeError.
    """
    arguments = json_object(exchange.request, exchange.request_headers)
    returned = json_value(whole(exchange.response, exchange.response_headers))
    return joined(_inputs(arguments, columns), _answers(returned, columns.prediction))


def _inputs(arguments: Mapping[str, object], columns: Columns) -> Decoded:
    value = next(iter(arguments.values())) if len(arguments) == 1 else None
    if isinstance(value, list):
        rows = [value] if _is_row(value, columns) else value
        return features(rows, columns.features, columns.vector)
    return _table(value if isinstance(value, dict) else arguments)


def _is_row(values: Sequence[object], columns: Columns) -> bool:
    """Whether a list of single values is one row and not a column."""
    is_flat = not any(isinstance(value, list | dict) for value in values)
    return is_flat and (len(columns.features) > 1 or columns.vector is not None)


def _table(value: Mapping[str, object]) -> Decoded:
    """Columns where all values are lists, else one row."""
    if value and all(isinstance(column, list) for column in value.values()):
        return columnar(value, ())
    return features([value] if value else [], ())


def _answers(returned: object, prediction: str) -> Decoded:
    if isinstance(returned, dict):
        return single(_table(returned), prediction)
    if not isinstance(returned, list):
        if returned is None:
            raise DecodeError(Reason.WRONG_SHAPE, "nothing was returned")
        returned = [returned]
    return outputs(returned, prediction)
