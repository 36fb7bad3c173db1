"""What Google's own client and server say to each other, read along."""

import socket
import threading
from itertools import pairwise

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.grpc.calls import Calls
from monitor.collector.grpc.conversation import Conversation
from monitor.flags import Address
from tests.support import grpc_model
from tests.support.grpc_model import GrpcModel, infer
from tests.support.grpc_watcher import Watching

Heard = list[tuple[bool, bytes]]


CONTENTS = [b"%d" % i * 20_000 * (i % 3) for i in range(10)]


class Tapped:
    """A connection to a model that remembers what passed."""

    def __init__(self, model: GrpcModel) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._listening.getsockname()[1])
        self.heard: Heard = []
        self._model = model
        self._thread = threading.Thread(target=self._relay)
        self._thread.start()

    def _relay(self) -> None:
        with self._listening, self._listening.accept()[0] as client:
            address = (self._model.address.host, self._model.address.port)
            with socket.create_connection(address) as model:
                back = threading.Thread(target=self._pump, args=(model, client, False))
                back.start()
                self._pump(client, model, True)
                back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        try:
            while data := source.recv(65_536):
                self.heard.append((is_client, data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # the other side left first
            sink.close()

    def close(self) -> None:
        self._thread.join(60)


def _speak(compression: grpc.Compression) -> Heard:
    """A dozen calls as they are on the wire, some large, some refused."""

    def answer(content: bytes, context: grpc.ServicerContext) -> bytes:
        if content == b"refuse":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "refused")
        return content[::-1]

    model = GrpcModel(answer, compression=compression)
    tapped = Tapped(model)
    with grpc_model.channel(tapped.address) as over:
        for i, content in enumerate(CONTENTS):
            metadata = [("x-request-id", f"r{i}"), ("blob-bin", b"\0\xff" * i)]
            infer(over, content, metadata=metadata, compression=compression)
        with pytest.raises(grpc.RpcError):
            infer(over, b"refuse")
        infer(over, b"another method", path="/inference.GRPCInferenceService/ModelReady")
    model.close()
    tapped.close()
    return tapped.heard


@pytest.fixture(scope="module", params=[grpc.Compression.NoCompression, grpc.Compression.Gzip])
def heard(request: pytest.FixtureRequest) -> Heard:
    return _speak(request.param)


@given(places=st.lists(st.integers(0, 2**18), max_size=30))
def test_google_s_library_is_understood_however_its_bytes_arrive(
    heard: Heard, places: list[int]
) -> None:
    watching = Watching()
    conversation = Conversation(Calls(watching))
    for is_client, data in heard:
        hear = conversation.hear_client if is_client else conversation.hear_model
        at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
        for a, b in pairwise(at):
            hear(data[a:b], 1.0)
    refused = (b"refuse", b"")
    assert watching.messages == [*((content, content[::-1]) for content in CONTENTS), refused]
    assert watching.statuses == [200] * 10 + [400, 200]
    ids = [dict(call.request.headers).get(b"x-request-id") for call in watching.calls]
    assert ids == [b"r%d" % i for i in range(10)] + [None]
