"""The model servers' environments: which there are."""

import re

import pytest

from benchmarks.model_servers import environments
from benchmarks.model_servers.environments import AGENT, ENVIRONMENTS


def test_kserves_agent_is_beside_the_python_servers() -> None:
    assert set(environments.names()) == {*ENVIRONMENTS.names(), AGENT}


@pytest.mark.parametrize("name", ENVIRONMENTS.names())
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ENVIRONMENTS.requirements / f"{name}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
