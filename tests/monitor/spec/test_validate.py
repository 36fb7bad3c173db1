from pathlib import Path

import pytest

from monitor import cli
from tests.monitor.spec.test_documents import SMALLEST


def test_a_document_without_faults_exits_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(SMALLEST)
    assert cli.main(["validate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: all right: free-seats\n"


def test_every_fault_of_every_file_is_printed_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SMALLEST)
    bad.write_text(SMALLEST.replace("kind: Monitor\n", "").replace("reference:", "refernce:"))
    assert cli.main(["validate", str(good), str(bad)]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"{bad}:1:1: kind: is missing (For example Monitor)",
        (
            f"{bad}:4:1: spec.reference: is missing "
            "(A file or URL, or 'first 10000' for the first predictions, or 'trailing 30d' for "
            "those of a trailing window.)"
        ),
        f"{bad}:5:3: spec.refernce: is not a key here (did you mean 'reference'?)",
    ]


def test_a_file_that_cannot_be_read_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == "driftmeter: nowhere.yaml: No such file or directory\n"


def test_quotas_are_checked_as_monitors_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "quotas.yaml"
    head = "apiVersion: driftmeter.dev/v1\nkind: Quotas\nspec:\n"
    path.write_text(head + "  others: {monitors: 5}\n")
    assert cli.main(["validate", str(path)]) == 0
    path.write_text(head + "  others: {monitors: -5}\n")
    assert cli.main(["validate", str(path)]) == 1
    assert "4:12: spec.others.monitors: " in capsys.readouterr().out
