from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from monitor.demo import model
from monitor.demo.rides import simulate

Serve = Callable[[FastAPI], httpx2.Client]


@contextmanager
def _served(app: FastAPI) -> Iterator[httpx2.Client]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = Thread(target=server.run)
    thread.start()
    deadline = monotonic() + 60.0
    while not server.started and monotonic() < deadline:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves applications on free ports of loopback; gives a client of each."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_served(app))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one version of a small model."""
    folder = tmp_path_factory.mktemp("models")
    model.save(model.train(simulate(date(2019, 9, 2), 14, 120, seed=7), seed=7), folder, version=1)
    return folder
