"""What a namespace may send through a collector, by every way in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from monitor.collector.answers import Answer, OverQuotaError
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.frames import Counts
from monitor.collector.intake import Intake
from monitor.collector.metering import Metering
from monitor.collector.publisher import Publisher
from monitor.collector.push import Body, Push
from monitor.collector.recorder import Recorder
from monitor.collector.registry import Registry
from monitor.collector.sagemaker_captures import SageMakerCaptures
from monitor.collector.screening import Screening
from monitor.collector.tally import DROPPED, RECORDED
from monitor.collector.telemetry import Telemetry
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.spec.quotas import Quota
from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk
from monitor.tenants.namespaces import Namespaces
from tests.monitor.collector.test_recorder import exchange
from tests.support.registrations import registration
from tests.support.waiting import wait_for


@dataclass
class Tenants:
    """Those that have a quota."""

    known: dict[str, Quota] = field(default_factory=dict)

    def of(self, namespace: str, /) -> Quota:
        return self.known.get(namespace, Quota())


@dataclass
class Clock:
    now: float = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(CollectorRegistry())


def metering(telemetry: Telemetry, clock: Clock | None = None, **transit: Any) -> Metering:
    quotas = Tenants({"transit": Quota.model_validate(transit)})
    return Metering(quotas, telemetry, clock=clock or Clock())


def test_who_sends_too_many_rows_is_told_how_long_to_wait(telemetry: Telemetry) -> None:
    meter = metering(telemetry, rows_per_second=10)
    meter.take("transit.seats", 125)
    with pytest.raises(OverQuotaError, match="'transit' sends more than its quota: wait 3 s") as e:
        meter.take("transit.delays", 7)
    assert (e.value.answer.status, e.value.answer.headers) == (429, [("Retry-After", "3")])
    assert (
        telemetry.registry.get_sample_value(
            "driftmeter_collector_over_quota_rows_total", {"tenant": "transit"}
        )
        == 7.0
    )


def test_others_are_not_told_to_wait(telemetry: Telemetry) -> None:
    meter = metering(telemetry, rows_per_second=10)
    meter.take("transit.seats", 10_000)
    meter.take("billing.invoices", 10_000)
    assert meter.wait_s("billing") == 0.0


def test_who_fills_its_share_of_the_disk_waits_until_some_of_it_has_left(
    telemetry: Telemetry,
) -> None:
    meter = metering(telemetry, spool="1MiB")
    full = [("transit.seats", 1 << 20), ("billing.invoices", 5 << 20), (None, 100)]
    meter.spooled(full)
    with pytest.raises(OverQuotaError):
        meter.take("transit.seats", 1)
    meter.take("billing.invoices", 1)
    meter.left([("transit.seats", 1)])
    meter.take("transit.seats", 1)


def test_what_was_there_before_is_nobodys_share(telemetry: Telemetry) -> None:
    meter = metering(telemetry, spool="1MiB")
    meter.left([("transit.seats", 1 << 20)])
    meter.spooled([("transit.seats", 1 << 20)])
    assert meter.wait_s("transit") > 0
    name = "driftmeter_collector_tenant_spool_bytes"
    assert telemetry.registry.get_sample_value(name, {"tenant": "transit"}) == 1 << 20


@dataclass
class Bench:
    """The ways into the spool of a collector whose tenant transit may send ten rows a second."""

    metering: Metering
    push: Push
    recorder: Recorder
    captures: SageMakerCaptures
    spool: Spool

    def pushed(self, monitor: str, n: int) -> Answer:
        rows = [{"id": f"r{i}", "a": 1.5, "prediction": 7} for i in range(n)]
        raw = orjson.dumps({"monitor": monitor, "rows": rows})
        return self.push.accept("predictions", Body(raw)).result(60)

    def recorded(self, n: int) -> Counts:
        told: list[Counts] = []
        exchanges = [exchange(f"r{i}") for i in range(n)]
        self.recorder.record(exchanges, settled=told.append)
        self.spool.append([]).result(60)
        return told[0]


@pytest.fixture
def bench(telemetry: Telemetry) -> Iterator[Bench]:
    meter = metering(telemetry, rows_per_second=10)
    broker = Broker(servers=("127.0.0.1:1",))
    registry = Registry(broker, client_id="test")
    registry.apply((one.key, one.to_bytes()) for one in known())
    registry.is_loaded = True
    spool = Spool(SimulatedDisk(), limit_bytes=1 << 26)
    intake = Intake(
        spool,
        collector_id="c0",
        clock=lambda: 0.0,
        screening=Screening(telemetry),
        metering=meter,
    )
    capture = Capture(CaptureLimits(), telemetry.count_dropped)
    push = Push(registry, intake, telemetry, Topics(), clock=lambda: 0.0, metering=meter)
    recorder = Recorder(capture, registry, intake, telemetry, Topics(), metering=meter)
    captures = SageMakerCaptures(push, recorder, telemetry, clock=lambda: 0.0)
    yield Bench(meter, push, recorder, captures, spool)
    spool.close()


def known() -> Iterator[Any]:
    yield registration("transit.seats", model={"name": "seats"})
    yield registration("billing.invoices")


def test_a_push_beyond_the_quota_is_told_when_to_come_again(bench: Bench) -> None:
    assert bench.pushed("transit.seats", 120).status == 202
    refused = bench.pushed("transit.seats", 1)
    assert (refused.status, refused.headers) == (429, [("Retry-After", "2")])
    assert bench.pushed("billing.invoices", 120).status == 202


def test_captures_beyond_the_quota_are_dropped_and_counted(bench: Bench) -> None:
    bench.metering.charge("transit.seats", 99)
    assert bench.recorded(5) == {(RECORDED, ""): 2, (DROPPED, "quota"): 3}


def test_captured_lines_are_taken_as_a_whole_or_not_at_all(bench: Bench) -> None:
    line = {
        "captureData": {
            "endpointInput": {
                "data": "1.5,x",
                "encoding": "CSV",
                "observedContentType": "text/csv",
            },
            "endpointOutput": {"data": "7", "encoding": "CSV", "observedContentType": "text/csv"},
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": "2024-01-01T00:00:00Z"},
    }
    lines = b"\n".join(
        orjson.dumps({**line, "eventMetadata": {"inferenceId": f"e{i}"}}) for i in range(300)
    )
    assert bench.captures.accept("seats", [], lines).result(60).status == 202
    assert bench.metering.wait_s("transit") == pytest.approx(300 / 10 - 10)
    assert bench.captures.accept("seats", [], lines).result(60).status == 429


def test_what_kafka_has_is_no_more_a_share_of_the_disk(
    embedded_broker: Broker, telemetry: Telemetry
) -> None:
    meter = metering(telemetry, spool="1MiB")
    registry = Registry(embedded_broker, client_id="test")
    registry.apply((one.key, one.to_bytes()) for one in known())
    spool = Spool(SimulatedDisk(), limit_bytes=1 << 26)
    screening = Screening(telemetry)
    intake = Intake(
        spool, collector_id="c0", clock=lambda: 0.0, screening=screening, metering=meter
    )
    push = Push(registry, intake, telemetry, embedded_broker.topics, clock=lambda: 0.0)
    rows = [{"id": "r", "a": 1.5, "prediction": 7}]
    raw = orjson.dumps({"monitor": "transit.seats", "rows": rows})
    assert push.accept("predictions", Body(raw)).result(60).status == 202
    assert share(telemetry) > 0
    publisher = Publisher(
        spool, embedded_broker, telemetry, client_id="test", clock=lambda: 0.0, metering=meter
    )
    publisher.start()
    wait_for(lambda: share(telemetry) == 0)
    assert publisher.stop(60.0)
    spool.close()


def share(telemetry: Telemetry) -> float:
    name = "driftmeter_collector_tenant_spool_bytes"
    return telemetry.registry.get_sample_value(name, {"tenant": "transit"}) or 0.0


def test_a_collector_of_some_namespaces_knows_no_other_monitor() -> None:
    registry = Registry(Broker(), client_id="test", namespaces=Namespaces.of(["transit"]))
    registry.apply((one.key, one.to_bytes()) for one in known())
    assert list(registry.monitors.by_name) == ["transit.seats"]
    assert list(registry.monitors.by_model) == ["seats"]
