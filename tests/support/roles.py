"""Roles as processes, for tests of how they begin and end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import free_port
from tests.support.waiting import wait_for


def command(role: str, broker: Broker, port: int, *flags: str) -> list[str]:
    return [
        *(sys.executable, "-m", "monitor", role, "--broker", broker.servers[0]),
        *("--topic-prefix", broker.topics.prefix, "--session-timeout", "1s"),
        *("--metrics", f"127.0.0.1:{port}", *flags),
    ]


@contextmanager
def running(role: str, broker: Broker, log: Path, *flags: str) -> Iterator[str]:
    """The address of a role that is ready; at the end it is told to stop and must exit 0."""
    port = free_port()
    if role == "aggregate":
        flags = (*flags, "--state", str(log.parent / "aggregate"))
    with log.open("wb") as output:
        process = subprocess.Popen(command(role, broker, port, *flags), stderr=output)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=60) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
