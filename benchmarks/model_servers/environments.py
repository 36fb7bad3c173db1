"""Each model server in an environment of its own: what it needs, pinned, is NAME.txt beside this
module. KServe's agent is a Go program, built from the module that kserve_agent/go.mod pins.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.environments import Environments, cache

ENVIRONMENTS = Environments(Path(__file__).parent, cache("servers"))

AGENT = "kserve_agent"
AGENT_PACKAGE = "github.com/kserve/kserve/cmd/agent"
AGENT_MODULE = Path(__file__).parent / AGENT


def names() -> list[str]:
    """Every server that can be installed."""
    return sorted([*ENVIRONMENTS.names(), AGENT])


def program(name: str) -> Path:
    """The Python of a server's environment, or KServe's agent; it need not exist."""
    if name == AGENT:
        return ENVIRONMENTS.under / AGENT / "agent"
    return ENVIRONMENTS.interpreter(name)


def is_installed(name: str) -> bool:
    """Whether what is pinned now is there."""
    if name != AGENT:
        return ENVIRONMENTS.is_installed(name)
    stamp = _agent_stamp()
    return stamp.exists() and stamp.read_text("ascii") == _agent_digest()


def install(name: str) -> Path:
    """The server's program, which is made where it is missing or outdated.

    Raises subprocess.CalledProcessError where it cannot be, and FileNotFoundError without Go.
    """
    if name != AGENT:
        return ENVIRONMENTS.install(name)
    if not is_installed(AGENT):
        _build_agent()
    return program(AGENT)


def _build_agent() -> None:
    go, agent = shutil.which("go"), program(AGENT)
    if go is None:
        raise FileNotFoundError("there is no Go, of which KServe's agent is built: install Go 1.25")
    agent.parent.mkdir(parents=True, exist_ok=True)
    command = [go, "build", "-mod=readonly", "-ldflags=-s -w", "-o", str(agent), AGENT_PACKAGE]
    subprocess.run(command, check=True, cwd=AGENT_MODULE, stdout=sys.stderr)
    _agent_stamp().write_text(_agent_digest(), "ascii")


def _agent_stamp() -> Path:
    return program(AGENT).with_name(".module.sha256")


def _agent_digest() -> str:
    pinned = (AGENT_MODULE / name for name in ("go.mod", "go.sum"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in pinned)).hexdigest()
