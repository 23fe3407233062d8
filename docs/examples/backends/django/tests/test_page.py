"""Both pages in a real browser."""

import shutil
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from fakes import World
from playwright.sync_api import Page, Route, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
ROOM = "https://video.example/join/"


@pytest.fixture
def page(world: World, live_server: LiveServer) -> Iterator[Page]:  # noqa: ARG001  the fakes come first
    """Open the shared page as Ada. It may ask no other site, except for the room of a call."""

    def answer(route: Route) -> None:
        if route.request.url.startswith(live_server.url):
            route.continue_()
        else:
            assert route.request.url.startswith(ROOM)
            route.fulfill(body="The room")

    call_command("load_messages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        context.route("**", answer)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(f"{live_server.url}/login")
        yield page
        browser.close()


def test_template_opens_the_room_after_a_click(page: Page, live_server: LiveServer, world: World) -> None:
    page.goto(f"{live_server.url}/messages")
    expect(page.locator("#message-26").get_by_role("button")).to_have_accessible_description(
        "Video calls are not available on this channel."
    )
    with page.context.expect_page() as room:
        page.locator("#message-1").get_by_role("button").click()
    expect(room.value.get_by_text("The room")).to_be_visible()
    assert len(world.bridges) == len(world.replies) == 1


def test_shared_page_shows_the_link_or_the_reason(page: Page, world: World) -> None:
    expect(page.get_by_role("status")).to_have_text("500 messages")
    page.locator("#message-1").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The link was sent to the customer.")
    expect(page.locator("#message-1").get_by_role("link", name="Join")).to_be_visible()
    world.defer("case-2")
    page.locator("#message-2").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("You are not engaged with this customer right now.")
