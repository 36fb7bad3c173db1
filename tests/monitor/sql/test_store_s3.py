"""References and tables in S3, over its protocol."""

from collections.abc import Iterator
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from monitor.backtest.blobs import pairs
from monitor.files import FileError, read_table
from monitor.sql.store import ArtifactStore, StoreError
from monitor.up.supervisor import free_port


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket on a server of its own."""
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    reach(monkeypatch, f"http://{host}:{port}")
    name = f"models-{uuid4()}"  # all servers of a process have the same buckets
    S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    server.stop()


def reach(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """As an operator says where S3 is; fsspec keeps who it has been connected to."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()


def test_what_is_put_in_a_bucket_is_got_by_its_id(bucket: str) -> None:
    store = ArtifactStore(f"{bucket}/references")
    kept = store.put(b"fitted")
    assert store.put(b"fitted") == kept
    assert ArtifactStore(f"{bucket}/references").get(kept) == b"fitted"
    with pytest.raises(StoreError, match="does not hold"):
        store.get(f"sha256:{'0' * 64}")


def test_a_damaged_object_is_not_taken_for_what_its_id_names(bucket: str) -> None:
    store = ArtifactStore(bucket)
    kept = store.put(b"fitted")
    S3FileSystem().pipe_file(f"{bucket}/{kept.replace(':', '/')}", b"another")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match="damaged"):
        store.get(kept)


def test_a_table_in_a_bucket_is_read(bucket: str) -> None:
    table = pa.table({"x": [1.0, 2.0]})
    with S3FileSystem().open(f"{bucket}/day.parquet", "wb") as file:
        pq.write_table(table, file)
    assert read_table(f"{bucket}/day.parquet").equals(table)


def test_a_bucket_that_is_not_there_is_said(bucket: str) -> None:
    with pytest.raises(StoreError, match="bucket does not exist"):
        ArtifactStore("s3://others").put(b"fitted")
    with pytest.raises(FileError, match="cannot be read"):
        read_table("s3://others/day.parquet")


def test_an_s3_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    reach(monkeypatch, "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="cannot write to the store"):
        ArtifactStore("s3://models").put(b"fitted")
    with pytest.raises(StoreError, match="cannot read"):
        ArtifactStore("s3://models").get(f"sha256:{'0' * 64}")
    with pytest.raises(FileError, match="cannot be read"):
        read_table("s3://models/day.parquet")
    with pytest.raises(FileError, match="Could not connect"):
        list(pairs(["s3://models/7-request.json"]))
