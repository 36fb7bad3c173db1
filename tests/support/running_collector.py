"""A collector in a process of its own."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from monitor.flags import Address
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import ProcessDiedError, Supervisor, free_port

ROW = orjson.dumps({"instances": [[1.5, "x"]]})
PREDICT = "/v1/models/seats:predict"


def request(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass
class RunningCollector:
    """A collector in a process of its own."""

    supervisor: Supervisor
    listen: int
    ingest: int

    def predict(self, request_id: str, body: bytes = ROW) -> bytes:
        return request(self.listen, "POST", PREDICT, body, {"X-Request-Id": request_id})[1]

    def push(self, what: str, rows: object) -> tuple[int, dict[str, object]]:
        body = orjson.dumps({"monitor": "seats", "rows": rows})
        status, answer = request(self.ingest, "POST", f"/v1/{what}", body)
        return status, orjson.loads(answer)

    def metrics(self) -> str:
        return request(self.ingest, "GET", "/metrics")[1].decode()

    def count(self, sample: str) -> float:
        prefix = f"driftmeter_collector_{sample} "
        lines = self.metrics().splitlines()
        return sum(float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))

    def terminate(self) -> None:
        os.kill(self.supervisor.pid("collect"), signal.SIGTERM)

    def exit_code(self) -> int:
        """Waits for the end."""
        while True:
            try:
                self.supervisor.check()
            except ProcessDiedError as death:
                return death.exit_code
            time.sleep(0.01)


def start(
    supervisor: Supervisor,
    broker: Broker,
    spool: Path,
    *,
    upstream: Address | None = None,
    env: Mapping[str, str] | None = None,
    ports: tuple[int, int] | None = None,
    within: Sequence[str] = (),
    flags: Sequence[str] = (),
    is_tls: bool = False,
) -> RunningCollector:
    """Returns when it is ready; with TLS, when it accepts connections.

    flags: beyond those that are given here, or instead of them.
    ports: of the proxy and of the ingest. within: a command that runs the command after it.
    """
    listen, ingest = ports or (free_port(), free_port())
    proxied = [] if upstream is None else ["--upstream", f"http://{upstream}"]
    argv = [
        *(*within, sys.executable, "-m", "monitor", "collect", *proxied),
        *("--listen", f"127.0.0.1:{listen}", "--ingest", f"127.0.0.1:{ingest}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(spool), "--spool-limit", "64MiB", *flags),
    ]
    ready = f"tcp://127.0.0.1:{ingest}" if is_tls else f"http://127.0.0.1:{ingest}/readyz"
    supervisor.start("collect", argv, ready=ready, env=env)
    return RunningCollector(supervisor, listen, ingest)
