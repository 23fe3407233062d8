"""Faults of the network, of httpx and of the host's client, and the outcome of each."""

import json
import logging
import socket
from collections.abc import Generator, Iterator
from typing import Any

import httpx
import pytest

from escalation_policy.exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from providers.callers import IMPATIENT, TOKEN, Caller, SyncCaller, assert_silent, both
from providers.loopback import BRIDGE, Action, Loopback, Script, a_bridge, error_body, response

HEAD, BODY = response(201, a_bridge())
HALF = str(json.dumps(a_bridge()))[:100].encode()


def error_of(caller: Caller, url: str, **changes: Any) -> ProviderError:
    """Return the error of an attempt to create a call."""
    with pytest.raises(ProviderError) as caught:
        caller(url, **changes).create_call()
    assert_silent(caught.value)
    return caught.value


def a_closed_port() -> str:
    """Return an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


@both
class TestNetwork:
    """Before the request is sent, nothing can have been created; after that, nobody knows."""

    def test_failure_to_connect_is_unavailable(self, caller: Caller) -> None:
        """The host may try again at once."""
        error = error_of(caller, a_closed_port())
        assert isinstance(error, ProviderUnavailableError)
        assert ("nothing was sent to RingCentral (ConnectError)", None) == (str(error), error.retry_after)

    @pytest.mark.parametrize("script", [[b""], [Action.RESET]], ids=["closed", "reset"])
    def test_cut_during_the_request_leaves_the_outcome_unknown(
        self, server: Loopback, caller: Caller, script: Script
    ) -> None:
        """The client cannot know how much of its request was read."""
        server.on_connect = script
        error = error_of(caller, server.url)
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert str(error).startswith("the request may have arrived, but no answer did (")

    @pytest.mark.parametrize("end", [[], [Action.RESET]], ids=["closed", "reset"])
    @pytest.mark.parametrize(
        "start",
        [[], [b"HTTP/1.1 201 Cre"], [b"HTTP/1.1 201 Created\r\nContent-Type: app"], [HEAD], [HEAD, HALF]],
        ids=["before the answer", "in the status", "in a header", "before the body", "in the body"],
    )
    def test_cut_during_the_response_leaves_the_outcome_unknown(
        self, server: Loopback, caller: Caller, start: list[bytes | Action], end: list[bytes | Action]
    ) -> None:
        """The request arrived, once."""
        server.script = lambda _: [*start, *end]
        error = error_of(caller, server.url)
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert (None, ["POST"]) == (error.call_id, server.methods())

    @pytest.mark.parametrize(
        "start",
        [[], [b"HTTP/1.1 201 Created\r\nContent-Type: app"], [HEAD], [HEAD, HALF]],
        ids=["no answer", "slow headers", "no body", "slow body"],
    )
    def test_time_out_leaves_the_outcome_unknown(
        self, server: Loopback, caller: Caller, start: list[bytes | Action]
    ) -> None:
        """The request arrived, once."""
        server.script = lambda _: [*start, Action.STALL]
        error = error_of(caller, server.url, timeout=IMPATIENT)
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert "the request may have arrived, but no answer did (ReadTimeout)" == str(error)
        assert ["POST"] == server.methods()

    @pytest.mark.parametrize(
        "script",
        [
            [b"220 mail.example ready\r\n\r\n"],
            [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"],
            [b"HTTP/1.1 101 Switching Protocols\r\n\r\n"],
            response(302, Location="http://a:b"),
        ],
        ids=["no HTTP", "no chunk", "another protocol", "a redirect to no address"],
    )
    def test_nonsense_leaves_the_outcome_unknown(self, server: Loopback, caller: Caller, script: Script) -> None:
        """It may be the response to a request that the server understood."""
        server.script = lambda _: script
        assert isinstance(error_of(caller, server.url), ProviderOutcomeUnknownError)
        assert ["POST"] == server.methods()

    def test_only_the_first_of_several_responses_counts(self, server: Loopback, caller: Caller) -> None:
        """Only the first one is read."""
        server.script = lambda _: [*response(403), *response(201, a_bridge())]
        assert isinstance(error_of(caller, server.url), ProviderRejectedError)


def classes(cls: type[Exception]) -> Iterator[type[Exception]]:
    """Yield a class and all its subclasses."""
    yield cls
    for subclass in cls.__subclasses__():
        yield from classes(subclass)


UNKNOWN, UNAVAILABLE, REJECTED = ProviderOutcomeUnknownError, ProviderUnavailableError, ProviderRejectedError
#: What each error of httpx says about its request. UNAVAILABLE holds only if nobody read the body.
OUTCOMES: dict[str, type[ProviderError]] = {
    "HTTPError": UNKNOWN,
    "HTTPStatusError": REJECTED,  # the status is in it
    "RequestError": UNKNOWN,
    "DecodingError": UNKNOWN,
    "TooManyRedirects": UNKNOWN,
    "TransportError": UNKNOWN,
    "ProxyError": UNAVAILABLE,  # no tunnel was opened
    "UnsupportedProtocol": REJECTED,
    "ProtocolError": UNKNOWN,
    "LocalProtocolError": UNKNOWN,  # but see below
    "RemoteProtocolError": UNKNOWN,
    "TimeoutException": UNKNOWN,
    "ConnectTimeout": UNAVAILABLE,
    "PoolTimeout": UNAVAILABLE,
    "ReadTimeout": UNKNOWN,
    "WriteTimeout": UNKNOWN,
    "NetworkError": UNKNOWN,
    "ConnectError": UNAVAILABLE,
    "ReadError": UNKNOWN,
    "WriteError": UNKNOWN,
    "CloseError": UNKNOWN,
}


class Raising(httpx.BaseTransport):
    """Raises an error, after or before it reads the body of the request."""

    def __init__(self, name: str, *, reads: bool = True) -> None:
        self._cls: Any = getattr(httpx, name, None) or {"ValueError": ValueError}[name]
        self._reads = reads

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raise an error whose message contains secrets."""
        if self._reads:
            request.read()
        if self._cls is httpx.HTTPStatusError:
            response = httpx.Response(403, json=error_body("CMN-408"), request=request)
            raise httpx.HTTPStatusError(f"403 for {request.url}", request=request, response=response)
        raise self._cls(f"{TOKEN} {request.url}")


