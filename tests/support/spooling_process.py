"""A process that spools as fast as it can and says what is safe, until somebody ends it.

    python -m tests.support.spooling_process FOLDER [--unsynced]

prints a line "acknowledged SEQUENCE TEXT" when a record is safe, and "delivered SEQUENCE" before
the cursor moves there. With --unsynced it never waits for the disk: a control that must lose.
"""

import itertools
import os
import sys
import threading
from pathlib import Path

from monitor.spool import RealDisk, Spool
from monitor.spool.disk import RealFile

N_THREADS = 4
N_RECORDS = 5
"""In one append."""


class _UnsyncedFile(RealFile):
    def sync(self) -> None:
        """The lie that the control tells."""


class _UnsyncedDisk(RealDisk):
    def _opened(self, name: str, flags: int) -> RealFile:
        return _UnsyncedFile(os.open(self._folder / name, flags, 0o600))

    def sync(self) -> None:
        """As the files do."""


def padded(text: str) -> bytes:
    """A payload that anyone can make again from its text."""
    return text.encode() + b"." * (len(text) * 97 % 400)


def _say(*words: object) -> None:
    # One write, so that whoever ends the process never reads half a line.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def _append(spool: Spool, name: str) -> None:
    for n in itertools.count():
        texts = [f"{name}/{n}/{i}" for i in range(N_RECORDS)]
        last = spool.append([padded(text) for text in texts]).result()
        for sequence, text in enumerate(texts, last - N_RECORDS + 1):
            _say("acknowledged", sequence, text)


def _deliver(spool: Spool) -> None:
    place = spool.delivered
    while True:
        spool.wait(place, 1.0)
        if records := spool.read(place, 100_000):
            place = records[-1].sequence
        target = place - 500
        if target > spool.delivered:
            _say("delivered", target)
            spool.advance(target)


def main(folder: Path, *, is_synced: bool) -> None:
    disk = RealDisk(folder) if is_synced else _UnsyncedDisk(folder)
    spool = Spool(disk, limit_bytes=16 * 1024 * 1024, segment_bytes=64 * 1024)
    for i in range(N_THREADS):
        threading.Thread(target=_append, args=(spool, f"{os.getpid()}-{i}"), daemon=True).start()
    _deliver(spool)


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_synced="--unsynced" not in sys.argv)
