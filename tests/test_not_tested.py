"""A green run says what it did not cover."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEST = """
def test_something(needs):
    needs("no-such-program")
"""


def run(folder: Path, everything: str) -> str:
    (folder / "test_something.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, f"--rootdir={folder}", str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "DRIFTMETER_TEST_EVERYTHING": everything},
    )
    return ended.stdout


def test_what_is_absent_is_skipped_and_named_at_the_end(tmp_path: Path) -> None:
    shown = run(tmp_path, everything="0")
    assert "NOT TESTED: there is no 'no-such-program' on this machine (tests: 1)" in shown
    assert "1 skipped" in shown


def test_what_is_absent_fails_where_everything_is_to_be_tested(tmp_path: Path) -> None:
    assert "1 failed" in run(tmp_path, everything="1")
