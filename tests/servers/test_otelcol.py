"""Traces as OpenTelemetry's own collector takes them, from a client's request to a delivery."""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.real_servers import starting
from benchmarks.real_servers.environments import OTELCOL
from monitor.apply.client import Client
from monitor.spec.model import Monitor
from monitor.up.starting import Addresses, Settings, start
from monitor.up.supervisor import Supervisor
from tests.servers.conftest import Installed
from tests.support.otlp_receiver import Receiver, receiving
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(600)

HOUR = 3600.0
NOON = 1_700_000_000.0 // HOUR * HOUR
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPEC = {
    "reference": {"url": "training.csv", "time": "at"},
    "windows": ["1h"],
    "lateness": "0s",
    "alerts": {"channels": [{"name": "ops", "alertmanager": {"urls": ["http://127.0.0.1:1"]}}]},
}


@pytest.fixture
def receiver(
    installed: Installed, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Receiver]:
    """Where the collector passes on what all processes of ours that are started later trace."""
    installed(OTELCOL)
    with receiving() as receiver:
        collector = starting.otelcol(supervisor, tmp_path, receiver.endpoint)
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{collector.http}/v1/traces"
        )
        yield receiver


def training(path: Path) -> str:
    n = 30 * 100
    speeds = np.random.default_rng(0).normal(size=n)
    lines = [f"{NOON - HOUR * 30 + i * 36.0},{speeds[i]},{2 * speeds[i]}" for i in range(n)]
    path.write_text("\n".join(["at,speed,prediction", *lines]))
    return str(path)


def push(port: int, hour: int, traceparent: str) -> int:
    rows = [
        {"id": f"{hour}-{i}", "time": NOON + hour * HOUR + i, "speed": 9.0, "prediction": 1.0}
        for i in range(100)
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body, headers = orjson.dumps({"monitor": "seats", "rows": rows}), {"traceparent": traceparent}
    connection.request("POST", "/v1/predictions", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def declare(addresses: Addresses, reference: str) -> None:
    spec = {**SPEC, "reference": {"url": reference, "time": "at"}}
    document = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": "seats"},
        "spec": spec,
    }
    with Client(addresses.api_url) as client:
        declared = client.put_monitor(Monitor.model_validate(document))
        assert client.settle("seats", declared["revision"], timeout_s=30.0)["status"] == "active"


def before(span: Span, known: Mapping[bytes, Span]) -> Iterator[Span]:
    """What led to a span, by parents and links."""
    for id_ in (span.parent_span_id, *(link.span_id for link in span.links)):
        if id_ in known:
            yield known[id_]
            yield from before(known[id_], known)


def led_to(name: str, spans: Sequence[Span], prefix: str) -> tuple[set[str], set[str]]:
    """The names of what led to spans of a name, and the traces in which it happened.

    prefix: of topics, which is left out.
    """
    known = {span.span_id: span for span in spans}
    found = [
        earlier for span in spans if span.name.startswith(name) for earlier in before(span, known)
    ]
    return {span.name.replace(prefix, "") for span in found}, {
        span.trace_id.hex() for span in found
    }


def test_a_delivery_leads_back_to_the_request_that_caused_it(
    receiver: Receiver, supervisor: Supervisor, tmp_path: Path
) -> None:
    addresses = start(supervisor, Settings(data=tmp_path / "data", flush_s=0.2))
    declare(addresses, training(tmp_path / "training.csv"))
    for hour in range(6):
        parent = f"00-{TRACE}-{hour + 1:016x}-01"
        wait_for(lambda hour=hour, parent=parent: push(addresses.ingest.port, hour, parent) == 202)  # type: ignore[misc]
    road, prefix = {"send predictions", "send profiles", "process profiles"}, addresses.topic_prefix
    wait_for(lambda: led_to("deliver", receiver.all_spans, prefix)[0] >= road, timeout_s=90.0)
    assert TRACE in led_to("deliver", receiver.all_spans, prefix)[1]
    assert TRACE in led_to("decide", receiver.all_spans, prefix)[1]
    assert TRACE in led_to("process " + prefix + "predictions", receiver.all_spans, prefix)[1]
