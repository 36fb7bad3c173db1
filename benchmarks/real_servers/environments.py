"""Each server in an environment of its own: what a Python one needs, pinned, is NAME.txt beside
this module; a Go program is built from the module that NAME/go.mod pins.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import Environments, cache

HERE = Path(__file__).parent
ENVIRONMENTS = Environments(HERE, cache("servers"))


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program of the package `package`, built as `HERE/name/go.mod` says."""

    name: str
    package: str

    @property
    def path(self) -> Path:
        """The program, which need not exist."""
        return ENVIRONMENTS.under / self.name / self.name

    def is_installed(self) -> bool:
        """Whether what is pinned now is there."""
        return self._stamp.exists() and self._stamp.read_text("ascii") == self._digest()

    def install(self) -> Path:
        """The program, built where it is missing or outdated.

        Raises subprocess.CalledProcessError where it cannot be, and FileNotFoundError without Go.
        """
        if self.is_installed():
            return self.path
        go = shutil.which("go")
        if go is None:
            raise FileNotFoundError(f"there is no Go, of which {self.name} is built: install 1.26")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = ["-mod=readonly", "-ldflags=-s -w", "-o", str(self.path)]
        subprocess.run(
            [go, "build", *flags, self.package], check=True, cwd=HERE / self.name, stdout=sys.stderr
        )
        self._stamp.write_text(self._digest(), "ascii")
        return self.path

    @property
    def _stamp(self) -> Path:
        return self.path.with_name(".module.sha256")

    def _digest(self) -> str:
        sources = sorted((HERE / self.name).iterdir())
        return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


AGENT = "kserve_agent"
OTELCOL = "otelcol"

GO_PROGRAMS: Mapping[str, GoProgram] = {
    AGENT: GoProgram(AGENT, "github.com/kserve/kserve/cmd/agent"),
    OTELCOL: GoProgram(OTELCOL, "."),
}


def names() -> list[str]:
    """Every server that can be installed."""
    return sorted([*ENVIRONMENTS.names(), *GO_PROGRAMS])


def program(name: str) -> Path:
    """The Python of a server's environment, or a Go program; it need not exist."""
    return GO_PROGRAMS[name].path if name in GO_PROGRAMS else ENVIRONMENTS.interpreter(name)


def is_installed(name: str) -> bool:
    """Whether what is pinned now is there."""
    if name in GO_PROGRAMS:
        return GO_PROGRAMS[name].is_installed()
    return ENVIRONMENTS.is_installed(name)


def install(name: str) -> Path:
    """The server's program, which is made where it is missing or outdated.

    Raises subprocess.CalledProcessError where it cannot be, and FileNotFoundError without Go.
    """
    if name in GO_PROGRAMS:
        return GO_PROGRAMS[name].install()
    return ENVIRONMENTS.install(name)
