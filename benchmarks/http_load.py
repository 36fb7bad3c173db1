"""A model server and a load generator, as cheap as Python allows: what stands around a proxy.

python benchmarks/http_load.py model PORT
python benchmarks/http_load.py load PORT CONNECTIONS SECONDS ROWS
    prints JSON: requests, failures, p50_ms, p99_ms
"""

import asyncio
import json
import sys
import time
from typing import cast

import httptools
import orjson
import uvloop

PATH = b"/v1/models/bench:predict"
N_COLUMNS = 12
ANSWER = b'{"predictions":[17.25]}'


def request(n_rows: int) -> bytes:
    row = [round(1.37 * i, 3) for i in range(N_COLUMNS - 2)] + ["weekday", None]
    body = orjson.dumps({"instances": [row] * n_rows})
    head = b"POST %b HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n" % PATH
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def answer(n_rows: int) -> bytes:
    body = orjson.dumps({"predictions": [17.25] * n_rows})
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


class Model(asyncio.Protocol):
    """Answers every request with as many predictions as it seems to have rows."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._n_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._n_bytes += len(body)

    def on_message_complete(self) -> None:
        self._transport.write(answer(max(self._n_bytes // len(request(1)), 1)))
        self._n_bytes = 0


class Client(asyncio.Protocol):
    """Sends the next request when the last one was answered, until it is told to stop."""

    def __init__(self, raw: bytes, latencies: list[float], until: float) -> None:
        self._raw = raw
        self._latencies = latencies
        self._until = until
        self.n_failed = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._raw)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._latencies.append(now - self._started)
        self.n_failed += self._parser.get_status_code() != 200
        if now > self._until:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.n_failed += exc is not None
        self.done.set_result(None)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", port)
    await server.serve_forever()


async def load(port: int, n_connections: int, seconds: float, n_rows: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    raw = request(n_rows)
    clients = [
        (await loop.create_connection(lambda: Client(raw, latencies, until), "127.0.0.1", port))[1]
        for _ in range(n_connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    latencies.sort()
    return {
        "requests": len(latencies),
        "requests_per_s": len(latencies) / seconds,
        "failures": sum(client.n_failed for client in clients),
        "p50_ms": 1e3 * latencies[len(latencies) // 2],
        "p99_ms": 1e3 * latencies[len(latencies) * 99 // 100],
    }


if __name__ == "__main__":
    if sys.argv[1] == "model":
        uvloop.run(serve(int(sys.argv[2])))
    else:
        _, _, port, connections, duration, rows = sys.argv
        print(json.dumps(uvloop.run(load(int(port), int(connections), float(duration), int(rows)))))