class TestErrorsOfHttpx:
    """Each class of httpx's tree says whether the request may have arrived. Somebody has to think about a new one."""

    def test_are_all_in_the_table(self) -> None:
        """This fails when httpx gets another one."""
        assert set(OUTCOMES) == {cls.__name__ for cls in classes(httpx.HTTPError)}

    @pytest.mark.parametrize("reads", [True, False], ids=["after the body", "before the body"])
    @pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items(), ids=list(OUTCOMES))
    def test_have_an_outcome(self, name: str, outcome: type[ProviderError], *, reads: bool) -> None:
        """Before the body is read, two of them say more; after that, four of them say less."""
        late = UNKNOWN if outcome is UNAVAILABLE else outcome
        expected = late if reads else {"LocalProtocolError": REJECTED, "HTTPError": UNAVAILABLE}.get(name, outcome)
        error = error_of(SyncCaller, "https://a.example", transport=Raising(name, reads=reads))
        assert expected is type(error)
        assert name in str(error) or name == "HTTPStatusError"

    def test_of_other_packages_leave_the_outcome_unknown(self) -> None:
        """A transport of the host's can raise anything."""
        error = error_of(SyncCaller, "https://a.example", transport=Raising("ValueError"))
        assert (UNKNOWN, "the request may have arrived, but no answer did (ValueError)") == (type(error), str(error))


class Fetching(httpx.Auth):
    """An auth that gets a token from another address: before the request, or after its response."""

    def __init__(self, url: str, *, after: bool = False) -> None:
        self._url = url
        self._after = after

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Request a token, and raise an error if the response has an error status."""
        if self._after:
            yield request
        response = yield httpx.Request("POST", self._url, content=TOKEN, extensions=request.extensions)
        response.raise_for_status()
        yield request


def with_hook(hook: Any, when: str, caller: Caller) -> dict[str, Any]:
    """Return the arguments of a client with an event hook, sync or async."""

    async def later(subject: Any) -> None:
        hook(subject)

    return {"event_hooks": {when: [hook if caller is SyncCaller else later]}}


def fail(_: object) -> None:
    """Raise an error, as a host's hook with a bug does."""
    raise LookupError(TOKEN)


