"""A load generator at a steady rate: what wrk, which asks as fast as it is answered, does not do.

python benchmarks/http_load.py PORT CONNECTIONS RATE SECONDS ROWS
    RATE: requests a second of all connections together
    prints JSON: requests, requests_per_s, failures, p50_ms, p99_ms

A latency counts from when the request was due, not from when it could be sent: a server that
stalls is charged for all that had to wait (Tene, "How NOT to Measure Latency", 2013).
"""

import asyncio
import json
import sys
from collections import deque
from time import perf_counter
from typing import cast

import httptools
import orjson
import uvloop

PATH = "/v1/models/bench:predict"
N_COLUMNS = 12


def body(n_rows: int) -> bytes:
    """Without rows, what nobody can read."""
    if not n_rows:
        return b'{"instances": ['
    row = [round(1.37 * i, 3) for i in range(N_COLUMNS - 2)] + ["weekday", None]
    return orjson.dumps({"instances": [row] * n_rows})


def answer(n_rows: int) -> bytes:
    return orjson.dumps({"predictions": [17.25] * n_rows})


def request(n_rows: int) -> bytes:
    content = body(n_rows)
    head = f"POST {PATH} HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(content) + content


class Client(asyncio.Protocol):
    """Sends what is due, one request at a time; what cannot be sent yet waits."""

    def __init__(self, raw: bytes, latencies: list[float]) -> None:
        self._raw = raw
        self._latencies = latencies
        self._due: deque[float] = deque()
        self._is_busy = False
        self._is_ending = False
        self.n_failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def send(self, due: float) -> None:
        self._due.append(due)
        if not self._is_busy:
            self._is_busy = True
            self._transport.write(self._raw)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._latencies.append(perf_counter() - self._due.popleft())
        self.n_failed += self._parser.get_status_code() != 200
        self._is_busy = bool(self._due)
        if self._due:
            self._transport.write(self._raw)
        elif self._is_ending:
            self._transport.close()

    def end(self) -> None:
        self._is_ending = True
        if not self._is_busy:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.n_failed += exc is not None or self._is_busy
        self.done.set_result(None)


async def load(
    port: int, n_connections: int, rate: float, seconds: float, n_rows: int
) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    raw = request(n_rows)
    clients = [
        (await loop.create_connection(lambda: Client(raw, latencies), "127.0.0.1", port))[1]
        for _ in range(n_connections)
    ]
    started = perf_counter()  # a loop's own clock may tick in milliseconds
    for i in range(int(rate * seconds)):
        due = started + i / rate
        await asyncio.sleep(due - perf_counter())
        clients[i % n_connections].send(due)
    for client in clients:
        client.end()
    await asyncio.gather(*(client.done for client in clients))
    latencies.sort()
    return {
        "requests": len(latencies),
        "requests_per_s": len(latencies) / (perf_counter() - started),
        "failures": sum(client.n_failed for client in clients),
        "p50_ms": 1e3 * latencies[len(latencies) // 2],
        "p99_ms": 1e3 * latencies[len(latencies) * 99 // 100],
    }


if __name__ == "__main__":
    _, port, connections, rate, duration, rows = sys.argv
    run = load(int(port), int(connections), float(rate), float(duration), int(rows))
    print(json.dumps(uvloop.run(run)))
