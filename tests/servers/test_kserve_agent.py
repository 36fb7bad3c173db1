"""KServe's own agent between the clients and the model, which logs payloads to the collector."""

from collections.abc import Callable

import pytest

from benchmarks.real_servers import requests, starting
from benchmarks.real_servers.requests import Call, Rides
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.servers.conftest import Collector
from tests.servers.watching import ask, assert_read, calls

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("kserve")]

FORMATS = [requests.kserve_v1, requests.open_inference, requests.open_inference_binary]


@pytest.mark.parametrize("in_format", FORMATS, ids=lambda f: f.__name__)
def test_requests_and_answers_that_kserve_logs_are_paired(
    in_format: Callable[[str, Rides], Call],
    kserve: Listening,
    agents: Supervisor,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    sink = f"http://127.0.0.1:{collector().ingest}/v1/events"
    agent, asked = starting.kserve_agent(agents, kserve.http, sink), calls(in_format)
    answers = ask(agent.http, asked)
    assert [answer.body for answer in answers] == [a.body for a in ask(kserve.http, asked)]
    assert_read(embedded_broker, asked)
