"""What a namespace may send through a collector, by every way in."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.collector.answers import OverQuotaError
from monitor.collector.metering import Metering
from monitor.collector.telemetry import Telemetry
from monitor.spec.quotas import Quota


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
