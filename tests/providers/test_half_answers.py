"""What is known where only the head of an answer came, where a transport repeats, and where a client is closed."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from escalation_policy.exceptions import (
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, RingCentralVideo, ringcentral_user
from providers.callers import CALL, Caller, assert_silent, both, client, options
from providers.loopback import Action, Loopback, Script, response
from providers.test_faults import a_closed_port, error_of, with_hook
from providers.test_ringcentral import BRIDGE_CALL


def half_response(status: int, end: list[bytes | Action], **headers: str) -> Script:
    """Lays out an answer of which the body begins, and does not end."""
    head, _ = response(status, Content_Length="100", **headers)
    return [head, b'{"errorCode":', *end]


def shorten_timeout(response: httpx.Response) -> None:
    """Waits no longer, now that the head of an answer is there."""
    response.request.extensions["timeout"]["read"] = 0.01


@both
@pytest.mark.parametrize("end", [[], [Action.RESET], [Action.STALL]], ids=["closed", "reset", "stalled"])
class TestHalfAnAnswer:
    """Its status and its headers count. Only what tells of a bridge has to be read."""

    @pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
    def test_is_a_refusal_without_a_code(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int
    ) -> None:
        """Nothing was made, whatever else it was going to say."""
        server.script = lambda _: half_response(status, end)
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderRejectedError)
        assert str(error).startswith(f"RingCentral answered {status}: ")
        assert (f"HTTP {status}", ["POST"]) == (error.code, server.methods())

    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_says_when_to_come_again(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int
    ) -> None:
        """In a header."""
        server.script = lambda _: half_response(status, end, Retry_After="45")
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderUnavailableError)
        assert (f"RingCentral answered {status}: not now", timedelta(seconds=45)) == (str(error), error.retry_after)

    @pytest.mark.parametrize(
        ("status", "told"), [(500, "answered 500"), (201, "no answer did"), (200, "no answer did")]
    )
    def test_leaves_the_outcome_unknown_otherwise(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int, told: str
    ) -> None:
        """A bridge may be there."""
        server.script = lambda _: half_response(status, end)
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert told in str(error)

    def test_says_that_a_bridge_is_gone(self, server: Loopback, caller: Caller, end: list[bytes | Action]) -> None:
        """The next click makes another."""
        server.script = lambda _: half_response(404, end)
        assert False is caller(server.url, **with_hook(shorten_timeout, "response", caller)).is_open(BRIDGE_CALL)


class Repeating(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends a request again where it was cut, as transports of other packages do; this one, to where nobody listens."""

    def __init__(self) -> None:
        self._closed = httpx.URL(a_closed_port())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Tries twice."""
        with httpx.HTTPTransport(verify=False) as each:
            try:
                return each.handle_request(request)
            except httpx.TransportError:
                request.url = self._closed
                return each.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Tries twice."""
        async with httpx.AsyncHTTPTransport(verify=False) as each:
            try:
                return await each.handle_async_request(request)
            except httpx.TransportError:
                request.url = self._closed
                return await each.handle_async_request(request)


@both
class TestATransportThatRepeats:
    """It hides what came of its first attempt, but not that there was one."""

    def test_leaves_the_outcome_unknown_where_its_last_attempt_leads_nowhere(
        self, server: Loopback, caller: Caller
    ) -> None:
        """The first one came: a bridge may have been made, and another click may not make a second."""
        server.script = lambda _: []
        error = error_of(caller, server.url, transport=Repeating())
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert ("the request may have arrived, but no answer did (ConnectError)", ["POST"]) == (
            str(error),
            server.methods(),
        )


class TestAClosedClient:
    """It sends nothing, and will not when it is request again."""

    TOLD = (
        "the client cannot send this (the client is closed); the developer fixes its base_url or its headers, or keeps it "
        "open"
    )

    def test_is_rejected(self, server: Loopback) -> None:
        """Whatever is request."""
        with client(server.url) as closed:
            provider = RingCentralVideo(closed)
        with pytest.raises(ProviderRejectedError) as caught:
            provider.create_call(CALL)
        assert (self.TOLD, None) == (str(caught.value), caught.value.code)
        assert_silent(caught.value)
        with pytest.raises(ProviderRejectedError, match="the client is closed"):
            ringcentral_user(closed)
        assert (None, []) == (provider.is_open(BRIDGE_CALL), server.requests)

    def test_is_rejected_in_asyncio_too(self, server: Loopback) -> None:
        """As in a test's or a request's own `async with`."""

        async def creating() -> None:
            async with httpx.AsyncClient(base_url=server.url, **options()) as closed:
                provider = AsyncRingCentralVideo(closed)
            await provider.create_call(CALL)

        with pytest.raises(ProviderRejectedError) as caught:
            asyncio.run(creating())
        assert ((self.TOLD, None), []) == ((str(caught.value), caught.value.code), server.requests)
