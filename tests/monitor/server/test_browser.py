"""The pages in a real browser: what somebody sees once scripts and styles have run."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from monitor.server.app import create_app
from monitor.sql.database import Database, open_database
from tests.conftest import Needs
from tests.monitor.server.conftest import NOW
from tests.support.waiting import wait_for

Browse = Callable[[str], str]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def browse(
    watched: Database, needs: Needs, free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Browse]:
    """The document at a path, as the browser has it in the end; it reaches nothing but us."""
    port = free_port()
    app = create_app(open_database(str(watched.engine.url)), CollectorRegistry(), lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)

    def dump(path: str) -> str:
        command = [
            *(str(needs("chromium")), "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--disable-background-networking", "--no-first-run", "--disable-sync"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom"),
            *("--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}"),
            f"http://127.0.0.1:{port}{path}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
        return done.stdout

    try:
        yield dump
    finally:
        server.should_exit = True
        thread.join()


def test_a_monitors_page_stands_in_a_browser(browse: Browse) -> None:
    page = browse("/monitors/free-seats")
    assert "What moved: boarded." in page
    assert page.count('<svg class="picture"') == 4


def test_the_documentation_draws_itself_without_the_internet(browse: Browse) -> None:
    page = browse("/docs")
    assert 'id="operations-monitors-list_monitors' in page
