"""Outcomes if only the head of a response arrives, if a transport repeats requests, and if a client is closed."""

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
    """Return a response whose body begins and does not end."""
    head, _ = response(status, Content_Length="100", **headers)
    return [head, b'{"errorCode":', *end]


def shorten_timeout(response: httpx.Response) -> None:
    """Stop waiting as soon as the head of a response arrives."""
    response.request.extensions["timeout"]["read"] = 0.01


@both
@pytest.mark.parametrize("end", [[], [Action.RESET], [Action.STALL]], ids=["closed", "reset", "stalled"])
class TestPartialResponse:
    """Its status and its headers count. Only a response with a bridge needs its body."""

    @pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
    def test_is_a_refusal_without_a_code(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int
    ) -> None:
        """Nothing was created, regardless of the rest of the body."""
        server.script = lambda _: half_response(status, end)
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderRejectedError)
        assert str(error).startswith(f"RingCentral answered {status}: ")
        assert (f"HTTP {status}", ["POST"]) == (error.code, server.methods())

    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_says_how_long_to_wait(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int
    ) -> None:
        """In a header."""
        server.script = lambda _: half_response(status, end, Retry_After="45")
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderUnavailableError)
        assert (f"RingCentral answered {status}: not now", timedelta(seconds=45)) == (str(error), error.retry_after)

    @pytest.mark.parametrize(
        ("status", "text"), [(500, "answered 500"), (201, "no answer did"), (200, "no answer did")]
    )
    def test_leaves_the_outcome_unknown_otherwise(
        self, server: Loopback, caller: Caller, end: list[bytes | Action], status: int, text: str
    ) -> None:
        """There may be a bridge."""
        server.script = lambda _: half_response(status, end)
        error = error_of(caller, server.url, **with_hook(shorten_timeout, "response", caller))
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert text in str(error)

    def test_says_that_a_bridge_is_gone(self, server: Loopback, caller: Caller, end: list[bytes | Action]) -> None:
        """The next click creates another one."""
        server.script = lambda _: half_response(404, end)
        assert False is caller(server.url, **with_hook(shorten_timeout, "response", caller)).is_open(BRIDGE_CALL)


class Repeating(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Repeats a request after a cut connection, as transports of other packages do, but to an address without a server."""

    def __init__(self) -> None:
        self._closed = httpx.URL(a_closed_port())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request at most twice."""
        with httpx.HTTPTransport(verify=False) as transport:
            try:
                return transport.handle_request(request)
            except httpx.TransportError:
                request.url = self._closed
                return transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request at most twice."""
        async with httpx.AsyncHTTPTransport(verify=False) as transport:
            try:
                return await transport.handle_async_request(request)
            except httpx.TransportError:
                request.url = self._closed
                return await transport.handle_async_request(request)


@both
class TestTransportThatRepeats:
    """It hides the outcome of its first attempt, but not that there was one."""

    def test_leaves_the_outcome_unknown_if_its_last_attempt_cannot_connect(
        self, server: Loopback, caller: Caller
    ) -> None:
        """The first attempt arrived: it may have created a bridge, and another click must not create a second."""
        server.script = lambda _: []
        error = error_of(caller, server.url, transport=Repeating())
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert ("the request may have arrived, but no answer did (ConnectError)", ["POST"]) == (
            str(error),
            server.methods(),
        )


class TestClosedClient:
    """It sends nothing, and never will."""

    MESSAGE = (
        "the client cannot send this (the client is closed); the developer fixes its base_url or its headers, or keeps it "
        "open"
    )

    def test_is_rejected(self, server: Loopback) -> None:
        """By every function."""
        with client(server.url) as closed:
            provider = RingCentralVideo(closed)
        with pytest.raises(ProviderRejectedError) as caught:
            provider.create_call(CALL)
        assert (self.MESSAGE, None) == (str(caught.value), caught.value.code)
        assert_silent(caught.value)
        with pytest.raises(ProviderRejectedError, match="the client is closed"):
            ringcentral_user(closed)
        assert (None, []) == (provider.is_open(BRIDGE_CALL), server.requests)

    def test_is_rejected_in_asyncio(self, server: Loopback) -> None:
        """For example after a test's or a request's own `async with`."""

        async def create() -> None:
            async with httpx.AsyncClient(base_url=server.url, **options()) as closed:
                provider = AsyncRingCentralVideo(closed)
            await provider.create_call(CALL)

        with pytest.raises(ProviderRejectedError) as caught:
            asyncio.run(create())
        assert ((self.MESSAGE, None), []) == ((str(caught.value), caught.value.code), server.requests)
