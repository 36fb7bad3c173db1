"""gRPC through a collector's own processes, as far as Kafka."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from monitor.batches import decode
from monitor.flags import Address
from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor, free_port
from tests.support import model_infer, running_collector
from tests.support.grpc_model import GrpcModel, calling, infer
from tests.support.kafka_topics import read_until
from tests.support.recorders import kill_recorder
from tests.support.refused import refused
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector
from tests.support.waiting import wait_for

Serve = Callable[..., GrpcModel]
Connect = Callable[..., grpc.Channel]
Collect = Callable[[Broker, GrpcModel], tuple[RunningCollector, Address]]

NO_BROKER = Broker(servers=("127.0.0.1:1",))
REQUEST = model_infer.request(
    model_name="seats",
    id="from-the-message",
    inputs=[
        {"name": "a", "datatype": "FP64", "shape": [2], "contents": {"fp64_contents": [1.5, 2.5]}},
        {
            "name": "b",
            "datatype": "BYTES",
            "shape": [2],
            "contents": {"bytes_contents": [b"x"] * 2},
        },
    ],
)
ANSWER = model_infer.response(
    model_name="seats",
    outputs=[
        {"name": "y", "datatype": "INT64", "shape": [2], "contents": {"int64_contents": [7, 8]}}
    ],
)


@pytest.fixture
def collect(supervisor: Supervisor, tmp_path: Path) -> Collect:
    def start(broker: Broker, model: GrpcModel) -> tuple[RunningCollector, Address]:
        listen = Address("127.0.0.1", free_port())
        flags = ["--grpc-upstream", str(model.address), "--grpc-listen", str(listen)]
        collector = running_collector.start(supervisor, broker, tmp_path / "spool", flags=flags)
        return collector, listen

    return start


def test_calls_become_rows_in_kafka(
    embedded_broker: Broker, collect: Collect, serve: Serve, connect: Connect
) -> None:
    announce(embedded_broker, registration(), registration("another"))
    collector, listen = collect(embedded_broker, serve(lambda _, __: ANSWER))
    wait_for(lambda: collector.push("predictions", [])[0] == 202)
    over = connect(listen)
    assert infer(over, REQUEST, metadata=[("x-request-id", "r1")]) == ANSWER
    assert infer(over, REQUEST, compression=grpc.Compression.Gzip) == ANSWER
    assert infer(over, b"not protobuf") == ANSWER
    assert infer(over, REQUEST, path="/inference.GRPCInferenceService/ModelReady") == ANSWER
    rows: dict[str, dict[str, object]] = {}

    def all_came(records: list[Record]) -> bool:
        batches = [decode(record.value) for record in records]
        rows.update({row["dm.id"]: row for batch in batches for row in batch.to_pylist()})
        return len(rows) == 4

    read_until(embedded_broker, embedded_broker.topics.predictions, all_came)
    assert set(rows) == {"r1/0", "r1/1", "from-the-message/0", "from-the-message/1"}
    for name in ("r1", "from-the-message"):
        values = [rows[f"{name}/{i}"][c] for i in (0, 1) for c in ("a", "b", "prediction")]
        assert values == [1.5, "x", 7.0, 2.5, "x", 8.0]
    wait_for(lambda: collector.count("recorded_total") == 2)
    wait_for(lambda: collector.count('requests_total{code="200"}') == 4)


def test_with_no_broker_the_model_answers_as_ever(
    collect: Collect, serve: Serve, connect: Connect
) -> None:
    collector, listen = collect(NO_BROKER, serve(lambda message, _: message[::-1]))
    over = connect(listen)
    assert [infer(over, b"%d" % i) for i in range(10, 15)] == [b"01", b"11", b"21", b"31", b"41"]
    wait_for(lambda: collector.count("captured_total") == 5)


def test_a_recorder_that_is_killed_costs_no_call(
    embedded_broker: Broker, collect: Collect, serve: Serve, connect: Connect
) -> None:
    announce(embedded_broker, registration())
    collector, listen = collect(embedded_broker, serve(lambda _, __: ANSWER))
    over = connect(listen)
    assert infer(over, REQUEST) == ANSWER
    wait_for(lambda: collector.count("recorded_total") == 1)
    kill_recorder(collector)
    assert infer(over, REQUEST) == ANSWER
    wait_for(lambda: collector.count("recorded_total") == 2)


def test_sigterm_finishes_the_call_publishes_it_and_ends_with_zero(
    embedded_broker: Broker, collect: Collect, serve: Serve, connect: Connect
) -> None:
    announce(embedded_broker, registration())
    asked, may_answer = threading.Event(), threading.Event()

    def answer(_: bytes, __: grpc.ServicerContext) -> bytes:
        asked.set()
        may_answer.wait(60)
        return ANSWER

    collector, listen = collect(embedded_broker, serve(answer))
    wait_for(lambda: collector.push("predictions", [])[0] == 202)
    call = calling(connect(listen)).future(REQUEST, timeout=60)
    assert asked.wait(60)
    collector.terminate()
    may_answer.set()
    assert call.result() == ANSWER
    assert collector.exit_code() == 0
    (found,) = read_until(embedded_broker, embedded_broker.topics.predictions, bool)
    assert decode(found.value)["dm.id"].to_pylist() == [f"from-the-message/{i}" for i in (0, 1)]


def test_a_collector_that_is_not_asked_for_grpc_imports_none_of_it() -> None:
    script = "import sys, monitor.collector.front; print(*sys.modules)"
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=True, text=True)
    assert not {"hpack", "grpc"} & set(done.stdout.split())


@pytest.mark.parametrize("address", ["http://127.0.0.1:8081", "8081", "model"])
def test_an_upstream_that_is_no_address_is_refused(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not HOST:PORT" in refused(capsys, "--grpc-upstream", address)
