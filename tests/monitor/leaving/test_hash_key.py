from pathlib import Path

import pytest

from monitor.cli import main
from monitor.leaving.hash_key import HashKeyError, read_hash_key


def test_white_space_around_a_key_is_not_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  0123456789abcdef\n")
    assert read_hash_key(tmp_path / "key") == b"0123456789abcdef"


def test_a_short_key_is_refused_with_the_command_that_makes_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    with pytest.raises(HashKeyError, match=r"6 bytes.*openssl rand"):
        read_hash_key(tmp_path / "key")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HashKeyError, match="none: cannot be read"):
        read_hash_key(tmp_path / "none")


@pytest.mark.parametrize("role", ["collect", "serve"])
def test_a_role_does_not_begin_with_a_key_that_is_none(
    role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("secret\n")
    assert main([role, "--hash-key-file", "key"]) == 2
    assert "key: holds 6 bytes" in capsys.readouterr().err
