"""Arrow that somebody has damaged, or made so: it is refused, and takes no process with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.long import LONG

MEMORY_MIB = 300


@pytest.mark.parametrize("n", [10_000, pytest.param(200_000, marks=LONG)])
def test_no_damaged_stream_ends_the_process_that_reads_it(n: int) -> None:
    argv = [sys.executable, "-m", "tests.support.mutants", str(n), "17"]
    folder = Path(__file__).parents[2]
    ran = subprocess.run(argv, capture_output=True, cwd=folder, timeout=600, check=False, text=True)
    assert ran.returncode == 0, ran.stderr
    n_read, n_refused, mib = map(int, ran.stdout.split())
    assert n_refused > n / 2
    assert mib < MEMORY_MIB
    print(f"{n_read} read, {n_refused} refused, {mib} MiB")
