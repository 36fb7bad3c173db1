"""What pages read from the log, in a real browser: dead letters and outlying rows."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from prometheus_client import CollectorRegistry

from monitor.aggregate.outlying import message_of
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header
from monitor.kafka.publishing import Message, Publisher
from monitor.server.app import create_app
from monitor.sql import registry
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW, monitor
from tests.monitor.server.test_outliers import row, segment
from tests.support.browsing import served, violations

pytestmark = pytest.mark.xdist_group("chromium")

RULES = {"light": (), "dark": ("color-contrast",)}
PATHS = ("/dead-letters", "/monitors/free-seats/outliers")


@pytest.fixture
def address(
    told: None, watched: Database, embedded_broker: Broker, free_port: Callable[[], int]
) -> Iterator[str]:
    """Three letters and two outlying rows lie in the log."""
    topics = embedded_broker.topics
    asks = monitor(detection={"outliers": {"publish_rows": 5}})
    with watched.write() as connection:
        put = registry.put(connection, asks, NOW)
        registry.activate(connection, put, "sha256:" + "0" * 64, ())
    headers = [
        (Header.REASON.value, b"not an Arrow stream: expected 4 bytes, found 3"),
        (Header.MONITOR.value, b"free-seats"),
        (Header.SOURCE.value, f"{topics.predictions}/1/42".encode()),
    ]
    letters = [Message(topics.dead_letters, None, b"\x1b[2J" * n, headers, 0) for n in (1, 9, 90)]
    rows = [row("ride-2020-03-14T07:31:05Z-00017", 1e-5), row("b", 0.004)]
    publisher = Publisher(embedded_broker, client_id="test")
    publisher.deliver(
        [*letters, message_of(segment(0, 1), rows, topics.outliers, embedded_broker.partitions)]
    )
    publisher.close()
    app = create_app(watched, CollectorRegistry(), lambda: NOW, broker=embedded_broker)
    with served(app, free_port()) as address:
        yield address


def test_both_pages_are_for_everybody_and_for_a_phone(browser: Browser, address: str) -> None:
    phone = browser.new_context(base_url=address, viewport={"width": 390, "height": 740})
    page = phone.new_page()
    for path in PATHS:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            page.goto(path)
            expect(page.locator("tbody tr")).to_have_count(3 if path == PATHS[0] else 2)
            assert violations(page, only=RULES[scheme]) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()


def test_a_letter_is_sent_back_by_a_button(page: Page) -> None:
    page.goto("/dead-letters")
    page.get_by_role("button", name="Send letter 2 back").click()
    expect(page).to_have_url("/dead-letters")
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("row", name="Send a dead letter back")).to_contain_text("303")
