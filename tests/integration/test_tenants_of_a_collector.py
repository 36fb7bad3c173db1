"""A collector of several tenants, as a process: what one sends beyond its quota costs no other."""

import hashlib
from pathlib import Path

import orjson
import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.http_model import HttpModel, ok
from tests.support.registrations import announce, registration
from tests.support.running_collector import ROW, RunningCollector, request, start
from tests.support.waiting import wait_for

QUOTAS = """\
apiVersion: driftmeter.dev/v1
kind: Quotas
spec:
  namespaces:
    transit: {rows_per_second: 0.1}
"""


@pytest.fixture
def collector(embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path) -> RunningCollector:
    """Before a model of transit's; each tenant may push to all of its own monitors."""
    model = HttpModel(lambda _: [ok(b'{"predictions": [7]}')])
    announce(
        embedded_broker,
        registration("transit.seats", model={"name": "seats"}),
        registration("billing.invoices"),
    )
    (tmp_path / "quotas.yaml").write_text(QUOTAS)
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("transit", "billing")}
    lines = (f"{digest} {name}.*\n" for name, digest in digests.items())
    (tmp_path / "tokens").write_text("".join(lines))
    flags = (
        *("--quotas", str(tmp_path / "quotas.yaml")),
        *("--ingest-token-file", str(tmp_path / "tokens")),
    )
    spool = tmp_path / "spool"
    return start(supervisor, embedded_broker, spool, upstream=model.address, flags=flags)


def push(collector: RunningCollector, tenant: str, monitor: str) -> int:
    rows = [{"id": "r", "a": 1.5, "prediction": 7}]
    body = orjson.dumps({"monitor": monitor, "rows": rows})
    headers = {"Authorization": f"Bearer {tenant}"}
    return request(collector.ingest, "POST", "/v1/predictions", body, headers)[0]


def test_who_is_over_its_quota_is_told_to_wait_and_others_are_served(
    collector: RunningCollector,
) -> None:
    wait_for(lambda: push(collector, "billing", "billing.invoices") == 202)
    answers = [push(collector, "transit", "transit.seats") for _ in range(20)]
    assert {202, 429} == set(answers)
    assert push(collector, "billing", "billing.invoices") == 202
    assert push(collector, "billing", "transit.seats") == 403
    assert collector.count('refused_total{reason="over quota"}') == answers.count(429)


def test_the_model_answers_on_whatever_is_dropped_of_its_predictions(
    collector: RunningCollector,
) -> None:
    wait_for(lambda: push(collector, "billing", "billing.invoices") == 202)
    for i in range(20):
        assert collector.predict(f"r{i}", ROW) == b'{"predictions": [7]}'
    dropped, recorded = 'dropped_total{reason="quota"}', "recorded_total"
    wait_for(lambda: collector.count(dropped) + collector.count(recorded) == 20)
    assert collector.count(dropped) > 0
    assert collector.count('over_quota_rows_total{tenant="transit"}') == collector.count(dropped)
