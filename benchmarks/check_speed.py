"""How fast `driftmeter check` is: reading two files, comparing 20 columns, and SciPy beside it.

The columns are half normal numbers, a quarter whole
numbers and a quarter categories; the current file drifts slightly, which is the slowest case for
p-values. SciPy's loop is run but once: it takes the longest.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet
from scipy import stats

from monitor.check.comparison import check_tables
from monitor.files import read_table

N_COLUMNS = 20
REPEATS = 3


def traffic(n: int, *, seed: int, shift: float) -> pa.Table:
    rng = np.random.default_rng(seed)
    names = np.array([f"level {i}" for i in range(50)])
    columns: dict[str, object] = {}
    for i in range(N_COLUMNS):
        if i % 2 == 0:
            columns[f"number_{i}"] = rng.normal(shift, size=n)
        elif i % 4 == 1:
            columns[f"whole_{i}"] = rng.poisson(40 + shift, size=n)
        else:
            codes = pa.array(rng.integers(0, len(names), size=n))
            columns[f"category_{i}"] = pa.DictionaryArray.from_arrays(codes, names).cast(
                pa.string()
            )
    return pa.table(columns)


def best_of(what: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds, the least of a few runs: the others were disturbed."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def scipy_numbers(reference: pa.Table, current: pa.Table) -> None:
    """What a loop over SciPy does for the same numeric columns."""
    for name in reference.column_names:
        if not name.startswith("category"):
            ours, theirs = reference.column(name).to_numpy(), current.column(name).to_numpy()
            stats.ks_2samp(ours, theirs)
            stats.wasserstein_distance(ours, theirs)


def measurements(n: int, folder: Path) -> Iterator[tuple[str, float]]:
    sides = traffic(n, seed=1, shift=0.0), traffic(n, seed=2, shift=0.01)
    for suffix, write in (("parquet", parquet.write_table), ("csv", csv.write_csv)):
        path = folder / f"reference.{suffix}"
        write(sides[0], path)
        yield f"read one {suffix} file", best_of(partial(read_table, str(path)))
    yield "check", best_of(partial(check_tables, *sides, roles={}, alpha=0.01))
    yield "SciPy, numbers only", best_of(partial(scipy_numbers, *sides), repeats=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each file")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    n = args.rows
    with tempfile.TemporaryDirectory() as folder:
        seconds = dict(measurements(n, Path(folder)))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{n:,} rows × {N_COLUMNS} columns a side; {machine}")
    for name, value in seconds.items():
        print(f"{name:<24}{value:8.2f} s")
    if args.out:
        measured = {"rows": n, "columns": N_COLUMNS, "machine": machine, "seconds": seconds}
        args.out.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
