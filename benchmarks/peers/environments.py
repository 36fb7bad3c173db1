"""Each peer in an environment of its own: what it needs, pinned, is NAME.txt beside this module."""

from pathlib import Path

from benchmarks.environments import Environments, cache

ENVIRONMENTS = Environments(Path(__file__).parent, cache("peers"))
