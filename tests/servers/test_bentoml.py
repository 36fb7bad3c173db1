"""BentoML: its answers through a proxy, and its monitoring, which tells of each row by OTLP."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.real_servers import requests, starting
from benchmarks.real_servers.requests import Call
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.servers.conftest import Collector, Installed
from tests.servers.watching import (
    Answer,
    ask,
    assert_read,
    assert_same,
    by_id,
    calls,
    expected,
    read,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("bentoml")]


@pytest.fixture
def processes(installed: Installed, tmp_path: Path) -> Iterator[Supervisor]:
    """For BentoML: its workers have sessions of their own, so it is given the time to end them."""
    installed("bentoml")
    with Supervisor(tmp_path / "bentoml", stop_timeout_s=60.0) as started:
        yield started


def test_bentoml_answers_as_without_the_proxy_and_its_rows_are_read(
    processes: Supervisor, tmp_path: Path, collector: Collector, embedded_broker: Broker
) -> None:
    server, asked = starting.bentoml(processes, tmp_path), calls(requests.bentoml)
    proxy = collector(server)
    assert_same(ask(server.http, asked), ask(proxy.http, asked))
    assert_read(embedded_broker, asked)


def test_rows_that_bentoml_logs_are_read(
    processes: Supervisor, tmp_path: Path, collector: Collector, embedded_broker: Broker
) -> None:
    logs = f"http://127.0.0.1:{collector().ingest}/v1/logs"
    server, asked = starting.bentoml(processes, tmp_path, logs), calls(requests.bentoml)
    answers = ask(server.http, asked)
    assert {answer.status for answer in answers} == {200}
    rows = expected(renamed(asked, answers))
    assert by_id(read(embedded_broker, len(rows))) == rows


def renamed(asked: Sequence[Call], answers: Sequence[Answer]) -> list[Call]:
    """The calls by BentoML's own ids: it answers them in hexadecimal, and logs them in decimal."""
    own = [int(answer.bentoml_id or "", 16) for answer in answers]
    return [Call(str(id_), c.rides, c.path, c.body) for id_, c in zip(own, asked, strict=True)]
