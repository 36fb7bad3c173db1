"""Files of predictions as tables: rows in columns, lines that SageMaker has captured, or requests
and answers that KServe has logged."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import BinaryIO

import fsspec
import pyarrow as pa

from detectors.columns import Floats
from monitor.backtest.blobs import is_blob_log, pairs
from monitor.batches import ID as ROW_ID
from monitor.batches import LATENCY, TIME
from monitor.collector.gathering import Gathering
from monitor.collector.pairing import Pair
from monitor.collector.registry import columns
from monitor.collector.sagemaker_captures import captured
from monitor.collector.sink import exchange
from monitor.decoders import DecodeError, Decoder, Exchange, claim, sagemaker
from monitor.decoders.exchange import ORPHANED, Reason
from monitor.files import FileError, read_table, times_of
from monitor.kafka.messages import Registration
from monitor.remote import told_as_os_errors

BLOB_EXCHANGES = 10_000
"""Of logged requests with their answers, in the memory at once."""

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


def reads(
    paths: Sequence[str], *, time: str | None, registration: Registration | None
) -> Iterator[Read]:
    """The rows of files, as `read` takes them; of those of KServe's logger many together, for
    request and answer may lie in two. Raises FileError."""
    for is_blob, alike in groupby(paths, key=is_blob_log):
        if is_blob:
            yield from _read_blobs(list(alike), _known(registration, "logged bodies"))
        else:
            yield from (read(path, time=time, registration=registration) for path in alike)


def read(path: str, *, time: str | None, registration: Registration | None) -> Read:
    """The rows of a file and when they happened.

    time: the column that tells it; captured lines tell it themselves. registration: of the monitor
    with its fitted reference, by which captured lines are read; None before there is one.
    Raises FileError.
    """
    if _is_captured(path):
        return _read_captures(path, _known(registration, f"{path}: captured lines"))
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
    with told_as_os_errors():
        return fsspec.open(path, "rb", compression="infer").open()  # type: ignore[no-any-return]


def _read_captures(path: str, registration: Registration) -> Read:
    try:
        with _opened(path) as file:
            gathered, unreadable = _gathered(file, registration)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    found = _read_of(gathered, unreadable)
    if found is None:
        raise FileError(f"{path}: no line holds rows: {', '.join(unreadable) or 'it is empty'}")
    return found


def _read_of(gathered: Gathering, unreadable: Mapping[str, int]) -> Read | None:
    """None where there are no rows."""
    batch = gathered.to_arrow()
    if batch is None:
        return None
    table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
    return Read(table.drop_columns([ROW_ID, TIME, LATENCY]), times_of(table, TIME), unreadable)


def _read_blobs(paths: Sequence[str], registration: Registration) -> Iterator[Read]:
    """As many exchanges together as keep the memory small. Raises FileError if none holds rows."""
    names, has_rows, every = columns(registration), False, pairs(paths)
    failed = Counter[str]()
    while some := list(islice(every, BLOB_EXCHANGES)):
        gathered, unreadable = Gathering(registration), Counter[str]()
        for pair in some:
            try:
                logged = _logged(pair)
                decoded = _decoder(logged.path).decode(logged, names)
            except DecodeError as error:
                unreadable[error.reason] += 1
            else:
                time, latency_s = logged.arrived_at, logged.latency_s
                gathered.add(logged.request_id, decoded, time=time, latency_s=latency_s)
        failed.update(unreadable)
        if (found := _read_of(gathered, unreadable)) is not None:
            has_rows = True
            yield found
    if not has_rows:
        raise FileError(f"{paths[0]} …: no exchange holds rows: {', '.join(failed) or 'none is'}")


def _logged(pair: Pair) -> Exchange:
    """Both sides of it, with its time. Raises DecodeError."""
    logged = exchange(pair, arrived_at=math.nan)
    if logged.status == ORPHANED:
        raise DecodeError(Reason.ORPHANED, "only one side of it was logged")
    return logged


def _decoder(path: str) -> Decoder:
    claimed = claim(path)
    assert claimed is not None  # the logger's paths are those of formats that are read
    return claimed.decoder


def _known(registration: Registration | None, what: str) -> Registration:
    if registration is None:
        raise FileError(f"{what} name no columns; name a file as the monitor's reference")
    return registration


def _gathered(
    lines: Iterable[bytes], registration: Registration
) -> tuple[Gathering, Mapping[str, int]]:
    names = columns(registration)
    gathered, unreadable = Gathering(registration), Counter[str]()
    for line in lines:
        if not line.strip():
            continue
        try:
            found = _exchange(line, registration)
            decoded = sagemaker.decode(found, names)
        except DecodeError as error:
            unreadable[error.reason] += 1
        else:
            gathered.add(found.request_id, decoded, time=found.arrived_at, latency_s=math.nan)
    return gathered, unreadable


def _exchange(line: bytes, registration: Registration) -> Exchange:
    """Both sides of it, with its time. Raises DecodeError."""
    found = captured(line, registration.monitor.model_name, now=math.nan)
    if found.status == ORPHANED:
        raise DecodeError(Reason.ORPHANED, "only one side of it was captured")
    if math.isnan(found.arrived_at):
        raise DecodeError(Reason.WRONG_SHAPE, "it does not tell when it was")
    return found
