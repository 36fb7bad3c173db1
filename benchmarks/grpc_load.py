"""A gRPC model and a load generator, each a process of its own.

python -m benchmarks.grpc_load serve PORT
python -m benchmarks.grpc_load load PORT CALLERS SECONDS N_ROWS
    CALLERS: that call again as soon as they are answered, eight of them on one connection
    prints JSON: requests, requests_per_s, failures, p50_ms, p99_ms
"""

import asyncio
import json
import sys
from time import perf_counter
from typing import Any

import grpc

from benchmarks.http_load import N_COLUMNS
from monitor.decoders.protobuf import varint

METHOD = "/inference.GRPCInferenceService/ModelInfer"
CALLERS_PER_CONNECTION = 8


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, a string or a message."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def tensor(name: str, datatype: str, n: int) -> bytes:
    shape = field(3, varint(n))  # packed
    return field(1, name.encode()) + field(2, datatype.encode()) + shape


def request(n_rows: int) -> bytes:
    """A ModelInferRequest of the columns that `http_load` sends."""
    names = [f"x{i}" for i in range(N_COLUMNS - 2)]
    numbers = [field(5, tensor(name, "FP32", n_rows)) for name in names]
    texts = [field(5, tensor(name, "BYTES", n_rows)) for name in ("day", "event")]
    raw = [field(7, bytes(4 * n_rows))] * len(names)
    raw += [field(7, (b"\7\0\0\0weekday") * n_rows)] * 2
    return b"".join((field(1, b"bench"), *numbers, *texts, *raw))


def answer(n_rows: int) -> bytes:
    return field(1, b"bench") + field(5, tensor("y", "FP32", n_rows)) + field(6, bytes(4 * n_rows))


class Model(grpc.GenericRpcHandler):
    """Answers at once, with a prediction for each row."""

    def __init__(self) -> None:
        self._answers: dict[int, bytes] = {}

    def service(self, handler_call_details: Any) -> Any:  # noqa: ARG002 - the library's signature
        return grpc.unary_unary_rpc_method_handler(self._infer)

    async def _infer(self, message: bytes, _: object) -> bytes:
        n = len(message)
        if n not in self._answers:
            n_rows = 1
            while len(request(n_rows)) < n:
                n_rows += 1
            self._answers[n] = answer(n_rows)
        return self._answers[n]


async def serve(port: int) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Model()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def load(port: int, n_callers: int, seconds: float, n_rows: int) -> dict[str, float]:
    message, latencies, n_failed = request(n_rows), [], 0
    ends = perf_counter() + seconds
    options = [("grpc.use_local_subchannel_pool", 1)]

    async def call(over: Any) -> None:
        nonlocal n_failed
        infer = over.unary_unary(METHOD)
        while (began := perf_counter()) < ends:
            try:
                await infer(message)
            except grpc.RpcError:
                n_failed += 1
            latencies.append(perf_counter() - began)

    n_channels = -(-n_callers // CALLERS_PER_CONNECTION)
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) for _ in range(n_channels)]
    started = perf_counter()
    await asyncio.gather(*(call(channels[i % n_channels]) for i in range(n_callers)))
    elapsed = perf_counter() - started
    await asyncio.gather(*(channel.close() for channel in channels))
    latencies.sort()
    return {
        "requests": len(latencies),
        "requests_per_s": len(latencies) / elapsed,
        "failures": n_failed,
        "p50_ms": 1e3 * latencies[len(latencies) // 2],
        "p99_ms": 1e3 * latencies[int(len(latencies) * 0.99)],
    }


def main() -> None:
    command, port, *rest = sys.argv[1:]
    if command == "serve":
        asyncio.run(serve(int(port)))
    else:
        n_callers, seconds, n_rows = rest
        print(json.dumps(asyncio.run(load(int(port), int(n_callers), float(seconds), int(n_rows)))))


if __name__ == "__main__":
    main()
