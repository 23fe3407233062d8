"""The page in a real browser."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fakes import World
from httpx import Client
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
ROOM = "https://video.example/join/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Open the page as Ada. It may ask no other site, except for the room of a call."""

    def answer(route: Route) -> None:
        if route.request.url.startswith(site):
            route.continue_()
        else:
            assert route.request.url.startswith(ROOM)
            route.fulfill(body="The room")

    context = browser.new_context()
    context.route("**", answer)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(f"{site}/login")
    yield page
    context.close()


def row_of(page: Page, number: int) -> Locator:
    """Return the row of a message."""
    return page.locator(f"#message-{number}")


def test_shows_a_button_or_the_reason_for_each_message(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text("500 messages")
    assert page.locator("tbody tr").count() == 500
    assert page.get_by_role("button", disabled=False).count() == 180
    expect(row_of(page, 1).get_by_role("button", name="Start video call: customer-1")).to_be_enabled()
    denied = row_of(page, 26).get_by_role("button")
    expect(denied).to_be_disabled()
    expect(denied).to_have_accessible_description("Video calls are not available on this channel.")


def test_opens_the_room_after_a_click(page: Page) -> None:
    row_of(page, 1).get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The link was sent to the customer.")
    with page.context.expect_page() as room:
        row_of(page, 1).get_by_role("link", name="Join").click()
    expect(room.value.get_by_text("The room")).to_be_visible()
    assert room.value.url.startswith(ROOM)


def test_says_why_a_click_is_denied(page: Page, world: World) -> None:
    expect(page.get_by_role("status")).to_have_text("500 messages")
    world.defer("case-1")
    row_of(page, 1).get_by_role("button").click()
    expect(row_of(page, 1).get_by_role("button")).to_be_disabled()
    expect(page.get_by_role("status")).to_have_text("You are not engaged with this customer right now.")


def test_waits_for_a_call_that_another_click_creates(
    page: Page, world: World, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpdesk.app.WAIT", timedelta(0))
    world.creation.clear()
    with ThreadPoolExecutor() as threads:
        other = threads.submit(ada.post, "/api/messages/message-51/call")
        while not any(request.startswith("POST /rcvideo") for request in world.requests):
            page.wait_for_timeout(20)
        with page.expect_response(lambda response: response.status == 409):
            row_of(page, 1).get_by_role("button").click()
        expect(row_of(page, 1)).to_contain_text("The call is being created…")
        world.creation.set()
        expect(row_of(page, 1).get_by_role("link", name="Join")).to_be_visible()
    assert other.result().json()["outcome"] == "created"
    assert len(world.bridges) == 1


def test_says_when_to_try_again(page: Page, world: World) -> None:
    world.failures.append(("POST", "/rcvideo", 429, {"Retry-After": "7"}))
    row_of(page, 1).get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("No call was created. Please try again (7 s).")
    row_of(page, 1).get_by_role("button", name="Start video call").click()
    expect(row_of(page, 1).get_by_role("link", name="Join")).to_be_visible()


def test_offers_a_new_call_if_there_may_be_one(page: Page, world: World) -> None:
    world.failures.append(("POST", "/rcvideo", 500, {}))
    row_of(page, 1).get_by_role("button").click()
    row_of(page, 1).get_by_role("button", name="New call").click()
    expect(row_of(page, 1).get_by_role("link", name="Join")).to_be_visible()


def test_offers_the_call_of_the_open_message_again(page: Page) -> None:
    row_of(page, 1).get_by_role("button").click()
    expect(row_of(page, 1).get_by_role("link", name="Join")).to_be_visible()
    page.reload()
    expect(row_of(page, 1).get_by_role("link", name="Rejoin")).to_be_visible()


def test_speaks_french(browser: Browser, site: str) -> None:
    page = browser.new_context(locale="fr-FR", color_scheme="dark").new_page()
    page.goto(f"{site}/login")
    expect(row_of(page, 26)).to_contain_text("Les appels vidéo ne sont pas disponibles sur ce canal.")
    expect(row_of(page, 1).get_by_role("button", name="Passer en vidéo")).to_be_enabled()
    page.context.close()


def test_asks_for_a_login(browser: Browser, site: str) -> None:
    page = browser.new_context().new_page()
    page.goto(site)
    page.get_by_role("link", name="Please log in.").click()
    expect(page.get_by_role("status")).to_have_text("500 messages")
    page.context.close()
