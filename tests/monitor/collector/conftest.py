"""Model servers and proxies that end with the test."""

from collections.abc import Callable, Iterator

import pytest

from monitor.collector.capture import CaptureLimits
from monitor.collector.proxy import ProxyLimits
from monitor.flags import Address
from tests.support import running_proxy
from tests.support.http_model import Answer, HttpModel
from tests.support.running_proxy import RunningProxy


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], HttpModel]]:
    models: list[HttpModel] = []

    def start(answer: Answer) -> HttpModel:
        models.append(HttpModel(answer))
        return models[-1]

    yield start
    for model in models:
        model.close()


@pytest.fixture
def start_proxy() -> Iterator[Callable[..., RunningProxy]]:
    proxies: list[RunningProxy] = []

    def start(
        upstream: Address,
        limits: ProxyLimits | None = None,
        capture_limits: CaptureLimits | None = None,
    ) -> RunningProxy:
        proxies.append(running_proxy.run(upstream, limits, capture_limits))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop(0.0)
