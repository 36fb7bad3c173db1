"""MLServer, with a collector in front of it."""

from collections.abc import Callable

import pytest

from benchmarks.real_servers import requests
from benchmarks.real_servers.requests import Call, Rides
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from tests.servers import grpc_calls
from tests.servers.conftest import Collector
from tests.servers.watching import ask, assert_read, assert_same, calls

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("mlserver")]

FORMATS = [requests.open_inference]
GRPC = [grpc_calls.typed, grpc_calls.raw]


@pytest.mark.parametrize("in_format", FORMATS, ids=lambda f: f.__name__)
def test_mlserver_answers_as_without_the_proxy_and_its_rows_are_read(
    in_format: Callable[[str, Rides], Call],
    mlserver: Listening,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    asked, proxy = calls(in_format), collector(mlserver)
    assert_same(ask(mlserver.http, asked), ask(proxy.http, asked))
    assert_read(embedded_broker, asked)


@pytest.mark.parametrize("in_format", GRPC, ids=lambda f: f.__name__)
def test_mlserver_answers_over_grpc_as_without_the_proxy_and_its_rows_are_read(
    in_format: Callable[[str, Rides], Call],
    mlserver: Listening,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    asked, proxy = calls(in_format), collector(mlserver)
    assert_same(grpc_calls.ask(mlserver.grpc, asked), grpc_calls.ask(proxy.grpc, asked))
    assert_read(embedded_broker, asked)
