"""KServe's own Python model server, with a collector in front of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.real_servers import requests, seats
from benchmarks.real_servers.requests import Call, Rides
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from tests.servers import grpc_calls
from tests.servers.conftest import Collector
from tests.servers.watching import Answer, ask, assert_read, assert_same, calls

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("kserve")]

FORMATS = [requests.kserve_v1, requests.open_inference, requests.open_inference_binary]
GRPC = [grpc_calls.typed, grpc_calls.raw]

MODEL = f"/v1/models/{seats.NAME}"
REFUSED = [
    (400, Call("a", [], f"{MODEL}:predict", b'{"instances": [')),
    (500, Call("b", [], f"{MODEL}:predict", b'{"instances": [{"speed": 1}]}')),
    (404, Call("c", [], "/v1/models/nobody:predict", b'{"instances": []}')),
    (405, Call("d", [], f"{MODEL}:guess", b"{}")),
]


@pytest.mark.parametrize("in_format", FORMATS, ids=lambda f: f.__name__)
def test_kserve_answers_as_without_the_proxy_and_its_rows_are_read(
    in_format: Callable[[str, Rides], Call],
    kserve: Listening,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    asked, proxy = calls(in_format), collector(kserve)
    assert_same(ask(kserve.http, asked), ask(proxy.http, asked))
    assert_read(embedded_broker, asked)


def without_its_end(answer: Answer) -> Answer:
    """An answer that comes before its request was read ends a connection through the proxy."""
    return replace(answer, headers=answer.headers - {("connection", "close")})


def test_what_kserve_refuses_is_refused_alike(kserve: Listening, collector: Collector) -> None:
    proxy = collector(kserve)
    for status, call in REFUSED:  # over connections of their own: KServe closes one after a 500
        direct, proxied = ask(kserve.http, [call]), ask(proxy.http, [call])
        assert direct[0].status == status
        assert list(map(without_its_end, proxied)) == list(map(without_its_end, direct))


@pytest.mark.parametrize("in_format", GRPC, ids=lambda f: f.__name__)
def test_kserve_answers_over_grpc_as_without_the_proxy_and_its_rows_are_read(
    in_format: Callable[[str, Rides], Call],
    kserve: Listening,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    asked, proxy = calls(in_format), collector(kserve)
    assert_same(grpc_calls.ask(kserve.grpc, asked), grpc_calls.ask(proxy.grpc, asked))
    assert_read(embedded_broker, asked)
