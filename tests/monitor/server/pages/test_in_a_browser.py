"""What somebody sees and does once scripts and styles have run."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browsing import violations

pytestmark = pytest.mark.xdist_group("chromium")

PATHS = (
    "/",
    "/?q=nothing-like-it",
    "/monitors/free-seats",
    "/monitors/free-seats?report=free-seats-2",
    "/monitors/free-seats/columns/boarded",
    "/monitors/free-seats/windows",
    "/monitors/free-seats/compare?a=free-seats-2&b=free-seats-6",
    "/monitors/free-seats/history",
    "/monitors/free-seats/revisions/1",
    "/alerts",
    "/alerts/alert-1",
    "/deliveries",
    "/deliveries/delivery_1",
    "/silences",
    "/subscriptions",
    "/retrains",
    "/namespaces",
    "/tokens",
    "/audit",
    "/login",
    "/dead-letters",
    "/nothing-here",
)


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_in_light_or_dark_and_a_phone_is_wide_enough(
    told: None, page: Page, path: str
) -> None:
    page.goto(path)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.goto(path)
    assert violations(page, only=("color-contrast",)) == []
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("document.documentElement.scrollWidth <= 360")


def test_from_all_monitors_to_what_moved_and_back_in_time(told: None, page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="free-seats").click()
    expect(page.get_by_text("What moved: boarded.")).to_be_visible()
    page.get_by_role("link", name="boarded", exact=True).first.click()
    expect(page.get_by_role("row", name="50.0 % 12 3")).to_be_visible()
    page.get_by_role("link", name="free-seats").click()
    page.get_by_role("link", name="earlier").click()
    expect(page.get_by_text("This is the window of 2020-03-14")).to_be_visible()


def test_two_windows_that_are_marked_are_compared(told: None, page: Page) -> None:
    page.goto("/monitors/free-seats/windows")
    page.get_by_label("A: window of 2020-03-11").check()
    page.get_by_label("B: window of 2020-03-15").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=3).first).to_have_text("boarded")


def test_a_delivery_is_told_again_by_a_button(told: None, page: Page) -> None:
    page.goto("/deliveries")
    page.get_by_role("link", name="delivered alert to pager").click()
    page.get_by_role("button", name="Deliver again").click()
    expect(page.get_by_text("pending")).to_be_visible()
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("row", name="Tell it again")).to_contain_text("303")


def test_a_token_is_made_shown_once_and_revoked(told: None, page: Page) -> None:
    page.goto("/tokens")
    page.get_by_label("Whose it is").fill("grafana")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("pre")).to_contain_text("dm_")
    page.goto("/tokens")
    expect(page.locator("pre")).to_have_count(0)
    page.get_by_role("button", name="Revoke the token of grafana").click()
    expect(page.get_by_text("revoked")).to_be_visible()


def test_a_keyboard_skips_to_the_content(told: None, page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_page_says_that_the_server_is_away(
    told: None, page: Page, context: BrowserContext
) -> None:
    page.clock.install()
    page.goto("/")
    context.set_offline(True)
    page.clock.fast_forward(6_000)
    expect(page.get_by_role("status")).to_have_text(
        "The server does not answer. What is shown may have changed."
    )


def test_the_documentation_draws_itself_without_the_internet(told: None, page: Page) -> None:
    page.goto("/docs")
    expect(page.locator("[id^='operations-monitors-list_monitors']")).to_be_visible()
