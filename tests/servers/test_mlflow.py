"""`mlflow models serve`, with a collector in front of it."""

from collections.abc import Callable

import pytest

from benchmarks.real_servers import requests
from benchmarks.real_servers.requests import Call, Rides
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from tests.servers.conftest import Collector
from tests.servers.watching import ask, assert_read, assert_same, calls

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("mlflow")]

FORMATS = [requests.mlflow_split, requests.mlflow_records]


@pytest.mark.parametrize("in_format", FORMATS, ids=lambda f: f.__name__)
def test_mlflow_answers_as_without_the_proxy_and_its_rows_are_read(
    in_format: Callable[[str, Rides], Call],
    mlflow: Listening,
    collector: Collector,
    embedded_broker: Broker,
) -> None:
    asked, proxy = calls(in_format), collector(mlflow)
    assert_same(ask(mlflow.http, asked), ask(proxy.http, asked))
    assert_read(embedded_broker, asked)
