"""A model server that speaks gRPC, by Google's own library, and clients of it."""

from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc

from monitor.flags import Address

MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/test.Echo/Stream"

Answer = Callable[[bytes, grpc.ServicerContext], bytes]
UNLIMITED = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method == STREAM:
            return grpc.stream_stream_rpc_method_handler(_echo)
        if handler_call_details.method.startswith("/test."):
            return None
        return grpc.unary_unary_rpc_method_handler(self._answer)


def _echo(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
    yield from requests


class GrpcModel:
    """Messages are bytes as they are: what they mean is for the tests to say."""

    def __init__(
        self, answer: Answer, *, compression: grpc.Compression | None = None, port: int = 0
    ) -> None:
        self._server = grpc.server(
            futures.ThreadPoolExecutor(8), options=UNLIMITED, compression=compression
        )
        self._server.add_generic_rpc_handlers([_Handlers(answer)])
        self.address = Address("127.0.0.1", self._server.add_insecure_port(f"127.0.0.1:{port}"))
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait(60)


def channel(address: Address, **options: Any) -> grpc.Channel:
    """A connection of its own: the library would share one among channels to the same address."""
    arguments = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1), *options.items()]
    return grpc.insecure_channel(str(address), arguments)


def calling(
    over: grpc.Channel, path: str = MODEL_INFER
) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method whose messages are bytes."""
    return over.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)


def streaming(over: grpc.Channel) -> "grpc.StreamStreamMultiCallable[bytes, bytes]":
    return over.stream_stream(STREAM, request_serializer=bytes, response_deserializer=bytes)


def infer(over: grpc.Channel, message: bytes, *, path: str = MODEL_INFER, **more: Any) -> bytes:
    return calling(over, path)(message, timeout=60, **more)
