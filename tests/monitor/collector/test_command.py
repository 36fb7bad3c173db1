import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.batches import MAX_BYTES, decode
from monitor.flags import Address
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header, Topics, header
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support.http_model import Answer, HttpModel, ok
from tests.support.kafka_topics import read_until
from tests.support.refused import refused
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

Serve = Callable[[Answer], HttpModel]

ANSWER = b'{"predictions":[7]}'
NO_BROKER = Broker(servers=("127.0.0.1:1",))
PUBLISHED = 'rows_total{monitor="seats",topic="predictions"}'


Collect = Callable[..., RunningCollector]


@pytest.fixture
def collect(supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path) -> Collect:
    def start_one(broker: Broker, upstream: Address | None = None, **env: str) -> RunningCollector:
        return start(supervisor, broker, tmp_path / "spool", upstream=upstream, env=env)

    return start_one


def ids(records: list[Record]) -> set[str]:
    return {i for record in records for i in decode(record.value)["dm.id"].to_pylist()}


def test_predictions_and_labels_reach_kafka(
    embedded_broker: Broker, collect: Collect, serve: Serve
) -> None:
    announce(embedded_broker, registration(label="truth"))
    collector = collect(embedded_broker, serve(lambda _: [ok(ANSWER)]).address)
    sent = {f"r{i}" for i in range(20)}
    assert {collector.predict(request_id) for request_id in sent} == {ANSWER}
    topics = embedded_broker.topics
    predictions = read_until(embedded_broker, topics.predictions, lambda found: ids(found) == sent)
    wait_for(lambda: collector.push("labels", [])[0] == 202)
    assert collector.push("labels", [{"id": i, "label": 1} for i in sent])[0] == 202
    labels = read_until(embedded_broker, topics.labels, lambda found: ids(found) == sent)
    assert _partitions(predictions) == _partitions(labels)


def _partitions(records: list[Record]) -> dict[str, int]:
    return {i: r.partition for r in records for i in decode(r.value)["dm.id"].to_pylist()}


def test_a_monitor_that_is_declared_later_is_followed(
    embedded_broker: Broker, collect: Collect
) -> None:
    collector = collect(embedded_broker)
    wait_for(lambda: collector.push("predictions", [])[0] == 404)
    announce(embedded_broker, registration())
    wait_for(lambda: collector.push("predictions", [])[0] == 202)


def test_with_no_broker_the_model_answers_as_ever(collect: Collect, serve: Serve) -> None:
    collector = collect(NO_BROKER, serve(lambda _: [ok(ANSWER)]).address)
    assert all(collector.predict(f"r{i}") == ANSWER for i in range(50))
    wait_for(lambda: collector.count("captured_total") == 50)
    assert collector.push("labels", [])[0] == 503


def test_a_broker_that_stops_answering_delays_captures_and_nothing_else(
    supervisor: Supervisor, collect: Collect, serve: Serve, free_port: Callable[[], int]
) -> None:
    port = free_port()
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics(embedded.fresh_prefix()))
    supervisor.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    broker.create_topics()
    announce(broker, registration())
    collector = collect(broker, serve(lambda _: [ok(ANSWER)]).address)
    collector.predict("before")
    wait_for(lambda: collector.count(PUBLISHED) == 1)

    os.kill(supervisor.pid("broker"), signal.SIGSTOP)
    assert {collector.predict(f"during-{i}") for i in range(200)} == {ANSWER}
    wait_for(lambda: collector.count("queue_bytes") == 0)
    assert collector.count(PUBLISHED) == 1
    os.kill(supervisor.pid("broker"), signal.SIGCONT)

    wait_for(lambda: collector.count(PUBLISHED) == 201, timeout_s=60.0)
    wait_for(lambda: collector.count("captured_total") == 201)


