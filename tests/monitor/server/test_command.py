"""`driftmeter serve` as a process."""

import argparse
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from monitor.flags import Address
from monitor.kafka.connecting import Broker
from monitor.server import command
from tests.monitor.server.conftest import monitor
from tests.support.waiting import wait_for


def arguments(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["serve", *argv])


def test_serve_fits_what_is_declared_and_ends_cleanly(
    tmp_path: Path, embedded_broker: Broker, free_port: Callable[[], int]
) -> None:
    rows = "".join(f"{i % 7},{i % 5}\n" for i in range(200))
    (tmp_path / "rides.csv").write_text("boarded,prediction\n" + rows)
    port = free_port()
    serving = subprocess.Popen(
        [
            *(sys.executable, "-m", "monitor", "serve", "--listen", f"127.0.0.1:{port}"),
            *("--database", f"sqlite:///{tmp_path}/driftmeter.db", "--store", str(tmp_path)),
            *("--broker", embedded_broker.servers[0]),
            *("--topic-prefix", embedded_broker.topics.prefix),
        ]
    )
    try:
        api = f"http://127.0.0.1:{port}/api/v1/monitors/free-seats"
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        document = monitor(reference=str(tmp_path / "rides.csv")).to_json()
        assert httpx2.put(api, json=document).status_code == 202
        wait_for(lambda: httpx2.get(api).json()["status"] == "active")
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def test_an_address_that_others_reach_needs_tokens() -> None:
    with pytest.raises(OSError, match="--token-file"):
        command.run(arguments("--listen", "0.0.0.0:0"))


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        with pytest.raises(OSError, match=f"cannot listen on {address}: Address already in use"):
            command._serve(FastAPI(), address)


def test_a_network_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("--webhook-allow", "10.0.0.0/99")
    assert "write a network such as 10.0.0.0/8" in capsys.readouterr().err
