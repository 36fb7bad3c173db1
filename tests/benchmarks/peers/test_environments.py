"""The peers' environments: which there are, and when one is made anew."""

import re
from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.ask import PEERS


def test_every_peer_that_judges_can_be_installed() -> None:
    assert set(PEERS) <= set(environments.names())


@pytest.mark.parametrize("name", environments.names())
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)


def test_an_environment_of_other_requirements_does_not_count(tmp_path: Path) -> None:
    assert not environments.is_installed("evidently", under=tmp_path)
    (tmp_path / "evidently").mkdir()
    (tmp_path / "evidently" / ".requirements.sha256").write_text("of another version")
    assert not environments.is_installed("evidently", under=tmp_path)


def test_an_unknown_peer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no peer whylogs; there are"):
        environments.install("whylogs", under=tmp_path)
