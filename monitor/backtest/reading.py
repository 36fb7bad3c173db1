"""Files of predictions as tables: rows in columns, or lines that SageMaker has captured."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import fsspec
import pyarrow as pa

from detectors.columns import Floats
from monitor.batches import ID as ROW_ID
from monitor.batches import LATENCY, TIME
from monitor.collector.gathering import Gathering
from monitor.collector.registry import columns
from monitor.collector.sagemaker_captures import captured
from monitor.decoders import DecodeError, Exchange, sagemaker
from monitor.decoders.exchange import ORPHANED, Reason
from monitor.files import FileError, read_table, times_of
from monitor.kafka.messages import Registration

CAPTURES = (".jsonl", ".jsonl.gz")
"""How the names of SageMaker's files end, though other JSON lines may have such names, too."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds.

    table: its columns, but for that of the times. times: (rows,) seconds since 1970.
    unreadable: captured lines that hold no rows, by reason.
    """

    table: pa.Table
    times: Floats
    unreadable: Mapping[str, int] = field(default_factory=dict)


def read(path: str, *, time: str | None, registration: Registration | None) -> Read:
    """The rows of a file and when they happened.

    time: the column that tells it; captured lines tell it themselves. registration: of the monitor
    with its fitted reference, by which captured lines are read; None before there is one.
    Raises FileError.
    """
    if _is_captured(path):
        if registration is None:
            raise FileError(
                f"{path}: captured lines name no columns; name a file as the monitor's reference"
            )
        return _read_captures(path, registration)
    if time is None:
        raise FileError("which column tells when a row happened? name it with --time")
    table = read_table(path)
    try:
        times = times_of(table, time)
    except FileError as error:
        raise FileError(f"{path}: {error}") from error
    return Read(table.drop_columns([time]), times)


def _is_captured(path: str) -> bool:
    if not path.endswith(CAPTURES):
        return False
    try:
        with _opened(path) as file:
            return b'"captureData"' in file.readline()
    except OSError:
        return False  # whoever reads it as a table says what is wrong with it


def _opened(path: str) -> BinaryIO:
    return fsspec.open(path, "rb", compression="infer").open()  # type: ignore[no-any-return]


def _read_captures(path: str, registration: Registration) -> Read:
    try:
        with _opened(path) as file:
            gathered, unreadable = _gathered(file, registration)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    batch = gathered.to_arrow()
    if batch is None:
        raise FileError(f"{path}: no line holds rows: {', '.join(unreadable) or 'it is empty'}")
    table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
    return Read(table.drop_columns([ROW_ID, TIME, LATENCY]), times_of(table, TIME), unreadable)


def _gathered(
    lines: Iterable[bytes], registration: Registration
) -> tuple[Gathering, Mapping[str, int]]:
    names = columns(registration)
    gathered, unreadable = Gathering(registration), Counter[str]()
    for line in lines:
        if not line.strip():
            continue
        try:
            exchange = _exchange(line, registration)
            decoded = sagemaker.decode(exchange, names)
        except DecodeError as error:
            unreadable[error.reason] += 1
        else:
            gathered.add(exchange.request_id, decoded, time=exchange.arrived_at, latency_s=math.nan)
    return gathered, unreadable


def _exchange(line: bytes, registration: Registration) -> Exchange:
    """Both sides of it, with its time. Raises DecodeError."""
    exchange = captured(line, registration.monitor.model_name, now=math.nan)
    if exchange.status == ORPHANED:
        raise DecodeError(Reason.ORPHANED, "only one side of it was captured")
    if math.isnan(exchange.arrived_at):
        raise DecodeError(Reason.WRONG_SHAPE, "it does not tell when it was")
    return exchange
