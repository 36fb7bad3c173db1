"""The power fails while a process spools: a copy is made of the disk beneath it, and mounted."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.spool import RealDisk, Spool
from tests.durability.conftest import Images
from tests.support.long import LONG
from tests.support.spooling import stored
from tests.support.spooling_process import padded
from tests.support.waiting import wait_for


@dataclass
class Ledger:
    """What the processes said, over all their lives."""

    acknowledged: dict[int, str] = field(default_factory=dict)
    delivered: int = 0

    def read(self, text: str) -> int:
        """Takes in what a process printed; how many records it says are safe."""
        n = 0
        for line in text.splitlines():
            what, sequence, *rest = line.split()
            if what == "acknowledged":
                n += 1
                self.acknowledged[int(sequence)] = rest[0]
            else:
                self.delivered = max(self.delivered, int(sequence))
        return n

    def lost(self, folder: Path) -> list[int]:
        """Acknowledged, not delivered, and not in the spool."""
        spool = Spool(RealDisk(folder), limit_bytes=16 * 1024 * 1024)
        try:
            assert spool.delivered <= self.delivered
            found = stored(spool)
            return [
                n
                for n, text in self.acknowledged.items()
                if n > spool.delivered and found.get(n) != padded(text)
            ]
        finally:
            spool.close()


def lose_power(images: Images, image: Path, ledger: Ledger, n_records: int, *flags: str) -> Path:
    """Spools on the image until so many records are safe; the image as it is at that moment."""
    place = images.mount(image, "-o", "loop")
    output = images.folder / "said"
    argv = [sys.executable, "-m", "tests.support.spooling_process", str(place / "spool"), *flags]
    with output.open("wb") as file, subprocess.Popen(argv, stdout=file) as process:
        try:
            wait_for(lambda: output.stat().st_size > 20 * n_records)
            process.send_signal(signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            after = shutil.copyfile(image, image.with_suffix(f".{process.pid}"))
        finally:
            process.kill()
    images.unmount(place)
    image.unlink()
    assert ledger.read(output.read_text()) > 0
    return after


@pytest.mark.parametrize("n_losses", [5, pytest.param(50, marks=LONG)])
def test_a_loss_of_power_costs_nothing_that_was_acknowledged(images: Images, n_losses: int) -> None:
    image, ledger = images.create("disk"), Ledger()
    for n in range(n_losses):
        image = lose_power(images, image, ledger, 1000 + 400 * (n % 5))
        place = images.mount(image, "-o", "loop")
        assert ledger.lost(place / "spool") == []
        images.unmount(place)
    assert len(ledger.acknowledged) > 1000 * n_losses
    print(f"{n_losses} losses, {len(ledger.acknowledged)} records acknowledged")


def test_without_syncs_a_loss_of_power_costs_records(images: Images) -> None:
    """The control: the test above can fail."""
    ledger = Ledger()
    image = lose_power(images, images.create("disk"), ledger, 2000, "--unsynced")
    assert ledger.lost(images.mount(image, "-o", "loop") / "spool")


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_a_disk_that_is_full_refuses_and_goes_on_when_records_were_delivered(
    kind: str, images: Images
) -> None:
    place = (
        images.mount(images.create("disk"), "-o", "loop")
        if kind == "ext4"
        else images.mount("tmpfs", "-t", "tmpfs", "-o", "size=4m")
    )
    spool = Spool(RealDisk(place / "spool"), limit_bytes=1024 * 1024 * 1024, segment_bytes=2**20)
    payload = bytes(100_000)
    waiting = [spool.append([payload]) for _ in range(300)]
    safe = [future.result() for future in waiting if future.exception() is None]
    assert 0 < len(safe) < 300
    assert list(stored(spool)) == safe
    spool.advance(safe[-1])
    assert spool.append([payload]).result() == safe[-1] + 1
    assert not spool.is_failing
    spool.close()
