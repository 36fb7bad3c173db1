"""Spans as a real OTLP/HTTP receiver gets them from a process of ours.

A tracer provider is set once for a process's life, so each test's spans come from a child.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from monitor.telemetry import tracing
from tests.support.otlp_receiver import Receiver, receiving, values

ORIGIN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def run(code: str, environment: Mapping[str, str]) -> str:
    """What a process prints that configures tracing for the role "detect" and runs `code`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    program = (
        "from monitor.telemetry import tracing\ntracing.configure('detect')\n"
        f"{code}\ntracing.shutdown()"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


def test_a_batch_is_processed_in_a_span_linked_to_its_senders(receiver: Receiver) -> None:
    run(
        f"with tracing.processing('profiles', n=2, origins=[{ORIGIN!r}, None], group='g'): pass",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
    )
    span = receiver.spans["process profiles"]
    assert receiver.paths == ["/v1/traces"]
    assert span.kind == Span.SPAN_KIND_CONSUMER
    assert [link.trace_id.hex() for link in span.links] == [ORIGIN[3:35]]
    assert values(span.attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "profiles",
        "messaging.consumer.group.name": "g",
        "messaging.batch.message_count": "2",
    }


def test_what_a_message_carries_continues_the_trace_that_it_came_from(receiver: Receiver) -> None:
    printed = run(
        f"with tracing.sending('predictions', parent={ORIGIN!r}): print(tracing.kafka_headers())",
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{receiver.endpoint}/own"},
    )
    span = receiver.spans["send predictions"]
    carried = f"00-{ORIGIN[3:35]}-{span.span_id.hex()}-01"
    assert receiver.paths == ["/own"]
    assert printed == f"[('traceparent', {carried.encode()!r})]"
    assert span.kind == Span.SPAN_KIND_PRODUCER
    assert span.parent_span_id.hex() == ORIGIN[36:52]


def test_a_step_within_a_step_is_its_child_and_an_error_is_named(receiver: Receiver) -> None:
    run(
        "try:\n with tracing.span('decide'):\n  with tracing.span('compare'):\n   1/0\n"
        "except ZeroDivisionError: pass",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint + "/"},
    )
    child = receiver.spans["compare"]
    assert child.parent_span_id == receiver.spans["decide"].span_id
    assert values(child.attributes) == {"error.type": "ZeroDivisionError"}


def test_a_role_is_a_service_unless_the_environment_says_otherwise(receiver: Receiver) -> None:
    code = "with tracing.span('tick'): pass"
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    run(code, endpoint)
    assert receiver.resource["service.name"] == "driftmeter-detect"
    receiver.requests.clear()
    run(code, {**endpoint, "OTEL_SERVICE_NAME": "seats"})
    assert receiver.resource["service.name"] == "seats"


def test_an_observation_leads_to_the_trace_of_its_request_if_that_is_sampled(
    receiver: Receiver,
) -> None:
    printed = run(
        "from prometheus_client import CollectorRegistry\n"
        "from prometheus_client.openmetrics.exposition import generate_latest\n"
        "from monitor.collector.telemetry import Telemetry\n"
        "told = Telemetry(CollectorRegistry())\n"
        f"for origin, latency_s in (({ORIGIN!r}, 0.2), ({ORIGIN[:-1] + '0'!r}, 3.0)):\n"
        " told.answered('seats', is_ok=True, latency_s=latency_s, origin=origin)\n"
        "print(generate_latest(told.registry).decode())",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
    )
    (line,) = (line for line in printed.splitlines() if "# {" in line)
    assert 'le="0.25"' in line
    assert f'# {{span_id="{ORIGIN[36:52]}",trace_id="{ORIGIN[3:35]}"}} 0.2' in line


def test_an_observation_leads_to_the_current_span(receiver: Receiver) -> None:
    printed = run(
        "print(tracing.exemplar())\nwith tracing.span('tick'): print(tracing.exemplar())",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
    )
    span = receiver.spans["tick"]
    ids = {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()}
    assert printed == f"None\n{ids}"


def test_without_an_endpoint_the_sdk_is_not_even_imported() -> None:
    printed = run(
        "import sys\n"
        f"with tracing.sending('predictions', origins=[{ORIGIN!r}]): "
        "print(tracing.enabled(), tracing.kafka_headers(), 'opentelemetry.sdk' in sys.modules)\n"
        f"print(tracing.exemplar({ORIGIN!r}))",
        {},
    )
    assert printed == "False [] False\nNone"


def test_the_switches_of_the_specification_turn_it_off(receiver: Receiver) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    for switch in ({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}):
        assert run("print(tracing.enabled())", {**endpoint, **switch}) == "False"


def test_without_the_sdk_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "monitor.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    tracing.configure("collect", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert [record.getMessage()[:14] for record in caplog.records] == ["traces are off"]
    assert not tracing.enabled()


def test_a_receiver_that_is_away_does_not_hold_up_the_end(free_port: Callable[[], int]) -> None:
    printed = run(
        "import time\n"
        "with tracing.span('tick'): pass\n"
        "began = time.monotonic(); tracing.shutdown(0.5); print(time.monotonic() - began < 9)",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
    )
    assert printed == "True"


def test_links_are_bounded_and_each_is_made_once() -> None:
    origins = [f"00-{i:032x}-{i:016x}-01" for i in range(1, 300)]
    assert len(tracing.links(origins)) == tracing.MAX_LINKS
    assert len(tracing.links([ORIGIN, ORIGIN])) == 1


def test_a_span_that_is_kept_nowhere_is_not_linked_to() -> None:
    flags = [f"{flag:02x}" for flag in range(256)]
    linked = [bool(tracing.links([ORIGIN[:-2] + flag])) for flag in flags]
    assert linked == [int(flag, 16) % 2 == 1 for flag in flags]


@given(st.text(max_size=80))
def test_a_malformed_traceparent_is_passed_over(origin: str) -> None:
    assert tracing.links([origin, None, ORIGIN[:-1]]) == []
