"""What is generated is up to date, and --check says so when it is not."""

from pathlib import Path

import pytest

from dashboards.generate import GENERATED, main


def test_the_committed_files_are_what_would_be_generated() -> None:
    assert main(["--check"]) == 0


def test_a_stale_file_is_named_and_then_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], tmp_path) == 1
    complaints = capsys.readouterr().err
    assert all(name in complaints for name in GENERATED)
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
