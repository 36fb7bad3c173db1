"""Python packages in environments of their own, for they disagree about NumPy and pandas."""

import hashlib
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


def cache(kind: str) -> Path:
    """Where the environments of a kind are kept: in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "driftmeter" / kind


@dataclass(frozen=True, slots=True)
class Environments:
    """What NAME needs, pinned, is NAME.txt in `requirements`; its environment is made once, in
    the folder `under`, and made anew when that file changes.
    """

    requirements: Path
    under: Path

    def names(self) -> list[str]:
        """Every environment that can be made."""
        return sorted(path.stem for path in self.requirements.glob("*.txt"))

    def interpreter(self, name: str) -> Path:
        """The Python of an environment, which need not exist."""
        return self.under / name / "bin" / "python"

    def is_installed(self, name: str) -> bool:
        """Whether the environment holds what its requirements ask for now."""
        stamp = self._stamp(name)
        return stamp.exists() and stamp.read_text("ascii") == self._digest(name)

    def install(self, name: str) -> Path:
        """The Python of the environment, which is made where it is missing or outdated.

        Raises subprocess.CalledProcessError where pip cannot install it.
        """
        python, requirements = self.interpreter(name), self._file(name)
        if self.is_installed(name):
            return python
        if not python.exists():
            venv.create(self.under / name, with_pip=True, symlinks=True)
        _run_pip(python, "--only-binary", ":all:", "--requirement", requirements)
        self._stamp(name).write_text(self._digest(name), "ascii")
        return python

    def _file(self, name: str) -> Path:
        if name not in self.names():
            raise ValueError(f"there is no {name}; there are {', '.join(self.names())}")
        return self.requirements / f"{name}.txt"

    def _stamp(self, name: str) -> Path:
        return self.under / name / ".requirements.sha256"

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self._file(name).read_bytes()).hexdigest()


def _run_pip(python: Path, *arguments: str | Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-input", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)
