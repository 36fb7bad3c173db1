"""Runs a drift or outlier detector that somebody trained and saved with alibi-detect.

alibi-detect needs a NumPy older than ours, so the detector runs in a process of its own, by the
Python of an environment that the operator made (`pip install alibi-detect==0.11.4` is the last
version under the Apache licence).

A saved detector holds pickled code, and who loads it runs that code with this process's rights.
So the operator names each artifact by the sha256 of its content, which `folder_digest` computes;
nothing else is loaded. The child gets a copy of exactly the content that was checked, and rows:
no environment variables, no open files, bounded memory and time.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectors.columns import Coded, Floats, Rows
from monitor.adapters import alibi_child
from monitor.adapters.folder_digest import FolderError, copy_folder
from monitor.up import tether

LARGEST_ANSWER = 1 << 24
STARTING_S = 60.0
"""Importing alibi-detect alone takes several seconds, and may take many from a slow disk."""

_TAIL_BYTES = 2000


class AlibiError(Exception):
    """A saved detector gave no answer, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDetector:
    """What the operator allows to be run.

    folder: what alibi-detect's `save_detector` wrote. sha256: its content's `folder_digest`.
    python: the interpreter of an environment that has alibi-detect.
    memory_bytes: of address space, in which the libraries count too.
    """

    folder: Path
    sha256: str
    python: Path
    timeout_s: float = STARTING_S
    memory_bytes: int = 8 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAnswer:
    """p_values, distances: one for each column, or a single one; None where not finite."""

    detector: str
    is_drift: bool
    p_values: tuple[float | None, ...]
    distances: tuple[float | None, ...]
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierAnswer:
    """is_outlier, scores: one for each row; no scores where the detector has none."""

    detector: str
    is_outlier: tuple[bool, ...]
    scores: tuple[float | None, ...]


Answer = DriftAnswer | OutlierAnswer


def matrix(rows: Rows, names: Sequence[str]) -> Floats:
    """(rows, columns) the numbers of some columns, which a profile's sample holds as well.

    Raises AlibiError for a column that is absent or does not hold numbers.
    """
    if not names:
        raise AlibiError("there is no column of numbers; it takes numbers alone")
    columns = []
    for name in names:
        column = rows.columns.get(name)
        if column is None or isinstance(column, Coded) or column.ndim != 1:
            raise AlibiError(f"there is no column {name!r} of numbers; it takes numbers alone")
        columns.append(column)
    return np.stack(columns, axis=1).astype(np.float64)


def run(detector: SavedDetector, rows: Floats) -> Answer:
    """What the detector says of rows, (rows, columns), in the columns' order of its training.

    Raises AlibiError: another content than the one allowed, no such environment, out of time or
    memory, or the detector's own error. On Linux the child dies with the calling thread.
    """
    with tempfile.TemporaryDirectory(prefix="driftmeter-alibi-") as name:
        workplace = Path(name)
        _copy(detector, workplace / "detector")
        np.save(workplace / "rows.npy", rows, allow_pickle=False)
        _call(detector, workplace)
        return _read(workplace / "answer.json", len(rows))


def _copy(detector: SavedDetector, to: Path) -> None:
    try:
        found = copy_folder(detector.folder, to)
    except FolderError as error:
        raise AlibiError(f"{detector.folder} cannot be read: {error}") from error
    if found != detector.sha256:
        raise AlibiError(
            f"{detector.folder} holds sha256 {found}, but {detector.sha256} is allowed"
        )


def _call(detector: SavedDetector, workplace: Path) -> None:
    if not detector.python.is_file():
        raise AlibiError(f"there is no Python at {detector.python}")
    with (workplace / "log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - the operator's interpreter, no shell
            _command(detector, workplace),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=workplace,
            env=_environment(workplace),
            start_new_session=True,
        )
        try:
            child.wait(detector.timeout_s)
        except subprocess.TimeoutExpired:
            raise AlibiError(f"no answer within {detector.timeout_s:g} s") from None
        finally:
            _end(child)
    if child.returncode != 0:
        raise AlibiError(f"{_ending(child.returncode)}; {_tail(workplace / 'log')}")


def _command(detector: SavedDetector, workplace: Path) -> list[str]:
    tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
    files = [str(workplace / name) for name in ("detector", "rows.npy", "answer.json")]
    limits = [str(detector.memory_bytes), str(int(detector.timeout_s) + 1)]
    return [*tied, str(detector.python), "-I", alibi_child.__file__, *files, *limits]


def _environment(workplace: Path) -> Mapping[str, str]:
    """Nothing of ours. What libraries would write under a home goes to the workplace."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    return {"HOME": str(workplace), "TMPDIR": str(workplace), "LANG": "C.UTF-8", **threads}


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child and what it started: they are a session of their own."""
    with contextlib.suppress(ProcessLookupError):  # it ended by itself and left nothing
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _tail(log: Path) -> str:
    return log.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").strip() or "it said nothing"


def _read(path: Path, n_rows: int) -> Answer:
    """The child's answer, which is what unpickled code wrote: believed in form, not in content."""
    try:
        if path.stat().st_size > LARGEST_ANSWER:
            raise AlibiError(f"an answer of {path.stat().st_size} bytes")
        found = json.loads(path.read_bytes())
        if "error" in found:
            raise AlibiError(str(found["error"]))
        return _answer(found, n_rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AlibiError(f"an answer that cannot be read: {error}") from error


def _answer(found: Mapping[str, Any], n_rows: int) -> Answer:
    if "is_drift" in found:
        thresholds = _numbers(found["threshold"])
        return DriftAnswer(
            detector=str(found["name"]),
            is_drift=bool(found["is_drift"]),
            p_values=_numbers(found["p_val"]),
            distances=_numbers(found["distance"]),
            threshold=thresholds[0] if thresholds else None,
        )
    flags, scores = tuple(map(bool, found["is_outlier"])), _numbers(found["scores"])
    if len(flags) != n_rows or len(scores) not in (0, n_rows):
        raise ValueError(f"{len(flags)} flags and {len(scores)} scores for {n_rows} rows")
    return OutlierAnswer(detector=str(found["name"]), is_outlier=flags, scores=scores)


def _numbers(values: object) -> tuple[float | None, ...]:
    if not isinstance(values, list):
        raise TypeError("expected a list of numbers")
    return tuple(None if value is None else float(value) for value in values)
