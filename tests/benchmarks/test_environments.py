"""Environments of pinned packages: when one counts, and when it is made anew."""

from pathlib import Path

import pytest

from benchmarks.environments import Environments


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    requirements, under = tmp_path / "requirements", tmp_path / "under"
    (under / "nothing").mkdir(parents=True)
    requirements.mkdir()
    (requirements / "nothing.txt").write_text("")
    return Environments(requirements, under)


def test_an_environment_of_other_requirements_does_not_count(environments: Environments) -> None:
    assert not environments.is_installed("nothing")
    (environments.under / "nothing" / ".requirements.sha256").write_text("of another version")
    assert not environments.is_installed("nothing")


def test_an_environment_is_made_once_and_anew_when_its_requirements_change(
    environments: Environments,
) -> None:
    assert environments.install("nothing").exists()
    assert environments.is_installed("nothing")
    (environments.requirements / "nothing.txt").write_text("# and nothing else\n")
    assert not environments.is_installed("nothing")


def test_an_unknown_environment_is_named(environments: Environments) -> None:
    with pytest.raises(ValueError, match="no whylogs; there are nothing"):
        environments.install("whylogs")
