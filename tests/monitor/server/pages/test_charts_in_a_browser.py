"""Charts that answer, and what is there where they cannot."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.support.browsing import violations

pytestmark = pytest.mark.xdist_group("chromium")

EVIDENCE = "Evidence of drift over 7 windows"
PATH = "/monitors/free-seats"


@pytest.fixture
def evidence(told: None, page: Page) -> Locator:
    """The chart of evidence, once it answers."""
    page.goto(PATH)
    chart = page.get_by_role("application", name=EVIDENCE)
    expect(chart).to_be_visible()
    return chart


@pytest.fixture
def plain(told: None, browser: Browser, address: str) -> Iterator[Page]:
    """A browser that runs no script."""
    context: BrowserContext = browser.new_context(base_url=address, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_the_window_under_the_pointer_tells_its_figures(evidence: Locator, page: Page) -> None:
    evidence.locator(".u-over").hover(position={"x": 1, "y": 20})
    expect(page.locator(".linked output").first).to_contain_text(
        "9 Mar 2020, 00:00: quiet, evidence 0.4 of 180, expected 3.1, realised 3, 0.2 % outliers"
    )


def test_a_click_leads_to_the_window_there(evidence: Locator, page: Page) -> None:
    evidence.locator(".u-over").click(position={"x": 1, "y": 20})
    expect(page.get_by_text("This is the window of 2020-03-09")).to_be_visible()


def test_the_keyboard_goes_from_window_to_window_and_opens_one(
    evidence: Locator, page: Page
) -> None:
    evidence.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".linked output").first).to_contain_text("11 Mar 2020")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is the window of 2020-03-11")).to_be_visible()


def test_a_closer_look_stays_until_it_is_ended(evidence: Locator, page: Page) -> None:
    evidence.focus()
    busy = page.locator(".linked[data-busy]")
    page.keyboard.press("+")
    expect(busy).to_have_count(1)
    page.keyboard.press("Escape")
    expect(busy).to_have_count(0)


def test_what_is_drawn_is_within_the_pages_policy(told: None, page: Page) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.goto(PATH)
    expect(page.locator(".answering canvas")).to_have_count(3)
    assert refused == []
    assert violations(page) == []


def test_another_scheme_draws_the_charts_anew(evidence: Locator, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".answering canvas")).to_have_count(3)
    expect(page.locator(".linked output")).to_have_count(3)


def test_without_scripts_the_servers_charts_lead_to_windows(plain: Page) -> None:
    plain.goto(PATH)
    expect(plain.get_by_role("img", name=EVIDENCE)).to_be_visible()
    plain.locator("a.place").nth(2).click()
    expect(plain.get_by_text("This is the window of 2020-03-11")).to_be_visible()


def test_paper_shows_what_the_server_drew(evidence: Locator, page: Page) -> None:
    page.emulate_media(media="print")
    expect(page.get_by_role("img", name=EVIDENCE)).to_be_visible()
    expect(evidence).to_be_hidden()


def test_a_page_that_has_not_changed_is_left_alone(told: None, page: Page) -> None:
    page.clock.install()
    page.goto(PATH)
    page.evaluate("document.querySelector('main h1').dataset.kept = 'yes'")
    with page.expect_response(lambda answer: answer.url.endswith(PATH)):
        page.clock.fast_forward(6_000)
    expect(page.locator("h1[data-kept]")).to_be_visible()
