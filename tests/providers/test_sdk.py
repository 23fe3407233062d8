"""The glue between RingCentral's SDK and the provider, as the page shows it, with the real SDK and a server on loopback."""

import asyncio
import doctest
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from types import ModuleType
from typing import Any, Final, cast
from urllib.parse import parse_qs

import pytest

from escalation_policy.exceptions import ProviderError, ProviderRejectedError, ProviderUnavailableError
from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, RingCentralVideo
from providers.callers import CALL, assert_silent
from providers.loopback import LINK, Action, Loopback, ReceivedRequest, Script, error_body, response, ringcentral

pytest.importorskip("ringcentral", reason="needs RingCentral's SDK")

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-ringcentral-sdk.md"
TOKEN_PATH: Final = "/restapi/oauth/token"  # noqa: S105  a path
SECRETS: Final = {"CLIENT_ID": "secret-id", "CLIENT_SECRET": "secret-app", "JWT": "secret-jwt"}


class Tokens:
    """Responds to requests for tokens with a new one each time, and to other requests if they have a valid token."""

    def __init__(self) -> None:
        self.count = 0
        self.rejected: set[str] = set()
        self.script: Callable[[], Script | None] = lambda: None

    def __call__(self, request: ReceivedRequest) -> Script:
        """Respond."""
        if request.path != TOKEN_PATH:
            token = request.headers["authorization"].removeprefix("Bearer ")
            return response(401, error_body("OAU-213")) if token in self.rejected else ringcentral(request)
        if script := self.script():
            return script
        self.count += 1
        access = {"access_token": f"secret-{self.count}", "token_type": "bearer", "expires_in": 3600}
        refresh = {"refresh_token": f"refresh-{self.count}", "refresh_token_expires_in": 604800}
        return response(200, {**access, **refresh})


def blocks(language: str) -> list[str]:
    """Return the page's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def tokens(server: Loopback) -> Tokens:
    """Let the server give out tokens."""
    tokens = Tokens()
    server.script = tokens
    return tokens


@pytest.fixture
def page(server: Loopback, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a module with the page's Python blocks."""
    monkeypatch.setenv("RINGCENTRAL_SERVER_URL", server.url)
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"RINGCENTRAL_{name}", value)
    module: Any = ModuleType("use_the_ringcentral_sdk")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks("python"):
        exec(compile(block, PAGE.name, "exec"), module.__dict__)  # noqa: S102
    yield module
    module.client.close()
    module.agents_client.close()


def grants(server: Loopback) -> list[dict[str, list[str]]]:
    """Return the forms of the requests for tokens."""
    return [parse_qs(request.content.decode()) for request in server.requests if request.path == TOKEN_PATH]


def paths(server: Loopback) -> list[str]:
    """Return the last part of each path, in order."""
    return [request.path.rpartition("/")[2] for request in server.requests]


def error_of(provider: RingCentralVideo) -> ProviderError:
    """Return the error of an attempt to create a call."""
    with pytest.raises(ProviderError) as caught:
        provider.create_call(CALL)
    assert_silent(caught.value)
    return caught.value


