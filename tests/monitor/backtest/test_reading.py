"""Tables and captured lines are read alike."""

import gzip
from pathlib import Path

import orjson
import pytest

from detectors.columns import ColumnType, Field, Role
from monitor.backtest.reading import read
from monitor.files import FileError
from tests.support.registrations import registration

NOON = 1_700_000_000.0
SCHEMA = (
    Field("x", ColumnType.FLOAT),
    Field("line", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)
KNOWN = registration(schema=SCHEMA)


def captured(request: str | None, response: str = "5", **event: object) -> bytes:
    """As SageMaker documents it."""
    sides: dict[str, object] = {"endpointOutput": {"data": response, "encoding": "CSV"}}
    if request is not None:
        sides["endpointInput"] = {"data": request, "encoding": "CSV"}
    named = {"eventId": "e1", "inferenceTime": "2023-11-14T22:13:20Z", **event}
    return orjson.dumps({"captureData": sides, "eventMetadata": named, "eventVersion": "0"})


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_captured_lines_are_rows_in_the_reference_s_columns(tmp_path: Path, suffix: str) -> None:
    lines = b"\n".join([captured("1.5,U1"), b"", captured("2,S3\n3,U1", "6\n7", eventId="e2")])
    path = tmp_path / f"captures{suffix}"
    path.write_bytes(gzip.compress(lines) if suffix.endswith("gz") else lines)
    found = read(str(path), time=None, registration=KNOWN)
    assert found.table.to_pydict() == {
        "x": [1.5, 2.0, 3.0],
        "line": ["U1", "S3", "U1"],
        "prediction": [5.0, 6.0, 7.0],
    }
    assert found.times.tolist() == [NOON] * 3
    assert found.unreadable == {}


def test_lines_that_hold_no_rows_are_counted_by_reason(tmp_path: Path) -> None:
    path = tmp_path / "captures.jsonl"
    good = captured("1.5,U1")
    bad = [captured(None), captured("1,U1", inferenceTime="?"), captured("1,2,3"), b"{"]
    path.write_bytes(b"\n".join([good, *bad]))
    found = read(str(path), time=None, registration=KNOWN)
    assert len(found.times) == 1
    assert sum(found.unreadable.values()) == len(bad)
    assert found.unreadable["orphaned"] == 1


def test_a_file_of_nothing_but_unreadable_lines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "captures.jsonl"
    path.write_bytes(captured(None))
    with pytest.raises(FileError, match="no line holds rows: orphaned"):
        read(str(path), time=None, registration=KNOWN)


def test_captured_lines_need_a_reference_that_names_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "captures.jsonl"
    path.write_bytes(captured("1.5,U1"))
    with pytest.raises(FileError, match="name no columns"):
        read(str(path), time=None, registration=None)


def test_other_json_lines_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"at": 1700000000, "x": 1.5}\n')
    found = read(str(path), time="at", registration=KNOWN)
    assert found.table.to_pydict() == {"x": [1.5]}
    assert found.times.tolist() == [NOON]


@pytest.mark.parametrize(("time", "complaint"), [(None, "--time"), ("when", "rows.csv.*'when'")])
def test_a_table_needs_a_time(tmp_path: Path, time: str | None, complaint: str) -> None:
    (tmp_path / "rows.csv").write_text("at,x\n1700000000,1.5\n")
    with pytest.raises(FileError, match=complaint):
        read(str(tmp_path / "rows.csv"), time=time, registration=KNOWN)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read(str(tmp_path / "rows.jsonl"), time="at", registration=KNOWN)
