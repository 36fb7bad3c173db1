"""What a collector promises while Kafka is away, over its restarts, and when its disk fails."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from monitor.batches import decode
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header, Topics, header
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support.http_model import Answer, HttpModel, ok
from tests.support.kafka_topics import read_until
from tests.support.recorders import recorder_of
from tests.support.refused import refused
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

Serve = Callable[[Answer], HttpModel]
ANSWER = b'{"predictions":[7]}'
FULL = 'dropped_total{reason="spool full"}'


class Outage:
    """A broker that can be away; its memory is lost with it."""

    def __init__(self, supervisor: Supervisor, port: int) -> None:
        self._supervisor = supervisor
        self._port = port
        topics = Topics(embedded.fresh_prefix())
        self.broker = Broker(servers=(f"127.0.0.1:{port}",), topics=topics)
        self.end()

    def end(self) -> None:
        ready = f"tcp://127.0.0.1:{self._port}"
        self._supervisor.start("broker", embedded.command(self._port), ready=ready)
        self.broker.create_topics()
        announce(self.broker, registration(label="truth"))

    def begin(self) -> None:
        self._supervisor.stop()


@pytest.fixture
def outage(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Outage]:
    with Supervisor(tmp_path / "broker") as processes:
        yield Outage(processes, free_port())


def knows_its_monitors(collector: RunningCollector) -> bool:
    return collector.push("labels", [])[0] == 202


def labels(n: int, prefix: str = "p") -> list[dict[str, object]]:
    return [{"id": f"{prefix}{i}", "label": i} for i in range(n)]


def ids(records: list[Record]) -> set[str]:
    return {i for record in records for i in decode(record.value)["dm.id"].to_pylist()}


def published(broker: Broker, topic: str, n: int) -> set[str]:
    """The ids in the topic, as soon as there are n."""
    return ids(read_until(broker, topic, lambda found: len(ids(found)) >= n, 60.0))


def test_what_came_while_kafka_was_away_arrives(
    outage: Outage, supervisor: Supervisor, tmp_path: Path, serve: Serve
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    collector = start(supervisor, outage.broker, tmp_path / "spool", upstream=model.address)
    wait_for(lambda: knows_its_monitors(collector))
    outage.begin()
    assert collector.push("labels", labels(100))[0] == 202
    assert {collector.predict(f"p{i}") for i in range(20)} == {ANSWER}
    assert request(collector.ingest, "GET", "/readyz")[0] == 200
    outage.end()
    topics = outage.broker.topics
    assert published(outage.broker, topics.labels, 100) == {f"p{i}" for i in range(100)}
    assert published(outage.broker, topics.predictions, 20) == {f"p{i}" for i in range(20)}


def test_what_a_process_could_not_publish_the_next_one_does(
    outage: Outage, supervisor: Supervisor, tmp_path: Path
) -> None:
    with Supervisor(tmp_path / "first", stop_timeout_s=0.0) as processes:
        collector = start(processes, outage.broker, tmp_path / "spool")
        wait_for(lambda: knows_its_monitors(collector))
        outage.begin()
        assert collector.push("labels", labels(100))[0] == 202
    outage.end()
    start(supervisor, outage.broker, tmp_path / "spool")
    assert len(published(outage.broker, outage.broker.topics.labels, 100)) == 100


def test_a_push_that_comes_again_after_a_restart_is_stored_once(
    outage: Outage, supervisor: Supervisor, tmp_path: Path
) -> None:
    body = orjson.dumps({"monitor": "seats", "rows": [{"id": "p0", "label": 1}]})

    def push(collector: RunningCollector, key: str) -> int:
        headers = {"Idempotency-Key": key}
        return request(collector.ingest, "POST", "/v1/labels", body, headers)[0]

    with Supervisor(tmp_path / "first") as processes:
        collector = start(processes, outage.broker, tmp_path / "spool")
        wait_for(lambda: knows_its_monitors(collector))
        assert push(collector, "once") == 202
        os.kill(processes.pid("collect"), signal.SIGKILL)
    collector = start(supervisor, outage.broker, tmp_path / "spool")
    wait_for(lambda: knows_its_monitors(collector))
    assert push(collector, "once") == push(collector, "last") == 202
    topic = outage.broker.topics.labels
    records = read_until(outage.broker, topic, lambda found: len(_numbers(found)) >= 2)
    assert len(_numbers(records)) == 2


def _numbers(records: list[Record]) -> set[tuple[str | None, str | None]]:
    """Under which the spool has them: what was being published at the kill comes again."""
    return {
        (header(r.headers, Header.COLLECTOR), header(r.headers, Header.SEQUENCE)) for r in records
    }


def test_a_full_spool_refuses_pushes_and_the_model_answers_as_ever(
    outage: Outage, supervisor: Supervisor, tmp_path: Path, serve: Serve
) -> None:
    model = serve(lambda _: [ok(ANSWER)])
    collector = start(
        supervisor,
        outage.broker,
        tmp_path / "spool",
        upstream=model.address,
        flags=("--spool-limit", "1MiB"),
    )
    wait_for(lambda: knows_its_monitors(collector))
    outage.begin()
    wait_for(lambda: collector.push("labels", labels(1000))[0] == 503)
    assert request(collector.ingest, "GET", "/readyz")[0] == 200
    assert collector.count('refused_total{reason="spool full"}') == 1
    assert collector.count('pushes_total{code="503"}') >= 1
    assert collector.count("spool_bytes") <= collector.count("spool_limit_bytes") == 1024 * 1024
    wait_for(lambda: collector.predict("p") == ANSWER and collector.count(FULL) > 0)
    assert collector.count("spool_age_seconds") > 0


def test_a_disk_that_fails_makes_a_collector_without_a_model_unready_until_it_is_well(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    wait_for(lambda: knows_its_monitors(collector))
    resource.prlimit(supervisor.pid("collect"), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert collector.push("labels", labels(1))[0] == 503
    assert collector.count('refused_total{reason="spool failed"}') == 1
    assert request(collector.ingest, "GET", "/readyz")[0] == 503
    assert request(collector.ingest, "GET", "/healthz")[0] == 200
    whole = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(supervisor.pid("collect"), resource.RLIMIT_FSIZE, whole)
    wait_for(lambda: request(collector.ingest, "GET", "/readyz")[0] == 200)
    assert collector.push("labels", labels(1))[0] == 202


def test_a_collector_whose_disk_fails_is_ready_for_as_long_as_it_has_a_model_to_serve(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, serve: Serve
) -> None:
    announce(embedded_broker, registration())
    model = serve(lambda _: [ok(ANSWER)])
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    wait_for(lambda: knows_its_monitors(collector))
    recorder = recorder_of(supervisor.pid("collect"))
    assert recorder is not None
    resource.prlimit(recorder, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert collector.push("labels", labels(1))[0] == 503
    assert request(collector.ingest, "GET", "/readyz")[0] == 200
    assert collector.predict("p") == ANSWER


def test_a_second_collector_on_the_same_spool_is_refused_in_one_line(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    start(supervisor, embedded_broker, tmp_path / "spool")
    argv = [sys.executable, "-m", "monitor", "collect", "--spool", str(tmp_path / "spool")]
    ended = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert b"another process spools into" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("limit", ["0MiB", "1", "many", "1TiB"])
def test_a_limit_that_is_no_size_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a size" in refused(capsys, "--spool-limit", limit)
