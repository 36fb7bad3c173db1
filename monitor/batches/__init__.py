"""Batches of predictions and labels: their form on the wire, and the ways into it."""

from monitor.batches.conforming import ARROW_TYPES, Conformed, conform
from monitor.batches.json_rows import from_json, labels_from_json, read_body
from monitor.batches.judging import Judged, judged_labels, judged_predictions, label_faults
from monitor.batches.reading import ReadRows, read_columns, read_rows
from monitor.batches.times import parse_time
from monitor.batches.wire import (
    ID,
    LABEL,
    LATENCY,
    MAX_BYTES,
    ONE_IN,
    TIME,
    WEIGHT,
    BatchError,
    decode,
    encode,
    labels,
    lost,
    one_in,
    predictions,
    read_stream,
    request_ids,
    to_labels,
    to_rows,
    weights,
)

__all__ = [
    "ARROW_TYPES",
    "ID",
    "LABEL",
    "LATENCY",
    "MAX_BYTES",
    "ONE_IN",
    "TIME",
    "WEIGHT",
    "BatchError",
    "Conformed",
    "Judged",
    "ReadRows",
    "conform",
    "decode",
    "encode",
    "from_json",
    "judged_labels",
    "judged_predictions",
    "label_faults",
    "labels",
    "labels_from_json",
    "lost",
    "one_in",
    "parse_time",
    "predictions",
    "read_body",
    "read_columns",
    "read_rows",
    "read_stream",
    "request_ids",
    "to_labels",
    "to_rows",
    "weights",
]
