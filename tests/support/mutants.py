"""Damages Arrow streams and reads them: a process of its own, since Arrow may take it with it.

python -m tests.support.mutants N SEED
    prints how many were read and how many refused, and the MiB that this took at most
"""

import datetime as dt
import random
import sys
from pathlib import Path

import pyarrow as pa

from monitor.batches import BatchError, decode, to_rows
from tests.support.registrations import SCHEMA

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
N_ROWS = 50


def stream() -> bytes:
    """What others may push: text, numbers, a dictionary, lists; two batches."""
    table = pa.table(
        {
            "dm.id": [f"r{i}" for i in range(N_ROWS)],
            "dm.time": pa.array([NOON] * N_ROWS, pa.timestamp("us", tz="UTC")),
            "a": [i / 7 for i in range(N_ROWS)],
            "b": pa.array(["x", "y"] * (N_ROWS // 2)).dictionary_encode(),
            "e": pa.array([[1.0, 2.0]] * N_ROWS, pa.list_(pa.float32())),
            "prediction": [None, 1.5] * (N_ROWS // 2),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=N_ROWS // 2)
    raw: bytes = sink.getvalue().to_pybytes()
    return raw


def damaged(raw: bytes, bits: random.Random) -> bytes:
    """With bytes that are others, a stretch that is gone or doubled, or an end that is missing."""
    mutant = bytearray(raw)
    for _ in range(bits.randrange(1, 5)):
        at, n = bits.randrange(len(mutant)), bits.choice([1, 4, 8, 64])
        match bits.randrange(5):
            case 0:
                mutant[at] = bits.randrange(256)
            case 1:
                mutant[at : at + n] = bits.randbytes(n)
            case 2:
                mutant[at : at + n] = b"\xff" * n
            case 3:
                del mutant[at : at + n]
            case 4:
                mutant[at:at] = mutant[at : at + n]
    return bytes(mutant[: bits.choice([len(mutant), bits.randrange(len(mutant))])])


def main(n: int, seed: int) -> None:
    raw, bits, n_read = stream(), random.Random(seed), 0
    to_rows(decode(raw), SCHEMA)
    for _ in range(n):
        try:
            to_rows(decode(damaged(raw, bits)), SCHEMA)
        except BatchError:
            continue
        n_read += 1
    print(n_read, n - n_read, peak_mib())


def peak_mib() -> int:
    """Of this program: what getrusage says is at least what its parent held when it forked."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
