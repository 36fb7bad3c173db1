"""The servers' environments: which there are."""

import re

import pytest

from benchmarks.real_servers import environments
from benchmarks.real_servers.environments import ENVIRONMENTS, GO_PROGRAMS, HERE


def test_go_programs_are_beside_the_python_servers() -> None:
    assert set(environments.names()) == {*ENVIRONMENTS.names(), *GO_PROGRAMS}


@pytest.mark.parametrize("name", GO_PROGRAMS)
def test_every_go_module_is_pinned_by_its_hash(name: str) -> None:
    assert (HERE / name / "go.sum").stat().st_size > 1000


@pytest.mark.parametrize("name", ENVIRONMENTS.names())
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ENVIRONMENTS.requirements / f"{name}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
