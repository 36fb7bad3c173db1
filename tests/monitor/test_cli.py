import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import cli

COMMANDS = [command.name for command in cli.COMMANDS]


def test_help_names_every_command_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert left.value.code == 0
    assert "driftmeter check training.csv yesterday.csv" in shown
    assert all(f"    {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--help"])
    assert left.value.code == 0
    assert f"  driftmeter {name}" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "examples:" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["chekc"])
    assert left.value.code == 2
    assert "'chekc'" in capsys.readouterr().err


def test_the_version_is_the_installed_one() -> None:
    assert driftmeter("--version").stdout.startswith("driftmeter 0.")


def test_a_file_that_is_not_there_is_one_line_and_no_traceback() -> None:
    ended = driftmeter("up", "-f", "nowhere.yaml")
    assert ended.returncode == 2
    assert ended.stderr == "driftmeter: nowhere.yaml: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("replay m --from 2026-01-02 --to 2026-01-01", "--from must be before --to"),
        ("replay m --from 2026-01-01 --to 2026-01-02", "there is no such file"),
        ("serve --token-file tokens", "tokens holds a token shorter than 24 characters"),
        ("serve --listen driftmeter:8600", "--listen driftmeter:8600 is not loopback"),
        ("admit --certificate a.crt --key a.key", "a.crt: No such file or directory"),
        ("controller --namespace ml --kubernetes-ca b.crt", "b.crt: No such file or directory"),
        ("inject -f bytes", "bytes: 'utf-8' codec can't decode byte 0xff in position 0"),
    ],
)
def test_what_a_role_cannot_use_is_one_line(
    arguments: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tokens").write_text("short\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert cli.main(arguments.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("driftmeter: ")
    assert (said.count("\n"), told in said) == (1, True)
    assert {path.name for path in tmp_path.iterdir()} == {"tokens", "bytes"}


@pytest.mark.parametrize("address", ["kafka:port", "a:9092,b:"])
def test_a_brokers_port_that_is_none_is_refused_before_anything_is_asked(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["deadletters", "list", "--broker", address])
    assert left.value.code == 2
    assert "is not HOST:PORT" in capsys.readouterr().err


@pytest.mark.long  # ten seconds of waiting, for what others are told in no time
def test_a_broker_that_is_not_there_is_one_line_and_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'driftmeter.db'}"
    flags = ["--broker", "127.0.0.1:1", "--database", database, "--store", str(tmp_path)]
    assert cli.main(["detect", *flags, "--metrics", "127.0.0.1:0"]) == 2
    assert capsys.readouterr().err.startswith("driftmeter: no Kafka broker answers")


def test_a_missing_library_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "httpx2.py").write_text("raise ModuleNotFoundError('gone', name='httpx2')")
    ended = driftmeter("up", "--help", path=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == (
        "driftmeter: up needs more than the collector's install (httpx2 is missing): "
        "pip install 'driftmeter[service,embedded]'\n"
    )


def test_help_is_quick() -> None:
    """The best of five: what it costs, not what else the machine was doing."""
    assert min(seconds("--help") for _ in range(5)) < 0.3


def seconds(*arguments: str) -> float:
    """Of processors."""
    begun = os.times()
    driftmeter(*arguments)
    ended = os.times()
    user = ended.children_user - begun.children_user
    return user + ended.children_system - begun.children_system


def driftmeter(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(path)} if path else None,
    )
