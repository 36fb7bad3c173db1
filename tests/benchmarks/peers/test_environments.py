"""The peers' environments: which there are."""

import re

import pytest

from benchmarks.peers.ask import PEERS
from benchmarks.peers.environments import ENVIRONMENTS


def test_every_peer_that_judges_can_be_installed() -> None:
    assert set(PEERS) <= set(ENVIRONMENTS.names())


@pytest.mark.parametrize("name", ENVIRONMENTS.names())
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ENVIRONMENTS.requirements / f"{name}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
