"""Files as KServe's payload logger writes them, in each of its formats and spellings."""

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from detectors.columns import ColumnType, Field, Role
from monitor.backtest.blobs import is_blob_log
from monitor.backtest.reading import Read, reads
from monitor.files import FileError
from tests.support.registrations import registration

NOON = 1_700_000_000.0
SCHEMA = (
    Field("x", ColumnType.FLOAT),
    Field("line", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)
KNOWN = registration(schema=SCHEMA)

Record = Mapping[str, Any]


def sides(id_: str, x: float, answer: float) -> tuple[Record, Record]:
    """A request and its answer, as fields of the logger's LogRequest."""
    return (
        logged(id_, "request", {"instances": [[x, "U1"]]}),
        logged(id_, "response", {"predictions": [answer]}),
    )


def logged(id_: str, side: str, body: Mapping[str, Any]) -> Record:
    return {
        "Url": {"Scheme": "s3", "Host": "logs"},
        "Bytes": b64encode(orjson.dumps(body)).decode(),
        "ContentType": "application/json",
        "ReqType": f"org.kubeflow.serving.inference.{side}",
        "Id": id_,
        "InferenceService": "seats",
        "Namespace": "trams",
        "Component": "predictor",
        "Metadata": {"X-Line": ["U1"]},
    }


def stored(path: Path, content: object, *, at: float = NOON) -> str:
    path.write_bytes(orjson.dumps(content))
    os.utime(path, (at, at))
    return str(path)


def told(found: list[Read]) -> list[tuple[float, float, float]]:
    return [
        (time, row["x"], row["prediction"])
        for one in found
        for time, row in zip(one.times.tolist(), one.table.to_pylist(), strict=True)
    ]


def everything(*paths: str) -> list[Read]:
    return list(reads(paths, time=None, registration=KNOWN))


def test_the_two_sides_of_a_prediction_are_found_in_files_of_their_own(tmp_path: Path) -> None:
    (one, answer), (other, later) = sides("a", 1.5, 5.0), sides("b", 2.0, 6.0)
    paths = [
        stored(tmp_path / "a-request.json", [one], at=NOON),
        stored(tmp_path / "b-request.json", [other], at=NOON + 60),
        stored(tmp_path / "b-response.json", [later], at=NOON + 61),
        stored(tmp_path / "a-response.json", [answer], at=NOON + 1),
    ]
    assert sorted(told(everything(*paths))) == [(NOON, 1.5, 5.0), (NOON + 60, 2.0, 6.0)]
    assert sorted(told(everything(*reversed(paths)))) == sorted(told(everything(*paths)))


def test_newer_versions_name_fields_in_another_way_and_tell_the_time(tmp_path: Path) -> None:
    records = [
        {name[0].lower() + name[1:]: value for name, value in side.items()}
        | {"occurrenceTime": "2023-11-14T22:13:25Z"}
        for side in sides("a", 1.5, 5.0)
    ]
    path = stored(tmp_path / "a-request.json", records)
    assert told(everything(path)) == [(NOON + 5, 1.5, 5.0)]
    alone = [stored(tmp_path / f"b-{i}-request.json", one) for i, one in enumerate(records)]
    assert told(everything(*alone)) == [(NOON + 5, 1.5, 5.0)]


@pytest.mark.parametrize("spelling", ["reqType", "req_type"])
def test_batches_are_read_from_parquet(tmp_path: Path, spelling: str) -> None:
    records = [*sides("a", 1.5, 5.0), *sides("b", 2.0, 6.0)]
    raw = spelling == "req_type"  # earlier versions store the bytes, later ones base64
    table = pa.table(
        {
            "bytes": [b64decode(one["Bytes"]) if raw else one["Bytes"] for one in records],
            spelling: [one["ReqType"] for one in records],
            "id": [one["Id"] for one in records],
            ("inference_service" if raw else "inferenceService"): ["seats"] * 4,
            "namespace": ["trams"] * 4,
            "component": ["predictor"] * 4,
        }
    )
    path = tmp_path / "a-request.parquet"
    parquet.write_table(table, path)
    os.utime(path, (NOON, NOON))
    assert told(everything(str(path))) == [(NOON, 1.5, 5.0), (NOON, 2.0, 6.0)]


def test_batches_are_read_from_csv(tmp_path: Path) -> None:
    records = sides("a", 1.5, 5.0)
    names = ("bytes", "reqType", "id", "inferenceService", "namespace", "component")
    table = pa.table({name: [one[name[0].upper() + name[1:]] for one in records] for name in names})
    path = tmp_path / "a-response.csv"
    csv.write_csv(table, path)
    os.utime(path, (NOON, NOON))
    assert told(everything(str(path))) == [(NOON, 1.5, 5.0)]


def test_what_holds_no_rows_is_counted_by_reason(tmp_path: Path) -> None:
    good, lonely = sides("a", 1.5, 5.0), sides("b", 2.0, 6.0)[0]
    odd = (logged("c", "request", {"x": 1}), logged("c", "response", {"predictions": [1]}))
    path = stored(tmp_path / "a-request.json", [*good, lonely, *odd])
    (found,) = everything(path)
    assert len(found.times) == 1
    assert found.unreadable == {"orphaned": 1, "wrong shape": 1}


@pytest.mark.parametrize("content", [{"x": 1}, [1, 2], [{"Id": "a", "ReqType": "b", "Bytes": "%"}]])
def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path, content: object) -> None:
    with pytest.raises(FileError, match=r"a-request\.json: is no file of KServe's payload logger"):
        everything(stored(tmp_path / "a-request.json", content))


def test_files_of_nothing_but_one_side_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no exchange holds rows: orphaned"):
        everything(stored(tmp_path / "a-request.json", [sides("a", 1.5, 5.0)[0]]))


def test_logged_bodies_need_a_reference_that_names_their_columns(tmp_path: Path) -> None:
    path = stored(tmp_path / "a-request.json", list(sides("a", 1.5, 5.0)))
    with pytest.raises(FileError, match="name no columns"):
        list(reads([path], time=None, registration=None))


def test_only_names_as_the_logger_gives_them_are_its_files() -> None:
    assert is_blob_log("s3://logs/trams/seats/predictor/0f-response.json")
    assert not any(map(is_blob_log, ["request.json", "a-request.jsonl", "a-request.json.gz"]))
