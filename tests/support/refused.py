"""Flags with which a collector does not begin."""

import pytest

from monitor import cli


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """What is said of them."""
    try:
        exit_code: object = cli.main(["collect", *flags])
    except SystemExit as usage_error:
        exit_code = usage_error.code
    assert exit_code == 2
    return capsys.readouterr().err
