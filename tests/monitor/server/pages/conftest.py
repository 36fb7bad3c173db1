"""The pages in a real browser, which reaches nothing but us."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from prometheus_client import CollectorRegistry

from monitor.server.app import create_app
from monitor.sql.database import Database, open_database
from tests.conftest import Needs
from tests.monitor.server.conftest import NOW
from tests.support.waiting import wait_for

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture(scope="session")
def browser(needs: Needs) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(needs("chromium")), args=list(_FLAGS)
        )
        yield launched
        launched.close()


@pytest.fixture
def address(watched: Database, free_port: Callable[[], int]) -> Iterator[str]:
    """Where the pages of a database are served."""
    port = free_port()
    app = create_app(open_database(str(watched.engine.url)), CollectorRegistry(), lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=address)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
