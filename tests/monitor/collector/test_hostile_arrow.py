"""What somebody may send as an Arrow stream: everything is checked before it is touched."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import orjson
import pyarrow as pa
import pytest

from monitor.batches import MAX_BYTES
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Topics
from monitor.up.supervisor import Supervisor
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

N_MUTANTS = 10_000


@pytest.fixture(scope="module")
def collector(
    embedded_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCollector]:
    folder = tmp_path_factory.mktemp("collector")
    broker = Broker(servers=(embedded_address,), topics=Topics(embedded.fresh_prefix()))
    broker.create_topics()
    announce(broker, registration())
    with Supervisor(folder) as supervisor:
        running = start(supervisor, broker, folder / "spool")
        wait_for(lambda: running.push("predictions", [])[0] == 202)
        yield running


def push(collector: RunningCollector, raw: bytes, monitor: str = "seats") -> tuple[int, object]:
    path = f"/v1/predictions?monitor={monitor}"
    status, answer = request(collector.ingest, "POST", path, raw, {"Content-Type": ARROW})
    return status, orjson.loads(answer)


def stream(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write(table)
    return bytes(sink.getvalue().to_pybytes())


def table(**columns: object) -> pa.Table:
    return pa.table({"id": ["p1"], "a": [1.5], **columns})


class Strange(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no types
    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.strange")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n(S'false'\ntR."

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> "Strange":
        return cls()


def _nested(depth: int) -> pa.DataType:
    return pa.list_(_nested(depth - 1)) if depth else pa.int8()


def _extension() -> pa.Table:
    array = pa.ExtensionArray.from_storage(Strange(), pa.array([1]))
    return pa.table({"id": ["p1"], "a": array})


def _bent_offset() -> bytes:
    """A text of which the offsets point far beyond its bytes."""
    raw = stream(pa.table({"id": ["p" * 60_000]}))
    at = raw.rindex((60_000).to_bytes(4, "little"))
    return raw[:at] + b"\xff\xff\xff\x7f" + raw[at + 4 :]


def _bent_index() -> bytes:
    """A dictionary's code for which there is no text."""
    codes = pa.DictionaryArray.from_arrays(pa.array([77], pa.int32()), pa.array(["a"] * 78))
    raw = stream(pa.table({"id": ["p1"], "b": codes}))
    at = raw.rindex((77).to_bytes(4, "little"))
    return raw[:at] + (1 << 30).to_bytes(4, "little") + raw[at + 4 :]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "noise": lambda: b"\xff" * 1000,
    "a file and no stream": lambda: b"ARROW1\0\0" + stream(table()),
    "cut off": lambda: stream(table(id=["p" * 1000]))[:-600],
    "zstd": lambda: stream(table(), compression="zstd"),
    "lz4": lambda: stream(table(), compression="lz4"),
    "many rows of nothing": lambda: stream(pa.table({"n": pa.nulls(5_000_000)})),
    "many values of nothing": lambda: stream(
        pa.table({f"n{i}": pa.nulls(90_000) for i in range(400)})
    ),
    "many columns": lambda: stream(pa.table({f"c{i}": [1] for i in range(10_100)})),
    "two of one name": lambda: stream(pa.Table.from_arrays([pa.array(["p"])] * 2, ["id", "id"])),
    "deep types": lambda: stream(pa.table({"id": ["p1"], "x": pa.array([None], _nested(60))})),
    "binary": lambda: stream(table(b=[b"x"])),
    "union": lambda: stream(
        table(b=pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]))
    ),
    "struct": lambda: stream(table(b=[{"x": 1}])),
    "run ends": lambda: stream(table(b=pa.RunEndEncodedArray.from_arrays([1], [2]))),
    "views": lambda: stream(table(b=pa.array(["x"], pa.string_view()))),
    "decimals": lambda: stream(table(b=pa.array([1], pa.decimal128(9)))),
    "bent offset": _bent_offset,
    "bent index": _bent_index,
    "times without a zone": lambda: stream(table(time=pa.array([1], pa.timestamp("s")))),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_stream_of_rows_is_refused_with_a_reason(
    collector: RunningCollector, make: Callable[[], bytes]
) -> None:
    status, answer = push(collector, make())
    assert status == 400
    assert isinstance(answer, dict)
    assert answer["error"]


def test_a_stream_beyond_the_limit_is_refused(collector: RunningCollector) -> None:
    assert push(collector, stream(pa.table({"x": [0.0] * (MAX_BYTES // 8)})))[0] == 413


def test_the_collector_is_as_it_was(collector: RunningCollector) -> None:
    assert push(collector, stream(table())) == (202, {"accepted": 1, "rejected": []})


def test_an_extension_type_is_what_it_is_stored_as(collector: RunningCollector) -> None:
    """Nothing of it is deserialised: nobody has registered it."""
    assert push(collector, stream(_extension())) == (202, {"accepted": 1, "rejected": []})


def test_a_stream_without_a_batch_is_no_rows(collector: RunningCollector) -> None:
    sink = pa.BufferOutputStream()
    pa.ipc.new_stream(sink, table().schema).close()
    answer = {"accepted": 0, "rejected": []}
    assert push(collector, sink.getvalue().to_pybytes()) == (202, answer)


MUTATE = """
import random, sys
from tests.monitor.collector.test_hostile_arrow import mutant_table, stream
from monitor.batches import BatchError, encode, judged_labels, judged_predictions
from monitor.batches import read_columns, read_stream
from tests.support.registrations import SCHEMA

raw, draw, n_read = stream(mutant_table()), random.Random(7), 0
for _ in range(int(sys.argv[1])):
    damaged = bytearray(raw)
    for _ in range(draw.randint(1, 4)):
        byte = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        damaged[draw.randrange(len(raw))] = byte
    cut = len(raw) if draw.random() < 0.8 else draw.randrange(len(raw))
    try:
        batch = read_stream(bytes(damaged[:cut]))
        rows = read_columns({name: batch[name] for name in batch.schema.names}, now=0.0)
        for schema in (SCHEMA, ()):
            encode(judged_predictions(rows, schema)[0])
        encode(judged_labels(rows)[0])
        n_read += 1
    except BatchError:
        pass
print(n_read)
"""


def mutant_table() -> pa.Table:
    """A column of every kind that is read."""
    return pa.table(
        {
            "id": ["p1", "p2"],
            "time": pa.array([1, 2], pa.timestamp("us", "UTC")),
            "a": pa.array([1.5, None], pa.float32()),
            "b": pa.array(["x", "y"]).dictionary_encode(),
            "prediction": pa.array([1, 2], pa.int16()),
            "t": pa.array([1, None], pa.timestamp("ms", "Europe/Paris")),
            "v": pa.array([[1.0, 2.0], None], pa.list_(pa.float32())),
            "s": pa.array(["p", None], pa.large_string()),
            "label": [True, None],
        }
    )


def test_no_mutant_of_a_stream_ends_the_process() -> None:
    """In a process of its own, since what would go wrong is a crash and no exception."""
    argv = [sys.executable, "-c", MUTATE, str(N_MUTANTS)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert 0 < int(ended.stdout) < N_MUTANTS
