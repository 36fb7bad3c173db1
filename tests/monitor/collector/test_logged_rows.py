"""Predictions in OpenTelemetry logs, by OpenTelemetry's own exporter as far as to Kafka."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from monitor.batches import decode
from monitor.collector.answers import Answer
from monitor.collector.envelope import Envelope
from monitor.collector.intake import Intake
from monitor.collector.logged_rows import LoggedRows
from monitor.collector.push import Push
from monitor.collector.registry import Registry
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, Monitors
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk
from monitor.up.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_collector import request, start
from tests.support.spooling import stored
from tests.support.waiting import wait_for

NOON = 1_700_000_000.0
JSON = [(b"content-type", b"application/json")]
# As BentoML documents it.
ROW: dict[str, Any] = {
    "a": 4.9,
    "b": "x",
    "prediction": 0.2,
    "timestamp": NOON - 60,
    "request_id": "6413930528999883196",
    "bento_meta": {"bento_name": "iris", "monitor_name": "seats", "schema": {}},
}


def value(given: object) -> object:
    match given:
        case dict():
            pairs = [{"key": name, "value": value(inner)} for name, inner in given.items()]
            return {"kvlistValue": {"values": pairs}}
        case str():
            return {"stringValue": given}
    return {"doubleValue": given}


def logs(*bodies: object, service: str = "iris:seats") -> dict[str, object]:
    attribute = {"key": "service.name", "value": {"stringValue": service}}
    records = [{"timeUnixNano": str(int(NOON * 1e9)), "body": value(body)} for body in bodies]
    return {
        "resource": {"attributes": [attribute]},
        "scopeLogs": [{"logRecords": records}],
    }


class Bench:
    def __init__(self) -> None:
        self.registry = Registry(Broker(), client_id="test")
        known = [registration(), registration("berths", model={"name": "berth_model"})]
        self.registry.apply([(one.key, one.to_bytes()) for one in known])
        self.registry.is_loaded = True
        self.spool = Spool(SimulatedDisk(), limit_bytes=1 << 26)
        telemetry = Telemetry(CollectorRegistry())
        intake = Intake(
            self.spool,
            collector_id="c0",
            clock=lambda: NOON,
            screening=Screening(telemetry),
        )
        push = Push(self.registry, intake, telemetry, Topics(), clock=lambda: NOON)
        self.logged = LoggedRows(push, clock=lambda: NOON)

    def accept(self, *resources: Mapping[str, object], may_push: Monitors = ALL) -> Answer:
        body = orjson.dumps({"resourceLogs": resources})
        return self.logged.accept(JSON, body, None, may_push).result(60)

    def rows(self, monitor: str = "seats") -> list[dict[str, Any]]:
        envelopes = map(Envelope.from_bytes, stored(self.spool).values())
        found = [e for e in envelopes if e.monitor == monitor]
        return [row for one in found for row in decode(one.value).to_pylist()]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.spool.close()


def rejected(answer: Answer) -> tuple[int, str]:
    partial = orjson.loads(answer.to_bytes()).get("partialSuccess", {})
    return int(partial.get("rejectedLogRecords", 0)), partial.get("errorMessage", "")


def test_a_record_is_a_row(bench: Bench) -> None:
    answer = bench.accept(logs(ROW))
    assert (answer.status, rejected(answer)) == (200, (0, ""))
    (row,) = bench.rows()
    assert (row["dm.id"], row["dm.time"].timestamp()) == (ROW["request_id"], NOON - 60)
    assert (row["a"], row["b"], row["prediction"]) == (4.9, "x", 0.2)


def test_the_rows_of_one_request_are_numbered(bench: Bench) -> None:
    bench.accept(logs(ROW, {**ROW, "request_id": "other"}, ROW))
    assert [row["dm.id"] for row in bench.rows()] == [
        "6413930528999883196/0",
        "other",
        "6413930528999883196/1",
    ]


@pytest.mark.parametrize("service", ["iris:seats", "seats:v1", "seats", "a:b:seats"])
def test_a_monitor_is_found_by_the_bento_or_by_bentoml_s_monitor(
    bench: Bench, service: str
) -> None:
    assert rejected(bench.accept(logs(ROW, service=service)))[0] == 0
    assert len(bench.rows()) == 1


def test_a_monitor_is_found_by_the_name_of_its_model(bench: Bench) -> None:
    bench.accept(logs(ROW, service="ports:berth_model"))
    assert len(bench.rows("berths")) == 1


def test_a_record_that_is_no_row_is_told_and_the_others_are_stored(bench: Bench) -> None:
    no_id = {name: value for name, value in ROW.items() if name != "request_id"}
    bad = [no_id, {**ROW, "a": "many"}, "a line of text"]
    n, why = rejected(bench.accept(logs(*bad, ROW), logs(ROW, service="nobody:here")))
    assert (n, len(bench.rows())) == (4, 1)
    assert "record 0: id must be text" in why
    assert "record 1: a: 'many' is not of type double" in why
    assert "record 2: a row must be an object" in why
    assert "record 4: no monitor is for service.name 'nobody:here'" in why


def test_a_formatter_may_have_written_json(bench: Bench) -> None:
    assert rejected(bench.accept(logs(orjson.dumps(ROW).decode()))) == (0, "")
    assert len(bench.rows()) == 1


def test_a_token_is_for_its_monitors_only(bench: Bench) -> None:
    n, why = rejected(bench.accept(logs(ROW), may_push=("berths",)))
    assert (n, bench.rows()) == (1, [])
    assert "not for the monitor 'seats'" in why


def test_what_is_no_request_is_not_to_be_sent_again(bench: Bench) -> None:
    assert bench.logged.accept(JSON, b"{", None, ALL).result(60).status == 400


def test_before_the_monitors_are_known_it_is_to_be_sent_again(bench: Bench) -> None:
    bench.registry.is_loaded = False
    answer = bench.accept(logs(ROW))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "5")


def test_opentelemetry_s_exporter_reaches_kafka(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    wait_for(lambda: collector.push("predictions", [])[0] == 202)
    exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{collector.ingest}/v1/logs")
    provider = LoggerProvider(resource=Resource.create({"service.name": "iris:seats"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    provider.get_logger("bentoml").emit(body=ROW)
    provider.shutdown()
    topic = embedded_broker.topics.predictions
    (record,) = read_until(embedded_broker, topic, lambda found: len(found) == 1)
    (row,) = decode(record.value).to_pylist()
    assert (row["dm.id"], row["a"], row["prediction"]) == (ROW["request_id"], 4.9, 0.2)
    assert request(collector.ingest, "GET", "/v1/logs")[0] == 405
