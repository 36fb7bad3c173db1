"""Batches of predictions and labels: their form on the wire, and the ways into it."""

from monitor.batches.conforming import ARROW_TYPES, Conformed, conform
from monitor.batches.json_rows import ReadRows, from_json, labels_from_json, read_rows
from monitor.batches.times import parse_time
from monitor.batches.wire import (
    ID,
    LABEL,
    LATENCY,
    MAX_BYTES,
    TIME,
    BatchError,
    decode,
    encode,
    labels,
    lost,
    predictions,
    request_ids,
    to_labels,
    to_rows,
)

__all__ = [
    "ARROW_TYPES",
    "ID",
    "LABEL",
    "LATENCY",
    "MAX_BYTES",
    "TIME",
    "BatchError",
    "Conformed",
    "ReadRows",
    "conform",
    "decode",
    "encode",
    "from_json",
    "labels",
    "labels_from_json",
    "lost",
    "parse_time",
    "predictions",
    "read_rows",
    "request_ids",
    "to_labels",
    "to_rows",
]
