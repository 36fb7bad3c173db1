"""A real browser, which reaches nothing but this machine, and what it is shown."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.waiting import wait_for

_AXE = files("axe_playwright_python") / "axe.min.js"

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)


PATIENCE_MS = 60_000.0
"""Until what is expected is there: a busy machine takes its time."""


@contextmanager
def chromium(program: Path) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(program), args=list(_FLAGS))
        yield launched
        launched.close()


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[str]:
    """The address of an application that a thread serves."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def violations(page: Page, *, only: Sequence[str] = ()) -> list[str]:
    """What axe-core finds wrong with a page for those who cannot see it, or use a mouse.

    only: rules of axe-core's; by default all of them.
    """
    page.evaluate(_AXE.read_text("utf-8"))
    options = {"resultTypes": ["violations"]} | ({"runOnly": [*only]} if only else {})
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{one['id']}: {json.dumps([n['html'][:200] for n in one['nodes']])}" for one in found]
