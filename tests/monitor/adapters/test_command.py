import json
from pathlib import Path

import pytest

from monitor import cli
from monitor.adapters.folder_digest import folder_digest

DRIFT = {
    "name": "KSDrift",
    "is_drift": True,
    "p_val": [0.01],
    "distance": [0.4],
    "threshold": [0.05],
}
OUTLIERS = {"name": "IForest", "is_outlier": [False, False], "scores": [0.1, 0.2]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that stands for a saved detector."""
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "config.toml").write_text("name = 'KSDrift'")
    (tmp_path / "rows.csv").write_text("speed,stops,weather\n1.5,2,sun\n2.5,3,rain\n")
    return saved


def ask(folder: Path, answer: object, *more: str) -> int:
    """Runs the command with an interpreter that gives one answer, whatever it is asked."""
    python = folder.parent / "python"
    python.write_text(f"#!/bin/sh\ncat > $5 <<'END'\n{json.dumps(answer)}\nEND\n")
    python.chmod(0o755)
    rows = str(folder.parent / "rows.csv")
    flags = ["--sha256", folder_digest(folder), "--python", str(python), *more]
    return cli.main(["alibi", "run", str(folder), rows, *flags])


def test_the_digest_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["alibi", "digest", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == folder_digest(folder)


def test_what_is_no_folder_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["alibi", "digest", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


def test_drift_is_exit_code_1_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(folder, DRIFT, "--columns", "stops,speed") == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["detector"], shown["p_values"], shown["threshold"]) == ("KSDrift", [0.01], 0.05)


def test_no_outlier_is_exit_code_0(folder: Path) -> None:
    assert ask(folder, OUTLIERS, "--columns", "speed,stops") == 0


@pytest.mark.parametrize("columns", [[], ["--columns", "speed,absent"]])
def test_columns_that_are_not_numbers_are_refused(
    folder: Path, columns: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(folder, DRIFT, *columns) == 2
    assert "of numbers" in capsys.readouterr().err


def test_another_content_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = str(folder.parent / "rows.csv")
    flags = ["--sha256", "0" * 64, "--python", "/bin/false", "--columns", "speed,stops"]
    assert cli.main(["alibi", "run", str(folder), rows, *flags]) == 2
    assert "is allowed" in capsys.readouterr().err
