"""Each peer in an environment of its own: they disagree about numpy, pandas and scikit-learn.

What a peer needs, pinned, is NAME.txt beside this module; its environment is made once, in the
user's cache folder, and made anew when that file changes.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent


def cache() -> Path:
    """Where the environments are kept."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "driftmeter" / "peers"


def names() -> list[str]:
    """Every peer that can be installed."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def interpreter(name: str, *, under: Path) -> Path:
    """The Python of a peer's environment, which need not exist."""
    return under / name / "bin" / "python"


def is_installed(name: str, *, under: Path) -> bool:
    """Whether the environment holds what its requirements ask for now."""
    stamp = _stamp(name, under)
    return stamp.exists() and stamp.read_text("ascii") == _digest(name)


def install(name: str, *, under: Path) -> Path:
    """The Python of the peer's environment, which is made where it is missing or outdated.

    Raises subprocess.CalledProcessError where pip cannot install it.
    """
    python = interpreter(name, under=under)
    if is_installed(name, under=under):
        return python
    if not python.exists():
        venv.create(under / name, with_pip=True, symlinks=True)
    _run_pip(python, "--only-binary", ":all:", "--requirement", _requirements(name))
    _stamp(name, under).write_text(_digest(name), "ascii")
    return python


def _run_pip(python: Path, *arguments: str | Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-input", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _requirements(name: str) -> Path:
    if name not in names():
        raise ValueError(f"no peer {name}; there are {', '.join(names())}")
    return REQUIREMENTS / f"{name}.txt"


def _stamp(name: str, under: Path) -> Path:
    return under / name / ".requirements.sha256"


def _digest(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()
