"""The gRPC proxy between Google's own clients and servers."""

import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.grpc.proxy import GrpcLimits
from monitor.collector.tally import DROPPED
from monitor.decoders.body import whole
from monitor.flags import Address
from monitor.up.supervisor import free_port
from tests.support import model_infer
from tests.support.grpc_model import MODEL_INFER, GrpcModel, calling, infer, streaming
from tests.support.running_proxy import NOON, RunningProxy
from tests.support.waiting import wait_for

Serve = Callable[..., GrpcModel]
StartProxy = Callable[..., RunningProxy]
Connect = Callable[..., grpc.Channel]


def reverse(message: bytes, _: grpc.ServicerContext) -> bytes:
    return message[::-1]


def test_a_call_passes_and_is_captured(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(serve(reverse).address)
    metadata = [("x-request-id", "r1"), ("traceparent", "00-1"), ("secret", "s")]
    assert infer(connect(proxy.address), b"rows", metadata=metadata) == b"swor"
    wait_for(lambda: proxy.count("captured") == 1)
    (exchange,) = proxy.captured.exchanges
    assert (exchange.path, exchange.request_id, exchange.status) == (MODEL_INFER, "r1", 200)
    assert (exchange.request, exchange.response) == ([b"rows"], [b"swor"])
    assert exchange.request_headers == [(b"traceparent", b"00-1")]
    assert 0 < exchange.latency_s < 10
    assert NOON - 10 < exchange.arrived_at < NOON
    assert proxy.count("requests", "200") == 1


@pytest.mark.parametrize(
    ("given", "asked", "answered", "request_id"),
    [
        ("of-the-header", "of-the-message", "of-the-answer", "of-the-header"),
        ("of the header", "of-the-message", "of-the-answer", "of-the-message"),
        ("", "of-the-message", "of-the-answer", "of-the-message"),
        ("", "", "of-the-answer", "of-the-answer"),
        ("", "", "", "id-0"),
        ("", "ünspeakable", "", "id-0"),
    ],
)
def test_a_call_s_id_is_the_first_that_somebody_gave_it(
    serve: Serve,
    start_proxy: StartProxy,
    connect: Connect,
    given: str,
    asked: str,
    answered: str,
    request_id: str,
) -> None:
    answer = model_infer.response(model_name="m", id=answered)
    proxy = start_proxy(serve(lambda _, __: answer).address)
    message = model_infer.request(model_name="m", id=asked)
    infer(connect(proxy.address), message, metadata=[("x-request-id", given)] if given else [])
    wait_for(lambda: proxy.count("captured") == 1)
    assert proxy.captured.exchanges[0].request_id == request_id


@pytest.mark.parametrize("kind", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_are_captured_with_their_encoding(
    serve: Serve, start_proxy: StartProxy, connect: Connect, kind: grpc.Compression
) -> None:
    proxy = start_proxy(serve(reverse, compression=kind).address)
    answer = infer(connect(proxy.address), b"ab" * 1_000, compression=kind)
    assert answer == b"ba" * 1_000
    wait_for(lambda: proxy.count("captured") == 1)
    (exchange,) = proxy.captured.exchanges
    name = b"gzip" if kind is grpc.Compression.Gzip else b"deflate"
    assert whole(exchange.request, exchange.request_headers) == b"ab" * 1_000
    assert whole(exchange.response, exchange.response_headers) == b"ba" * 1_000
    assert (b"content-encoding", name) in exchange.request_headers
    assert exchange.size_bytes < 200


def test_an_error_passes_with_its_words_and_is_captured_with_its_status(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such model: é")

    proxy = start_proxy(serve(refuse).address)
    with pytest.raises(grpc.RpcError) as error:
        infer(connect(proxy.address), b"rows")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "no such model: é"
    wait_for(lambda: proxy.count("captured") == 1)
    assert [exchange.status for exchange in proxy.captured.exchanges] == [404]
    assert proxy.count("requests", "404") == 1


def test_other_methods_and_streams_pass_and_are_counted(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(serve(reverse).address)
    over = connect(proxy.address)
    assert infer(over, b"", path="/inference.GRPCInferenceService/ServerLive") == b""
    with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
        infer(over, b"", path="/test.Missing")
    sent = [b"%d" % i * i for i in range(50)]
    assert list(streaming(over)(iter(sent), timeout=60)) == sent
    wait_for(lambda: proxy.count("requests", "200") == 2)
    assert proxy.count("requests", "501") == 1
    assert not proxy.captured.exchanges


def test_a_stream_is_not_held_back(serve: Serve, start_proxy: StartProxy, connect: Connect) -> None:
    """Each message is sent only once the answer to the one before has come."""
    answered = threading.Semaphore(1)

    def asking() -> Iterator[bytes]:
        for i in range(20):
            assert answered.acquire(timeout=60)
            yield b"%d" % i

    over = connect(start_proxy(serve(reverse).address).address)
    for i, answer in enumerate(streaming(over)(asking(), timeout=60)):
        assert answer == b"%d" % i
        answered.release()


def test_messages_of_any_size_pass_and_large_ones_are_not_captured(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(serve(reverse).address, capture_limits=CaptureLimits(body_bytes=1_000_000))
    over = connect(proxy.address)
    for size in (0, 1, 16_384, 1_000_000, 1_000_001, 30_000_000):
        message = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert infer(over, message) == message[::-1]
    wait_for(lambda: proxy.count("requests", "200") == 6)
    sizes = [len(b"".join(exchange.request)) for exchange in proxy.captured.exchanges]
    assert sizes == [0, 1, 16_384, 1_000_000]
    assert proxy.count(DROPPED, Dropped.TOO_LARGE) == 2


def test_many_calls_at_once_on_one_connection_and_on_many(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(serve(reverse).address)
    channels = [connect(proxy.address) for _ in range(8)]

    def call(i: int) -> None:
        message = b"%d " % i * (i % 2_000)
        assert infer(channels[i % 8 if i % 2 else 0], message) == message[::-1]

    with futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(800)))
    wait_for(lambda: proxy.count("captured") == 800)
    answered = [(b"".join(e.request), b"".join(e.response)) for e in proxy.captured.exchanges]
    assert all(request[::-1] == response for request, response in answered)
    assert len({request for request, _ in answered}) == 800


def test_a_call_that_its_client_gives_up_is_counted_as_such(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def answer(message: bytes, _: grpc.ServicerContext) -> bytes:
        asked.set()
        may_answer.wait(60)
        return message

    proxy = start_proxy(serve(answer).address)
    over = connect(proxy.address)
    call = calling(over).future(b"rows")
    assert asked.wait(60)
    call.cancel()
    wait_for(lambda: proxy.count("requests", "499") == 1)
    may_answer.set()
    assert infer(over, b"next") == b"next"
    assert proxy.count("captured") <= 1


def test_without_a_model_server_a_client_sees_unavailable(
    start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(Address("127.0.0.1", free_port()))
    with pytest.raises(grpc.RpcError) as error:
        infer(connect(proxy.address), b"rows")
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_model_server_that_comes_back_is_found(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    port = free_port()
    proxy = start_proxy(Address("127.0.0.1", port))
    over = connect(proxy.address, **{"grpc.initial_reconnect_backoff_ms": 50})
    model = serve(reverse, port=port)
    assert infer(over, b"ab", wait_for_ready=True) == b"ba"
    model.close()
    with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
        infer(over, b"ab")
    serve(reverse, port=port)
    assert infer(over, b"ab", wait_for_ready=True) == b"ba"


def test_when_it_stops_calls_are_finished_and_clients_sent_away(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def answer(message: bytes, _: grpc.ServicerContext) -> bytes:
        asked.set()
        may_answer.wait(60)
        return message

    proxy = start_proxy(serve(answer).address)
    idle = connect(proxy.address)
    grpc.channel_ready_future(idle).result(60)
    call = calling(connect(proxy.address)).future(b"last")
    assert asked.wait(60)
    stopping = threading.Thread(target=proxy.stop, args=(20.0,))
    stopping.start()
    may_answer.set()
    assert call.result(60) == b"last"
    stopping.join(60)
    assert not stopping.is_alive()
    assert proxy.count("captured") == 1


def test_under_load_a_stop_costs_nobody_more_than_one_more_try(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    upstream = serve(reverse).address
    staying, over = start_proxy(upstream), {}
    over["staying"] = connect(staying.address)
    n_calls, has_ended = [0] * 4, threading.Event()

    def call_again_and_again(i: int) -> None:
        while not has_ended.is_set():
            message = b"%d" % n_calls[i]
            try:
                answer = infer(over["leaving"], message)
            except grpc.RpcError:
                answer = infer(over["staying"], message)
            assert answer == message[::-1]
            n_calls[i] += 1

    leaving = start_proxy(upstream)
    over["leaving"] = connect(leaving.address)
    with futures.ThreadPoolExecutor(4) as pool:
        calling_on = [pool.submit(call_again_and_again, i) for i in range(4)]
        for _ in range(5):
            before = leaving.count("requests", "200")
            wait_for(lambda: leaving.count("requests", "200") > before + 20)  # noqa: B023 - at once
            following = start_proxy(upstream)
            over["leaving"], stopped = connect(following.address), leaving
            stopped.stop(10.0)
            assert stopped.count("requests", "499") == stopped.count("requests", "503") == 0
            leaving = following
        has_ended.set()
        for ended in calling_on:
            ended.result()


def test_what_does_not_end_in_time_is_cut(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def answer(message: bytes, _: grpc.ServicerContext) -> bytes:
        asked.set()
        may_answer.wait(60)
        return message

    proxy = start_proxy(serve(answer).address)
    call = calling(connect(proxy.address)).future(b"last")
    assert asked.wait(60)
    proxy.stop(0.05)
    with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
        call.result(60)
    may_answer.set()
    assert proxy.count("requests", "499") + proxy.count("requests", "503") == 1


def test_more_connections_than_allowed_are_refused(
    serve: Serve, start_proxy: StartProxy, connect: Connect
) -> None:
    proxy = start_proxy(serve(reverse).address, limits=GrpcLimits(connections=1))
    first = connect(proxy.address)
    assert infer(first, b"ab") == b"ba"
    with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
        infer(connect(proxy.address), b"ab")
    assert infer(first, b"ab") == b"ba"