def test_a_malformed_body_reaches_the_model_as_it_is(
    embedded_broker: Broker, collect: Collect, serve: Serve
) -> None:
    announce(embedded_broker, registration())
    model = serve(lambda _: [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"])
    collector = collect(embedded_broker, model.address)
    assert collector.predict("r1", b'{"instances": [') == b"no"
    assert model.requests[0].endswith(b'{"instances": [')
    (letter,) = read_until(embedded_broker, embedded_broker.topics.dead_letters, bool)
    assert json.loads(letter.value)["request_id"] == "r1"


def test_sigterm_finishes_the_request_publishes_it_and_ends_with_zero(
    embedded_broker: Broker, collect: Collect, serve: Serve
) -> None:
    announce(embedded_broker, registration())
    asked, may_answer = threading.Event(), threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        asked.set()
        may_answer.wait(60)
        yield ok(ANSWER)

    collector = collect(embedded_broker, serve(answer).address)
    wait_for(lambda: collector.push("predictions", [])[0] == 202)
    answers: list[bytes] = []
    client = threading.Thread(target=lambda: answers.append(collector.predict("last")))
    client.start()
    assert asked.wait(60)
    collector.terminate()
    may_answer.set()
    client.join(60)
    assert answers == [ANSWER]
    assert collector.exit_code() == 0
    found = read_until(embedded_broker, embedded_broker.topics.predictions, bool)
    assert ids(found) == {"last"}


def test_sigterm_without_a_broker_ends_with_zero_too(collect: Collect, serve: Serve) -> None:
    collector = collect(NO_BROKER, serve(lambda _: [ok(ANSWER)]).address)
    collector.predict("lost")
    collector.terminate()
    assert collector.exit_code() == 0


def test_with_tracing_on_a_message_carries_the_span_that_sent_it(
    embedded_broker: Broker, collect: Collect, serve: Serve
) -> None:
    announce(embedded_broker, registration())
    model = serve(lambda _: [ok(ANSWER)])
    collector = collect(
        embedded_broker, model.address, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"
    )
    collector.predict("r1")
    (message,) = read_until(embedded_broker, embedded_broker.topics.predictions, bool)
    traceparent = header(message.headers, Header.TRACEPARENT)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", traceparent or "")


def test_the_listener_answers_for_itself(collect: Collect) -> None:
    collector = collect(NO_BROKER)
    port = collector.ingest
    assert request(port, "GET", "/healthz") == (200, b"ok\n")
    assert request(port, "GET", "/readyz") == (200, b"ok\n")
    assert request(port, "GET", "/elsewhere")[0] == 404
    assert request(port, "GET", "/v1/labels")[0] == 405
    assert request(port, "POST", "/v1/labels", b"{")[0] == 400
    assert request(port, "POST", "/v1/labels", b" " * (MAX_BYTES + 1))[0] == 413
    openmetrics = {"Accept": "application/openmetrics-text"}
    assert request(port, "GET", "/metrics", headers=openmetrics)[1].endswith(b"# EOF\n")


def _run(*flags: str, spool: Path) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "monitor", "collect", "--spool", str(spool), *flags]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False)


def test_an_address_that_is_taken_is_said_in_one_line(
    free_port: Callable[[], int], tmp_path: Path
) -> None:
    port = free_port()
    argv = ["--ingest", "1.2.3.4:1", "--ingest-without-authentication"]
    argv += ["--listen", f"127.0.0.1:{port}"]
    ended = _run(*argv, spool=tmp_path)
    assert ended.returncode == 2
    assert b"cannot listen on 1.2.3.4:1" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("url", ["8080", "https://model", "http://model/path", "http://model?x=1"])
def test_an_upstream_that_is_no_address_is_refused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not http://HOST:PORT" in refused(capsys, "--upstream", url)


HEAVY = {
    *("scipy", "sklearn", "torch", "pandas", "sqlalchemy"),
    *("fastapi", "starlette", "httpx2", "jinja2", "rich", "opentelemetry.sdk", "pyarrow.compute"),
}


def imported(module: str) -> set[str]:
    script = f"import sys, {module}; print(*sys.modules)"
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=True, text=True)
    return set(done.stdout.split())


def test_a_collector_imports_nothing_that_computes_or_shows() -> None:
    modules = imported("monitor.collector.pipeline")
    assert "pyarrow" in modules  # the question was understood
    assert not HEAVY & modules


def test_the_proxy_s_process_imports_nothing_that_decodes_stores_or_publishes() -> None:
    heavy = {
        "pyarrow",
        "numpy",
        "pydantic",
        "kafka",
        "prometheus_client",
        "opentelemetry",
        "crc32c",
    }
    modules = imported("monitor.collector.front")
    assert "httptools" in modules  # the question was understood
    assert not heavy & modules


def test_sigterm_ends_in_time_although_the_broker_hangs(
    supervisor: Supervisor, collect: Collect, serve: Serve, free_port: Callable[[], int]
) -> None:
    port = free_port()
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics(embedded.fresh_prefix()))
    supervisor.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    broker.create_topics()
    announce(broker, registration())
    collector = collect(broker, serve(lambda _: [ok(ANSWER)]).address)
    wait_for(lambda: collector.push("predictions", [])[0] == 202)
    os.kill(supervisor.pid("broker"), signal.SIGSTOP)
    collector.predict("lost")
    collector.terminate()
    started = time.monotonic()
    assert collector.exit_code() == 0
    assert time.monotonic() - started < 30  # the grace that Kubernetes gives a pod
    os.kill(supervisor.pid("broker"), signal.SIGCONT)
