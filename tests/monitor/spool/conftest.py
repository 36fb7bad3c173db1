"""Disks of both kinds, and spools that are closed with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.spool import RealDisk, Spool
from monitor.spool.disk import Disk
from monitor.spool.simulated import SimulatedDisk

MIB = 1024 * 1024

Open = Callable[..., Spool]


@pytest.fixture(params=["real", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return RealDisk(tmp_path / "spool") if request.param == "real" else SimulatedDisk()


@pytest.fixture
def open_spool() -> Iterator[Open]:
    """Spools of small segments."""
    opened: list[Spool] = []

    def open_one(disk: Disk, *, limit_bytes: int = MIB, segment_bytes: int = 4096) -> Spool:
        opened.append(Spool(disk, limit_bytes=limit_bytes, segment_bytes=segment_bytes))
        return opened[-1]

    yield open_one
    for spool in opened:
        spool.close()
