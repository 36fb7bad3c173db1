"""Brokers that may be stopped, and small disks that may be full and may lose their power."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.up.supervisor import Supervisor
from tests.support.clients import ANSWER
from tests.support.http_model import HttpModel, ok
from tests.support.registrations import announce, registration

Needs = Callable[[str], Path]
NotTested = Callable[[str], None]

IMAGE_BYTES = 32 * 1024 * 1024


@dataclass
class Images:
    """ext4 in files, which are kept in memory where that is possible."""

    folder: Path
    mkfs: Path
    mounted: list[Path] = field(default_factory=list)

    def create(self, name: str) -> Path:
        image = self.folder / name
        with image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run(str(self.mkfs), "-q", "-F", str(image))
        return image

    def mount(self, source: Path | str, *options: str) -> Path:
        place = Path(tempfile.mkdtemp(dir=self.folder))
        _run("mount", *options, str(source), str(place))
        self.mounted.append(place)
        return place

    def unmount(self, place: Path) -> None:
        _run("umount", str(place))
        self.mounted.remove(place)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


@pytest.fixture
def own_broker(supervisor: Supervisor, free_port: Callable[[], int]) -> Broker:
    """A broker that no other test uses, so that it may be stopped; it knows one monitor."""
    port = free_port()
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics(embedded.fresh_prefix()))
    supervisor.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    broker.create_topics()
    announce(broker, registration())
    return broker


@pytest.fixture
def model() -> Iterator[HttpModel]:
    model = HttpModel(lambda _: [ok(ANSWER)], keeps=False)
    yield model
    model.close()


@pytest.fixture
def images(needs: Needs, not_tested: NotTested) -> Iterator[Images]:
    mkfs = needs("mkfs.ext4")
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None, prefix="driftmeter-"))
    images = Images(folder, mkfs)
    try:
        if not _may_mount(images):
            not_tested("this user or machine cannot mount an image of a disk")
        yield images
    finally:
        for place in list(images.mounted):
            _run("umount", "--lazy", str(place))
        shutil.rmtree(folder)


def _may_mount(images: Images) -> bool:
    if os.geteuid() != 0:
        return False
    try:
        images.unmount(images.mount(images.create("probe"), "-o", "loop"))
    except subprocess.CalledProcessError:
        return False
    return True