class TestSdkAuth:
    """The SDK gets the tokens, and the provider sends the requests."""

    def test_does_what_the_page_shows(self, page: Any) -> None:
        """Its sessions are doctests."""
        examples = doctest.DocTestParser().get_doctest("".join(blocks("pycon")), page.__dict__, PAGE.name, None, None)
        assert examples.examples
        assert 0 == doctest.DocTestRunner(verbose=False).run(examples).failed

    def test_logs_in_once_for_all_calls(self, server: Loopback, page: Any) -> None:
        """With the JWT. The token is used until it expires."""
        assert [LINK, LINK] == [page.provider.create_call(CALL).join_url for _ in range(2)]
        assert ["token", "bridges", "bridges"] == paths(server)
        assert ["secret-jwt"] == grants(server)[0]["assertion"]

    def test_logs_in_once_for_threads_that_click_at_once(self, server: Loopback, page: Any) -> None:
        """Others wait for the first."""
        barrier = Barrier(4)

        def click(_: int) -> str:
            barrier.wait()
            return str(page.provider.create_call(CALL).join_url)

        with ThreadPoolExecutor(4) as threads:
            assert [LINK] * 4 == list(threads.map(click, range(4)))
        assert 1 == paths(server).count("token")

    def test_renews_a_token_that_ringcentral_rejects(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """Once, and then it sends the request again."""
        tokens.rejected.add("secret-1")
        assert LINK == page.provider.create_call(CALL).join_url
        assert ["token", "bridges", "token", "bridges"] == paths(server)
        assert "secret-2" == page.auth.token(rejected="secret-1")

    def test_refreshes_the_token_of_an_agent_and_stores_it(self, server: Loopback, page: Any) -> None:
        """With the refresh token, which is new each time."""
        assert LINK == RingCentralVideo(page.agents_client).create_call(CALL).join_url
        assert [["refresh_token"], ["..."]] == [grants(server)[0][name] for name in ("grant_type", "refresh_token")]
        assert ("secret-1", "refresh-1") == (page.stored["access_token"], page.stored["refresh_token"])

    def test_without_a_token_has_sent_nothing(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """The SDK's error quotes the app's secret, so nothing of it is shown."""
        tokens.script = lambda: response(400, {"error": "invalid_grant"})
        error = error_of(page.provider)
        assert isinstance(error, ProviderUnavailableError)
        assert ("nothing was sent to RingCentral (ApiException)", ["token"]) == (str(error), paths(server))

    def test_does_not_hide_a_401_if_it_cannot_renew_the_token(
        self, server: Loopback, tokens: Tokens, page: Any
    ) -> None:
        """Nothing was created."""
        tokens.rejected.add("secret-1")
        tokens.script = lambda: None if tokens.count == 0 else response(400, {"error": "invalid_grant"})
        error = error_of(page.provider)
        assert isinstance(error, ProviderRejectedError)
        assert ("HTTP 401", ["token", "bridges", "token"]) == (error.code, paths(server))

    def test_ends_a_request_for_a_token_that_is_not_answered(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """By the time-outs of the page's client; the SDK's own would wait for ever."""
        page.TIMEOUTS = (0.1, 0.1)
        tokens.script = lambda: [Action.STALL]
        assert "nothing was sent to RingCentral (ApiException)" == str(error_of(page.provider))
        assert ["token"] == paths(server)

    def test_ends_with_the_deadline_if_a_token_trickles(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """No time-out of the SDK's ends that."""
        tokens.script = lambda: [b"HTTP/1.1 200", Action.TRICKLE]
        error = error_of(RingCentralVideo(page.client, timeout=timedelta(seconds=0.2)))
        assert isinstance(error, ProviderUnavailableError)
        assert "nothing was sent to RingCentral (not within 0.2 s)" == str(error)

    def test_does_not_block_an_event_loop(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """RingCentral answers only after another task has run, and rejects the first token."""
        has_run, requested = Event(), Event()
        tokens.rejected.add("secret-1")

        def wait() -> None:
            requested.set()
            assert has_run.wait(5)

        tokens.script = wait

        async def run_another_task() -> None:
            await asyncio.to_thread(requested.wait, 5)
            has_run.set()

        async def run() -> str:
            provider = cast("AsyncRingCentralVideo", page.async_provider)
            call, _ = await asyncio.gather(provider.create_call(CALL), run_another_task())
            await page.async_client.aclose()
            return call.join_url

        assert LINK == asyncio.run(run())
        assert ["token", "bridges", "token", "bridges"] == paths(server)


class TestSdk:
    """What the page says about the SDK is so. If this fails, a gap is closed and the page can be shorter."""

    def test_sends_requests_without_timeouts(self, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """It passes none."""
        sent_with: list[dict[str, Any]] = []

        def send(_session: object, _request: object, **options: Any) -> None:
            sent_with.append(options)

        monkeypatch.setattr(page.requests.Session, "send", send)
        page.Client().load_response(None)
        assert [{}] == sent_with

    def test_refreshes_twice_if_two_threads_need_a_token(self, server: Loopback, tokens: Tokens, page: Any) -> None:
        """With the same refresh token."""
        barrier = Barrier(2)
        tokens.script = lambda: cast("None", barrier.wait(5) and None)
        with ThreadPoolExecutor(2) as threads:
            for job in [threads.submit(page.agents_platform.get, "/restapi/v1.0/account/~") for _ in range(2)]:
                job.result()
        assert [["..."], ["..."]] == [form["refresh_token"] for form in grants(server)]

    def test_quotes_the_secret_of_the_app_in_its_error(self, tokens: Tokens, page: Any) -> None:
        """Encoded as in the header."""
        tokens.script = lambda: response(400, {"error": "invalid_grant"})
        with pytest.raises(Exception, match=r"Authorization.*Basic c2VjcmV0LWlkOnNlY3JldC1hcHA="):
            page.platform.login(jwt="secret-jwt")
