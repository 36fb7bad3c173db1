"""MLflow's scoring server: {"dataframe_split": ...} or its like in, {"predictions": ...} out.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally
"""

import re
from collections.abc import Callable, Mapping, Sequence

from monitor.decoders.body import json_object
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.rows import columnar, features, joined, outputs, single, texts

NAME = "mlflow"
PATH = re.compile(r"/invocations")


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Exactly one of the four forms of a table; CSV is not read. Raises DecodeError."""
    request = json_object(exchange.request, exchange.request_headers, with_nan=True)
    response = json_object(exchange.response, exchange.response_headers, with_nan=True)
    forms = _FORMS.keys() & request.keys()
    if len(forms) != 1:
        raise DecodeError(Reason.WRONG_SHAPE, f"not exactly one of {', '.join(_FORMS)}")
    form = forms.pop()
    inputs = _FORMS[form](request[form], columns.features)
    return joined(inputs, _answers(response.get("predictions"), columns.prediction))


def _answers(predictions: object, prediction: str) -> Decoded:
    if isinstance(predictions, dict):
        return single(columnar(predictions, ()), prediction)
    return outputs(predictions, prediction)


def _split(frame: object, names: Sequence[str]) -> Decoded:
    """A table as pandas splits it; columns that it only numbers are the monitor's features."""
    if not isinstance(frame, dict):
        raise DecodeError(Reason.WRONG_SHAPE, "'dataframe_split' is no object")
    return features(frame.get("data"), texts(frame.get("columns")) or names)


_FORMS: Mapping[str, Callable[[object, Sequence[str]], Decoded]] = {
    "dataframe_split": _split,
    "dataframe_records": features,
    "instances": features,
    "inputs": columnar,
}
