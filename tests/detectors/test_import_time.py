"""What counting rows costs before the first row: a collector's or aggregator's start."""

import subprocess
import sys

import pytest

COUNTING = ("detectors.profile", "detectors.reference", "detectors.backend")
HEAVY = ("scipy", "sklearn", "torch", "sqlalchemy", "fastapi", "pandas")

# 0.06 s on a quiet machine; of processor time, and ten times that, so that a slow one passes.
LONGEST_S = 0.6

_TIMED = """
import sys, time, numpy
start = time.process_time()
import {module}
print(time.process_time() - start, *(name for name in {heavy} if name in sys.modules))
"""


@pytest.mark.parametrize("module", COUNTING)
def test_what_counts_rows_is_imported_quickly_and_brings_nothing_heavy(module: str) -> None:
    code = _TIMED.format(module=module, heavy=HEAVY)
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, capture_output=True)  # compiles what has changed
    runs = [subprocess.run(command, check=True, capture_output=True) for _ in range(3)]
    outputs = [run.stdout.decode().split() for run in runs]
    assert [output[1:] for output in outputs] == [[], [], []]
    assert min(float(output[0]) for output in outputs) < LONGEST_S