@both
class TestClient:
    """It is the host's, and its hooks, auth and headers can fail too."""

    @pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "127.0.0.1"])
    def test_without_an_address_is_rejected(self, caller: Caller, url: str) -> None:
        """Trying again does not help."""
        error = error_of(caller, url)
        assert isinstance(error, ProviderRejectedError)
        wrong = "the client cannot send this (UnsupportedProtocol)"
        mending = "the developer fixes its base_url or its headers, or keeps it open"
        assert (f"{wrong}; {mending}", None) == (str(error), error.code)

    def test_with_a_token_that_no_header_can_hold_is_rejected(self, server: Loopback, caller: Caller) -> None:
        """For example a token from a file, with a newline. httpx quotes it in its error."""
        error = error_of(caller, server.url, headers={"Authorization": f"Bearer {TOKEN}\n"})
        assert isinstance(error, ProviderRejectedError)
        assert str(error).startswith("the client cannot send this (LocalProtocolError)")
        assert [] == server.requests

    def test_that_cannot_get_a_token_has_sent_nothing(self, server: Loopback, caller: Caller) -> None:
        """The token's address cannot be reached, responds with an error, or does not respond."""
        with Loopback(lambda _: response(400)) as other:
            for url in (a_closed_port(), other.url):
                error = error_of(caller, server.url, auth=Fetching(url))
                assert isinstance(error, ProviderUnavailableError)
            other.script = lambda _: [Action.STALL]
            error = error_of(caller, server.url, auth=Fetching(other.url), timeout=IMPATIENT)
            assert ("nothing was sent to RingCentral (ReadTimeout)", []) == (str(error), server.requests)

    def test_that_fails_after_the_response_leaves_the_outcome_unknown(self, server: Loopback, caller: Caller) -> None:
        """Although the error alone would say that nothing was sent."""
        error = error_of(caller, server.url, auth=Fetching(a_closed_port(), after=True))
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert ("the request may have arrived, but no answer did (ConnectError)", ["POST"]) == (
            str(error),
            server.methods(),
        )

    @pytest.mark.parametrize(
        ("status", "outcome"), [(401, REJECTED), (403, REJECTED), (429, UNAVAILABLE), (302, REJECTED), (500, UNKNOWN)]
    )
    def test_that_fails_after_a_refusal_does_not_hide_it(
        self, server: Loopback, caller: Caller, status: int, outcome: type[ProviderError]
    ) -> None:
        """For example an auth that cannot renew a token after a 401: nothing was created."""
        server.script = lambda _: response(status, Location="/")
        error = error_of(caller, server.url, auth=Fetching(a_closed_port(), after=True))
        assert outcome is type(error)
        assert str(error).startswith(f"RingCentral answered {status}")
        assert ["POST"] == server.methods()

    @pytest.mark.parametrize("copies", [False, True], ids=["the same", "a copy"])
    def test_that_fails_after_it_sent_the_request_again_leaves_the_outcome_unknown(
        self, server: Loopback, caller: Caller, *, copies: bool
    ) -> None:
        """What RingCentral said to the first attempt says nothing about the second."""

        class Repeating(httpx.Auth):
            requires_request_body = True

            def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                yield request
                again = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
                yield again if copies else request

        server.script = lambda _: response(401) if len(server.requests) == 1 else []
        error = error_of(caller, server.url, auth=Repeating())
        assert UNKNOWN is type(error)
        assert ["POST", "POST"] == server.methods()

    def test_whose_auth_makes_no_request_has_sent_nothing(self, server: Loopback, caller: Caller) -> None:
        """Nobody read the body."""

        class Mistaken(httpx.Auth):
            def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                raise httpx.ReadTimeout(TOKEN)
                yield request

        error = error_of(caller, server.url, auth=Mistaken())
        assert ("nothing was sent to RingCentral (ReadTimeout)", []) == (str(error), server.requests)

    def test_whose_auth_has_an_invalid_address_has_sent_nothing(self, server: Loopback, caller: Caller) -> None:
        """The error of httpx is `InvalidURL`, which is not an `HTTPError`."""
        error = error_of(caller, server.url, auth=Fetching("http://a:b"))
        assert isinstance(error, ProviderRejectedError)
        assert [] == server.requests

    @pytest.mark.parametrize(
        ("status", "outcome"), [(403, REJECTED), (429, UNAVAILABLE), (302, REJECTED), (500, UNKNOWN)]
    )
    def test_may_raise_for_status(
        self, server: Loopback, caller: Caller, status: int, outcome: type[ProviderError]
    ) -> None:
        """Many clients have such a hook. The status counts as it does without the hook."""
        server.script = lambda _: response(status, Location="/")
        error = error_of(caller, server.url, **with_hook(httpx.Response.raise_for_status, "response", caller))
        assert isinstance(error, outcome)
        assert str(error).startswith(f"RingCentral answered {status}")

    def test_may_have_hooks_that_fail(self, server: Loopback, caller: Caller) -> None:
        """Before the request is sent, and after the response."""
        assert isinstance(error_of(caller, server.url, **with_hook(fail, "request", caller)), ProviderUnavailableError)
        assert [] == server.requests
        assert isinstance(
            error_of(caller, server.url, **with_hook(fail, "response", caller)), ProviderOutcomeUnknownError
        )
        assert ["POST"] == server.methods()


@both
class TestLogs:
    """The library logs nothing here. httpx does."""

    def test_come_from_httpx_only(self, server: Loopback, caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
        """The documentation says so, and that its lines contain ids."""
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.INFO, logger="httpx")
        server.script = lambda request: (
            response(201, a_bridge(discovery=None)) if request.method == "POST" else response(500)
        )
        error_of(caller, server.url)
        assert [] == [line for line in caplog.records if line.name.startswith("escalation_policy")]
        lines = [line.getMessage() for line in caplog.records if line.name == "httpx" and line.levelno == logging.INFO]
        assert [server.requests[0].path in lines[0], BRIDGE in lines[1]] == [True, True]
        assert TOKEN not in caplog.text
