"""TensorFlow Serving's REST API, and KServe's V1 protocol, which is its row format.

Rows: {"instances": [...]} in, {"predictions": [...]} out. Columns: {"inputs": ...} in,
{"outputs": ...} out; KServe answers these, too, with "predictions". Numbers may be the bare words
NaN and Infinity.

https://www.tensorflow.org/tfx/serving/api_rest#predict_api
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from monitor.decoders.body import json_object
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange, Reason
from monitor.decoders.open_inference_v2 import asked_version
from monitor.decoders.rows import columnar, features, joined, outputs, single

NAME = "tf-serving"
PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)(?:/(?:versions|labels)/(?P<version>[^/:]+))?:predict"
)


def decode(exchange: Exchange, columns: Columns) -> Decoded:
    """Rows as objects or as lists in the order of the monitor's features; or columns by name.

    Raises DecodeError.
    """
    request = json_object(exchange.request, exchange.request_headers, with_nan=True)
    response = json_object(exchange.response, exchange.response_headers, with_nan=True)
    rows = joined(_inputs(request, columns), _answers(response, columns))
    version = asked_version(PATH, exchange.path)
    return replace(rows, model_version=version) if version else rows


def _inputs(request: Mapping[str, object], columns: Columns) -> Decoded:
    if "instances" in request and "inputs" in request:
        raise DecodeError(Reason.WRONG_SHAPE, "both 'instances' and 'inputs'")
    if "inputs" in request:
        return columnar(request["inputs"], columns.features, columns.vector)
    return features(request.get("instances"), columns.features, columns.vector)


def _answers(response: Mapping[str, object], columns: Columns) -> Decoded:
    answers = response.get("outputs")
    if isinstance(answers, dict):
        return single(columnar(answers, ()), columns.prediction)
    return outputs(response.get("predictions", answers), columns.prediction)
