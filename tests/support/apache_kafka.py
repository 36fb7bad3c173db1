"""An Apache Kafka of one process, fetched from Maven Central once and kept in a cache folder."""

import fcntl
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

POM = Path(__file__).parents[1] / "integration" / "kafka" / "pom.xml"
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"  # any will do: the storage is made afresh every time

_FEW_RESOURCES = [
    "-Xmx384m",
    "-XX:-UsePerfData",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # quick to start; no test is about Kafka's speed
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
]


def version() -> str:
    found = ET.parse(POM).getroot().find(".//{*}properties/{*}kafka.version")
    assert found is not None
    assert found.text is not None
    return found.text


def libraries(maven: Path, cache: Path) -> Path:
    """The folder of Kafka's jars; several test processes may ask at once, one of them fetches."""
    folder = cache / f"kafka-{version()}"
    if folder.exists():  # it has this name once it is complete, and may be for reading only
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(maven, folder)
    return folder


def _fetch(maven: Path, folder: Path) -> None:
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--file", POM),
            *("dependency:copy-dependencies", f"-DoutputDirectory={unfinished}"),
        ],
        check=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    unfinished.rename(folder)


def prepare(
    java: Path,
    jars: Path,
    folder: Path,
    *,
    port: int,
    controller_port: int,
    settings: Mapping[str, object] = MappingProxyType({}),
    is_alone: bool = True,
) -> list[str]:
    """Formats a storage folder; returns the command line of a broker on 127.0.0.1:port.

    settings: beyond the usual ones, or instead of them. is_alone: whether it is its own quorum;
    else they name the voters.
    """
    properties = folder / "server.properties"
    usual = _settings(folder / "log", port=port, controller_port=controller_port)
    settings = {**usual, **settings}
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    run = [str(java), *_FEW_RESOURCES, "-cp", f"{jars}{os.sep}*"]
    subprocess.run(
        [
            *(*run, "kafka.tools.StorageTool", "format"),
            *(("--standalone",) if is_alone else ()),
            *("--cluster-id", CLUSTER_ID, "--config", properties),
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )
    return [*run, "kafka.Kafka", str(properties)]


def _settings(log: Path, *, port: int, controller_port: int) -> Mapping[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "log.dirs": log,
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "offsets.topic.num.partitions": 3,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 500,
        # Its controller is itself: on a loaded machine it shall not take itself for dead.
        "broker.session.timeout.ms": 60_000,
        "message.max.bytes": 8_500_000,
    }
