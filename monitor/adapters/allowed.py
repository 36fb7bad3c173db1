"""Which saved detectors an operator allows to be run, and by which Python."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.adapters.alibi import STARTING_S, AlibiError, SavedDetector
from monitor.flags import duration
from monitor.spec.durations import format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """folders: of saved detectors, by the sha256 of the content that may be loaded from them."""

    folders: Mapping[str, Path] = field(default_factory=dict)
    python: Path | None = None
    timeout_s: float = STARTING_S

    def find(self, sha256: str) -> SavedDetector:
        """Raises AlibiError for a detector that is not allowed, naming the flag that does."""
        folder = self.folders.get(sha256)
        if folder is None:
            raise AlibiError(f"the operator does not allow it: --allow-alibi {sha256}=FOLDER would")
        if self.python is None:
            raise AlibiError("detect knows no Python that has alibi-detect: give --alibi-python")
        return SavedDetector(
            folder=folder, sha256=sha256, python=self.python, timeout_s=self.timeout_s
        )

    def as_flags(self) -> list[str]:
        """What `allowed_by` reads it from, on another command line."""
        python = ["--alibi-python", str(self.python)] if self.python else []
        folders = [f"{sha256}={folder}" for sha256, folder in self.folders.items()]
        named = [flag for folder in folders for flag in ("--allow-alibi", folder)]
        return [*named, *python, "--alibi-timeout", format_duration(self.timeout_s)]


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-alibi",
        metavar="SHA256=FOLDER",
        type=_allowed,
        action="append",
        default=[],
        help="let monitors run the detector that alibi-detect saved in this folder, if it has this "
        "content (see driftmeter alibi digest); it is code, and runs with your rights; may be "
        "repeated",
    )
    parser.add_argument(
        "--alibi-python",
        metavar="FILE",
        type=Path,
        help="the Python of an environment that has alibi-detect",
    )
    parser.add_argument(
        "--alibi-timeout",
        metavar="DURATION",
        type=duration,
        default=STARTING_S,
        help="for one answer of such a detector (default 1m)",
    )


def allowed_by(args: argparse.Namespace) -> Allowed:
    return Allowed(
        folders=dict(args.allow_alibi), python=args.alibi_python, timeout_s=args.alibi_timeout
    )


def _allowed(text: str) -> tuple[str, Path]:
    sha256, found, folder = text.partition("=")
    if not found or not folder or len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not SHA256=FOLDER, with the 64 digits that driftmeter alibi digest prints"
        )
    return sha256, Path(folder)
