"""What KServe's payload logger puts into a blob store: one side of a prediction in a file, or many.

A file's name ends as its first side does, `<id>-request.json`, `<id>-response.parquet`; the other
side lies in another file, or in the same where sides are stored in batches.
https://kserve.github.io/website/docs/model-serving/predictive-inference/logger/blob-storage-logger
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import fsspec
import orjson
import pyarrow as pa
from pyarrow import csv, parquet

from monitor.batches import parse_time
from monitor.collector.cloudevents import Event
from monitor.collector.pairing import Pair, Pairing, PairingLimits, side
from monitor.files import FileError
from monitor.remote import told_as_os_errors

LIMITS = PairingLimits(events=1_000_000, size_bytes=1 << 30)
"""Of sides that wait for their other one, which may lie many files on."""

_NAME = re.compile(r"-(?:request|response)\.(json|csv|parquet)")


def is_blob_log(path: str) -> bool:
    """Whether a file is called as the logger calls them."""
    return _format(path) is not None


def pairs(paths: Sequence[str]) -> Iterator[Pair]:
    """Both sides of each prediction in the files, in whatever order they are; what is left in the
    end has only one. Where a side does not tell its time it is that of its file.

    Raises FileError for a file that cannot be read, or holds something else.
    """
    pairing = Pairing(LIMITS)
    for path in paths:
        for event in _events(path):
            if (event_side := side(event)) is not None:
                yield from pairing.add(event, event_side, now=0.0)
    yield from pairing.close()


def _events(path: str) -> list[Event]:
    read = _READERS[_format(path) or ""]
    try:
        with told_as_os_errors():
            files, name = fsspec.core.url_to_fs(path)
            content = files.cat_file(name)
        records = [_plain(record) for record in read(content)]
        written = None if all("occurrencetime" in one for one in records) else files.modified(name)
        return [_event(one, None if written is None else written.timestamp()) for one in records]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise FileError(f"{path}: is no file of KServe's payload logger: {error!r}") from error


def _format(path: str) -> str | None:
    found = _NAME.search(path)
    return found[1] if found and found.end() == len(path) else None


def _json(raw: bytes) -> list[Mapping[str, Any]]:
    found = orjson.loads(raw)
    return found if isinstance(found, list) else [found]


def _csv(raw: bytes) -> list[Mapping[str, Any]]:
    options = csv.ParseOptions(newlines_in_values=True)
    text = csv.ConvertOptions(column_types=dict.fromkeys(_COLUMNS, pa.string()))
    table = csv.read_csv(pa.BufferReader(raw), parse_options=options, convert_options=text)
    return table.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types


def _parquet(raw: bytes) -> list[Mapping[str, Any]]:
    return parquet.read_table(pa.BufferReader(raw)).to_pylist()  # type: ignore[no-any-return]


_COLUMNS = ("bytes", "reqType", "id", "inferenceService", "namespace", "component")
_READERS: Mapping[str, Callable[[bytes], list[Mapping[str, Any]]]] = {
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
}


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """KServe's versions write `ReqType`, `reqType` and `req_type`."""
    return {name.lower().replace("_", ""): value for name, value in record.items()}


def _event(record: Mapping[str, Any], written: float | None) -> Event:
    """The event that the logger would have sent. Raises KeyError or ValueError."""
    named = {"inferenceservicename": "inferenceservice", "namespace": "namespace"}
    attributes = {name: str(record.get(key) or "") for name, key in named.items()}
    said = parse_time(record["occurrencetime"]) if "occurrencetime" in record else None
    return Event(
        id=str(record["id"]),
        source="",
        type=str(record["reqtype"]),
        time=written if said is None else said,
        attributes={**attributes, "component": str(record.get("component") or "")},
        data=_body(record["bytes"]),
    )


def _body(value: object) -> bytes:
    """Bytes where the format has them, else base64; of an empty body there may be nothing."""
    match value:
        case None:
            return b""
        case bytes():
            return value
        case str():
            try:
                return b64decode(value, validate=True)
            except binascii.Error as error:
                raise ValueError(f"no base64: {error}") from error
    raise ValueError("a body that is neither bytes nor text")
