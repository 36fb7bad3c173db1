"""The pages of a database in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from prometheus_client import CollectorRegistry

from monitor.server.app import create_app
from monitor.sql.database import Database, open_database
from tests.conftest import Needs
from tests.monitor.server.conftest import NOW
from tests.support.browsing import chromium, served


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture(scope="module")
def browser(needs: Needs) -> Iterator[Browser]:
    """While it is open no test on its thread may run an event loop."""
    with chromium(needs("chromium")) as launched:
        yield launched


@pytest.fixture
def address(watched: Database, free_port: Callable[[], int]) -> Iterator[str]:
    """Where the pages of a database are served."""
    app = create_app(open_database(str(watched.engine.url)), CollectorRegistry(), lambda: NOW)
    with served(app, free_port()) as address:
        yield address


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=address)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
