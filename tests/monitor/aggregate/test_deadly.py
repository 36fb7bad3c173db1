"""A record that kills the process costs two deaths and itself, and nothing else."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detectors.reference import Reference
from monitor import batches
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, DEADLY, Header, header
from monitor.kafka.profile_messages import SegmentProfile, read
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.records import Record
from monitor.up.supervisor import free_port
from tests.support.counted import keep, monitor, predictions, registered
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce

DEADLY_ID = "this-one-kills"


@pytest.fixture
def command(embedded_broker: Broker, reference: Reference, tmp_path: Path) -> list[str]:
    """Of an aggregate; its topic has five messages, the third of which kills it."""
    keep(reference, tmp_path / "references")
    announce(embedded_broker, registered(reference, monitor()))
    publisher = Publisher(embedded_broker, client_id="test")
    headers = [(Header.MONITOR.value, b"seats"), (Header.CONTENT_TYPE.value, ARROW.encode())]
    for i in range(5):
        ids = [DEADLY_ID if i == 2 else f"{i}"]
        value = batches.encode(predictions(ids, [10.0], np.zeros(1)))
        publisher.deliver(
            [Message(embedded_broker.topics.predictions, None, value, headers, partition=0)]
        )
    publisher.close()
    return [
        *(sys.executable, "-m", "tests.support.dying_aggregate", DEADLY_ID),
        *("--broker", embedded_broker.servers[0]),
        *("--topic-prefix", embedded_broker.topics.prefix, "--session-timeout", "1s"),
        *("--store", str(tmp_path / "references"), "--state", str(tmp_path / "state")),
        *("--metrics", f"127.0.0.1:{free_port()}", "--flush", "100ms"),
    ]


def test_it_is_set_aside_unread_after_the_second_death(
    embedded_broker: Broker, command: list[str], tmp_path: Path
) -> None:
    for _ in range(2):
        died = subprocess.run(command, check=False, timeout=60, capture_output=True)
        assert died.returncode == -signal.SIGSEGV, died.stderr
    topics = embedded_broker.topics
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            (letter,) = read_until(embedded_broker, topics.dead_letters, bool)
            segments = read_until(embedded_broker, topics.profiles, covers_all)
        finally:
            process.kill()
    assert header(letter.headers, Header.REASON) == DEADLY
    assert header(letter.headers, Header.SOURCE) == f"{topics.predictions}/0/2"
    assert DEADLY_ID.encode() in letter.value
    assert covers_all(segments)


def covers_all(records: list[Record]) -> bool:
    """Whether there is a segment of all five messages."""
    said = (read(record) for record in records)
    return any(isinstance(one, SegmentProfile) and one.segment.through == 5 for one in said)
