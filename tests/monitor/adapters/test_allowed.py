import argparse
from pathlib import Path

import pytest

from monitor.adapters.alibi import AlibiError
from monitor.adapters.allowed import Allowed, add_flags, allowed_by

SHA256 = "0123456789abcdef" * 4
PYTHON = Path("/opt/alibi/bin/python")


def parsed(*flags: str) -> Allowed:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return allowed_by(parser.parse_args(flags))


def test_what_is_allowed_is_found_by_its_sha256() -> None:
    allowed = parsed("--allow-alibi", f"{SHA256}=/saved=1", "--alibi-python", str(PYTHON))
    found = allowed.find(SHA256)
    assert (found.folder, found.sha256, found.python) == (Path("/saved=1"), SHA256, PYTHON)


def test_by_default_nothing_is_allowed() -> None:
    with pytest.raises(AlibiError, match="does not allow"):
        parsed().find(SHA256)


def test_without_a_python_the_flag_is_named() -> None:
    with pytest.raises(AlibiError, match="--alibi-python"):
        parsed("--allow-alibi", f"{SHA256}=/saved").find(SHA256)


@pytest.mark.parametrize("text", ["", SHA256, f"{SHA256}=", "abc=/saved", f"{SHA256[1:]}x=/saved"])
def test_a_folder_without_its_sha256_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed("--allow-alibi", text)
    assert "is not SHA256=FOLDER" in capsys.readouterr().err


def test_what_was_read_from_flags_can_be_passed_on() -> None:
    allowed = Allowed(folders={SHA256: Path("/a b")}, python=PYTHON, timeout_s=90.0)
    assert parsed(*allowed.as_flags()) == allowed
