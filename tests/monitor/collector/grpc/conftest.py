"""Models, proxies in front of them and channels to them, all of which end with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from monitor.flags import Address
from tests.support import grpc_model, running_proxy
from tests.support.grpc_model import Answer, GrpcModel
from tests.support.running_proxy import RunningProxy


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(ending: ExitStack) -> Callable[..., GrpcModel]:
    def start(answer: Answer = lambda message, _: message, **more: Any) -> GrpcModel:
        model = GrpcModel(answer, **more)
        ending.callback(model.close)
        return model

    return start


@pytest.fixture
def start_proxy(ending: ExitStack) -> Callable[..., RunningProxy]:
    def start(upstream: Address, **limits: Any) -> RunningProxy:
        proxy = running_proxy.run_grpc(upstream, **limits)
        ending.callback(proxy.stop, 0.0)
        return proxy

    return start


@pytest.fixture
def connect(ending: ExitStack) -> Callable[..., grpc.Channel]:
    def start(address: Address, **options: Any) -> grpc.Channel:
        channel: grpc.Channel = ending.enter_context(grpc_model.channel(address, **options))
        return channel

    return start
