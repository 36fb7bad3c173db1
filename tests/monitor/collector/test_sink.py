import asyncio
import gzip
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry

from monitor.batches import decode
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.cloudevents import Event, parse
from monitor.collector.pairing import PairingLimits
from monitor.collector.sink import Sink
from monitor.collector.telemetry import Telemetry
from monitor.decoders import Columns, Exchange, claim
from monitor.decoders.exchange import ORPHANED
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header, header
from monitor.up.supervisor import Supervisor
from tests.support import model_infer
from tests.support.exchanges import rows
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start

NOON = 1_700_000_000.0
V1 = {"instances": [[1, "x"]]}, {"predictions": [5]}
V2 = (
    {
        "inputs": [
            {"name": "a", "shape": [1], "datatype": "INT64", "data": [1]},
            {"name": "b", "shape": [1], "datatype": "BYTES", "data": ["x"]},
        ]
    },
    {"outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "data": [5]}]},
)
SELDON = {"data": {"ndarray": [[1, "x"]]}}, {"data": {"ndarray": [[5]]}}


@dataclass
class Bench:
    capture: Capture = field(default_factory=lambda: Capture(CaptureLimits(), lambda _: None))

    def __post_init__(self) -> None:
        limits = PairingLimits(wait_s=60)
        self.metrics = CollectorRegistry()
        telemetry = Telemetry(self.metrics)
        self.sink = Sink(self.capture, telemetry, limits, clock=lambda: NOON)

    def log(
        self, side: str, body: bytes, attributes: Mapping[str, str] | None = None, *, now: float = 0
    ) -> None:
        named = {
            "specversion": "1.0",
            "id": "r",
            "source": "pod",
            "type": f"org.kubeflow.serving.inference.{side}",
            "inferenceservicename": "free seats",
            **(attributes or {}),
        }
        headers = [(f"Ce-{name}".encode(), value.encode()) for name, value in named.items()]
        events = [event for event in parse(headers, body) if isinstance(event, Event)]
        self.sink.take(events, now=now)

    def taken(self) -> Exchange:
        (exchange,) = self.capture.take(2)
        return exchange


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("protocol", [None, "tensorflow", "v2", "seldon"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_what_was_logged_is_read_by_the_decoder_of_its_protocol(
    bench: Bench, protocol: str | None, is_packed: bool
) -> None:
    known = {"seldon": SELDON, "v2": V2}.get(protocol or "", V1)
    bodies = [orjson.dumps(body) for body in known]
    packed = [gzip.compress(body) if is_packed else body for body in bodies]
    attributes = {"protocol": protocol} if protocol else {}
    bench.log("request", packed[0], attributes)
    bench.log("response", packed[1], attributes)
    exchange = bench.taken()
    claimed = claim(exchange.path)
    assert claimed is not None
    assert claimed.model == "free seats"
    decoded = claimed.decoder.decode(exchange, Columns(["a", "b"], "prediction"))
    assert rows(decoded) == [{"a": 1, "b": "x", "prediction": 5}]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_kserve_does_not_say_the_protocol_and_the_body_does(
    bench: Bench, pack: Callable[[bytes], bytes]
) -> None:
    bench.log("response", pack(orjson.dumps(V2[1])))
    bench.log("request", pack(orjson.dumps(V2[0])))
    claimed = claim(bench.taken().path)
    assert claimed is not None
    assert claimed.decoder.name == "open-inference-v2"


def test_calls_of_grpc_are_logged_as_frames(bench: Bench) -> None:
    tensor = {"name": "a", "datatype": "INT64", "shape": [1], "contents": {"int64_contents": [1]}}
    asked = model_infer.request(model_name="free seats", inputs=[tensor])
    answered = model_infer.response(outputs=[tensor])
    for side, message in (("request", asked), ("response", answered)):
        bench.log(side, b"\0" + len(message).to_bytes(4) + message)
    exchange = bench.taken()
    claimed = claim(exchange.path)
    assert claimed is not None
    assert claimed.decoder.model is not None
    assert claimed.decoder.model(exchange) == "free seats"
    decoded = claimed.decoder.decode(exchange, Columns(["a"], "prediction"))
    assert rows(decoded) == [{"a": 1, "prediction": 1}]


def test_times_and_the_id_are_those_of_the_events(bench: Bench) -> None:
    bench.log("response", b"{}", {"time": "2023-11-14T22:13:20.250Z"})
    bench.log("request", b"{}", {"time": "2023-11-14T22:13:20Z"})
    exchange = bench.taken()
    assert (exchange.request_id, exchange.status) == ("r", 200)
    assert (exchange.arrived_at, exchange.latency_s) == (NOON, 0.25)


def test_without_times_it_is_the_time_of_arrival(bench: Bench) -> None:
    bench.log("request", b"{}")
    bench.log("response", b"{}")
    exchange = bench.taken()
    assert exchange.arrived_at == NOON
    assert math.isnan(exchange.latency_s)


def test_an_orphan_is_handed_on_as_one_after_its_time(bench: Bench) -> None:
    bench.log("request", b"{}", now=0)
    bench.sink.take([], now=59)
    assert bench.capture.take(1) == []
    bench.sink.take([], now=60)
    exchange = bench.taken()
    assert (exchange.status, exchange.request, exchange.response) == (ORPHANED, [b"{}"], [])


def test_a_body_that_only_looks_packed_is_handed_on_as_it_is(bench: Bench) -> None:
    bench.log("request", b"\x1f\x8b no gzip")
    bench.log("response", b"{}")
    assert bench.taken().request == [b"\x1f\x8b no gzip"]


def test_a_body_that_is_too_large_is_dropped_and_counted() -> None:
    bench = Bench(Capture(CaptureLimits(body_bytes=10), lambda _: None))
    bench.log("request", b"x" * 11)
    bench.log("response", b"{}")
    assert bench.capture.take(1) == []
    name, reason = "driftmeter_collector_dropped_total", {"reason": "too large"}
    assert bench.metrics.get_sample_value(name, reason) == 1


def test_events_of_other_kinds_are_left_alone(bench: Bench) -> None:
    bench.log("request", b"{}", {"type": "io.seldon.serving.feedback"})
    bench.sink.take([], now=1_000)
    assert bench.capture.take(1) == []


def test_a_stop_hands_on_what_still_waits(bench: Bench) -> None:
    async def log_one_side() -> None:
        bench.sink.start()
        bench.log("request", b"{}")
        await bench.sink.stop()

    asyncio.run(log_one_side())
    assert bench.taken().status == ORPHANED


def post(collector: RunningCollector, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
    status, answer = request(collector.ingest, "POST", "/v1/events", body, headers)
    return status, orjson.loads(answer)


def ce(side: str, id_: str = "r") -> dict[str, str]:
    type_ = f"org.kubeflow.serving.inference.{side}"
    return {
        "Content-Type": "application/json",
        "Ce-Specversion": "1.0",
        "Ce-Id": id_,
        "Ce-Source": "pod",
        "Ce-Type": type_,
        "Ce-Inferenceservicename": "seats",
        "Ce-Namespace": "models",
        "Ce-Component": "",
    }


def test_logged_predictions_reach_kafka(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    bodies = [orjson.dumps(body) for body in V1]
    for side, body in zip(("response", "request"), bodies[::-1], strict=True):
        assert post(collector, body, ce(side)) == (200, {"accepted": 1, "rejected": []})
    topic = embedded_broker.topics.predictions
    (record,) = read_until(embedded_broker, topic, lambda records: len(records) == 1)
    (row,) = decode(record.value).to_pylist()
    assert (row["dm.id"], row["a"], row["b"], row["prediction"]) == ("r", 1.0, "x", 5.0)
    post(collector, bodies[0], ce("request", "failed"))
    collector.terminate()
    assert collector.exit_code() == 0
    (letter,) = read_until(embedded_broker, embedded_broker.topics.dead_letters, bool)
    assert orjson.loads(letter.value)["request_id"] == "failed"
    assert header(letter.headers, Header.REASON) == "orphaned"


def structured(side: str, id_: str, body: object, **attributes: str) -> dict[str, object]:
    named = {name.lower().removeprefix("ce-"): value for name, value in ce(side, id_).items()}
    named.pop("content-type")
    return {**named, **attributes, "data": body}


def test_structured_and_batched_events_and_seldon_s_reach_kafka(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    for side, tensors in zip(("request", "response"), V2, strict=True):
        event = orjson.dumps(structured(side, "single", tensors))
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        assert post(collector, event, headers) == (200, {"accepted": 1, "rejected": []})
    batch = [
        structured(side, f"batch{i}", body)
        for i in range(10)
        for side, body in zip(("response", "request"), V1[::-1], strict=True)
    ]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    assert post(collector, orjson.dumps(batch), headers)[1] == {"accepted": 20, "rejected": []}
    for side, message in zip(("request", "response"), SELDON, strict=True):
        event_headers = {
            **ce(side, f"event-{side}"),
            "Ce-Type": f"io.seldon.serving.inference.{side}",
            "Ce-Requestid": "seldon",
            "Ce-Modelid": "classifier",
            "Ce-Protocol": "seldon",
        }
        assert post(collector, orjson.dumps(message), event_headers)[0] == 200
    topic = embedded_broker.topics.predictions
    found = read_until(
        embedded_broker, topic, lambda r: sum(decode(one.value).num_rows for one in r) == 12
    )
    rows_ = [row for record in found for row in decode(record.value).to_pylist()]
    assert {row["dm.id"] for row in rows_} == {
        "single",
        "seldon",
        *(f"batch{i}" for i in range(10)),
    }
    assert {(row["a"], row["b"], row["prediction"]) for row in rows_} == {(1.0, "x", 5.0)}


def test_what_is_no_event_is_answered_so(supervisor: Supervisor, tmp_path: Path) -> None:
    collector = start(supervisor, Broker(servers=("127.0.0.1:1",)), tmp_path / "spool")
    batched = {"Content-Type": "application/cloudevents-batch+json"}
    assert post(collector, b"{}", batched)[0] == 400
    assert post(collector, b"{}", {})[0] == 400
    assert request(collector.ingest, "GET", "/v1/events")[0] == 405
    event = {"specversion": "1.0", "id": "a", "source": "b", "type": "c"}
    assert post(collector, orjson.dumps([event, 7]), batched) == (
        200,
        {"accepted": 1, "rejected": [{"event": 1, "reason": "an event is an object"}]},
    )
