"""Run exchanges over httpx: send each request once, and find out how far it got if there is no response.

One deadline bounds a whole exchange: waiting for connections, the host's auth, and all requests with their responses. httpx
itself bounds single steps, so a server that sends a byte now and then would hold a request for ever.

Exceptions of httpx are dropped, not chained: one of them quotes the token, others the URL, and all hold the request.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeVar, cast, final

import httpx

from .._fields import figure_of, kind_of, require
from .._threads import start_in_thread
from ..exceptions import Fault, InvalidValueError
from .messages import Delivery, Exchange, Failure, Request, Response, T

C = TypeVar("C", httpx.Client, httpx.AsyncClient)
_LONGEST_TIMEOUT: Final = timedelta(days=1)
#: How many threads of a sender may be stuck before it sends nothing more.
_MOST_STUCK: Final = 32
#: An attempt that ends in one of these ends before anything is sent.
_BEFORE_SENDING: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_CLOSED: Final = Failure("the client is closed", Delivery.IMPOSSIBLE)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


def checked_timeout(timeout: timedelta) -> timedelta:
    """Return the timeout of an exchange.

    Raises:
        InvalidValueError: It is not a timedelta, or it is too short or too long.
    """
    is_timedelta = isinstance(timeout, timedelta)  # pyright: ignore[reportUnnecessaryIsInstance]
    is_accepted = is_timedelta and timedelta(0) < timeout <= _LONGEST_TIMEOUT
    accepted = f"{'' if is_timedelta else 'a timedelta '}between 1 µs and 1 day"
    require(is_accepted, "timeout", figure_of(timeout), accepted)
    return timeout


def checked_client(client: C, cls: type[C]) -> C:
    """Return a client that sends its token encrypted, or does not send it to another machine.

    Raises:
        InvalidValueError: The client's `base_url` begins with http, and its host is not this machine.
        TypeError: The client is of another class.
    """
    if not isinstance(client, cls):  # pyright: ignore[reportUnnecessaryIsInstance]
        classes = "sync code takes an httpx.Client, async code an httpx.AsyncClient"
        raise TypeError(f"client must be an httpx.{cls.__name__}, got {kind_of(client)}: {classes}")
    url = client.base_url
    if url.scheme == "http" and not _is_loopback(url.host):
        accepted = "a URL that begins with https, or the address of a server on loopback"
        problem = "begins with http, so the token would be sent unencrypted: use https"
        raise InvalidValueError(Fault("client.base_url", problem, found="an http URL", accepted=accepted))
    return client


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@final
class Sender:
    """Runs exchanges over a client, each request in a thread of its own, which is given up at the deadline.

    These threads are daemons, so none keeps the interpreter from exiting. A thread that was given up ends with its request,
    or with the next time-out of httpx. If 32 are stuck nevertheless, the sender sends nothing until one of them ends.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client: Final = client
        self._stuck: Final[set[Future[Any]]] = set()

    def run(self, exchange: Exchange[T], timeout: timedelta) -> T:
        """Send all requests of an exchange within a time and return its result."""
        deadline = Deadline(timeout)
        try:
            request = next(exchange)
            while True:
                request = exchange.send(self.send(request, deadline))
        except StopIteration as end:
            return cast("T", end.value)

    def send(self, request: Request, deadline: "Deadline") -> Response | Failure:
        """Send one request."""
        if self._client.is_closed:
            return _CLOSED
        if len(self._stuck) >= _MOST_STUCK:
            return Failure(f"{_MOST_STUCK} earlier requests are stuck", Delivery.NOT_SENT)
        attempt = _Attempt(_SyncBody(request.body), deadline, request.most_bytes)
        if not deadline.remaining:
            return attempt.give_up(deadline.cause)
        try:
            job = start_in_thread(partial(_receive, self._client, request, attempt))
            try:
                return job.result(deadline.remaining)
            except TimeoutError:
                self._stuck.add(job)
                job.add_done_callback(self._stuck.discard)
                return attempt.give_up(deadline.cause)
        except RuntimeError as error:  # no thread was started
            return Failure(type(error).__name__, Delivery.NOT_SENT)
        except BaseException:  # something interrupts this thread, so nobody waits for the job any more
            attempt.give_up(deadline.cause)
            raise


@final
class AsyncSender:
    """Runs exchanges over an async client, in the task of the caller."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client: Final = client

    async def run(self, exchange: Exchange[T], timeout: timedelta) -> T:  # noqa: ASYNC109  also of sync code
        """Send all requests of an exchange within a time and return its result.

        Raises:
            asyncio.CancelledError: The task was cancelled. If nothing of a POST was sent, or it was refused, the exchange learns
                this instead, so that the caller does too.
        """
        deadline = Deadline(timeout)
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self.send(request, deadline))
        except StopIteration as end:
            return cast("T", end.value)

    async def send(self, request: Request, deadline: "Deadline") -> Response | Failure:
        """Send one request. For cancellation, see `run()`."""
        if self._client.is_closed:
            return _CLOSED
        attempt = _Attempt(_AsyncBody(request.body), deadline, request.most_bytes)
        if not deadline.remaining:
            return attempt.give_up(deadline.cause)
        try:
            async with asyncio.timeout(deadline.remaining):
                return await _receive_async(self._client, request, attempt)
        except TimeoutError:
            return attempt.give_up(deadline.cause)
        except asyncio.CancelledError as error:
            outcome = attempt.give_up(type(error).__name__)
            is_certain = isinstance(outcome, Response) or outcome.delivery is Delivery.NOT_SENT
            if not (request.method == "POST" and is_certain):
                raise
        return outcome


@final
class Deadline:
    """The time at which one or more requests are given up."""

    def __init__(self, timeout: timedelta) -> None:
        self.seconds: Final = timeout.total_seconds()
        self.cause: Final = f"not within {self.seconds:g} s"
        self._end: Final = monotonic() + self.seconds

    @property
    def remaining(self) -> float:
        """The seconds until then. 0 if it has passed."""
        return max(0.0, self._end - monotonic())

    def lower(self, timeout: httpx.Timeout) -> httpx.Timeout:
        """Return a client's time-outs of single steps, none longer than the whole time: a thread that was given up must end."""
        steps = timeout.as_dict().items()
        return httpx.Timeout(
            **{step: self.seconds if time is None else min(time, self.seconds) for step, time in steps}
        )


class _Body:
    """A request's body that notes when somebody begins to read it. Before that, nothing was sent."""

    def __init__(self, content: bytes | None) -> None:
        self.content: Final = content
        self._lock: Final = Lock()
        self._is_closed = False
        self.is_read = False

    def close(self) -> None:
        """Let nobody begin to read it any more."""
        with self._lock:
            self._is_closed = True

    def _read(self) -> bytes:
        with self._lock:
            if self._is_closed:
                raise _GivenUpError
            self.is_read = True
        return self.content or b""


class _GivenUpError(Exception):
    """Nobody waits for the request any more, so it must not be sent."""


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        yield self._read()


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._read()


@final
class _Attempt:
    """One attempt to send a request: httpx's objects as far as they exist, and what arrived of the response's body."""

    def __init__(self, body: _Body, deadline: Deadline, most_bytes: int) -> None:
        self._body: Final = body
        self._most_bytes: Final = most_bytes
        self._deadline: Final = deadline
        self._content: Final = bytearray()
        self._request: httpx.Request | None = None
        self.response: httpx.Response | None = None
        self._is_given_up = False

    def build(self, client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
        """Build httpx's request."""
        options: dict[str, Any] = {"headers": _HEADERS, "timeout": self._deadline.lower(client.timeout)}
        if self._body.content is not None:
            # Without its length, httpx would send the body in chunks, which not every server reads.
            fields = {"Content-Type": "application/json", "Content-Length": str(len(self._body.content))}
            options |= {"headers": _HEADERS | fields, "content": self._body}
        self._request = client.build_request(request.method, request.path, **options)
        return self._request

    def watch(self, client: httpx.Client | httpx.AsyncClient) -> dict[str, Any]:
        """Return the option that lets this attempt see each response before the client's auth goes on."""
        return {} if client.auth is None else {"auth": _WatchedAuth(client.auth, self)}

    def note_request(self, request: httpx.Request) -> None:
        """Note that an auth sends a request. If it is this one again, the response to the first says nothing any more.

        Raises:
            _GivenUpError: Nobody waits any more.
        """
        if self._is_given_up:
            raise _GivenUpError
        if self._is_own(request):
            self.response = None

    def note_response(self, response: httpx.Response) -> None:
        """Note a response, unless it is the response to another request, such as an auth's."""
        if self._is_own(response.request):
            self.response = response

    def _is_own(self, request: httpx.Request) -> bool:
        # An auth may send a copy.
        return self._request is not None and request.url == self._request.url

    def add(self, chunk: bytes) -> bool:
        """Add a chunk of the response's body. Return whether the rest is worth reading."""
        self._content.extend(chunk)
        return len(self._content) <= self._most_bytes and not self._is_given_up

    def give_up(self, cause: str) -> Response | Failure:
        """Let nothing more be sent. Return the response if it says enough without its body, or else the failure."""
        self._is_given_up = True
        self._body.close()
        is_sent = self._body.is_read or (self._request is not None and self._body.content is None)
        return self._refusal() or Failure(cause, Delivery.POSSIBLE if is_sent else Delivery.NOT_SENT)

    def result(self, response: httpx.Response) -> Response:
        """Return the response, with its body if that is complete, short and not compressed."""
        is_readable = _is_plain(response) and len(self._content) <= self._most_bytes
        return _response(response, bytes(self._content) if is_readable else None)

    def result_of(self, error: Exception) -> Response | Failure:
        """Return the response that arrived before an exception, or else the failure."""
        if refusal := self._refusal():
            return refusal
        # A host's event hook may call `raise_for_status()`. Then there is a response.
        if isinstance(error, httpx.HTTPStatusError) and self._concerns(error):
            return _response(error.response, None)
        return Failure(type(error).__name__, self._delivery(error))

    def _refusal(self) -> Response | None:
        # The status of a redirection or an error says enough without a body that is late or cut off.
        if self.response is None or self.response.status_code < 300:
            return None
        return _response(self.response, None)

    def _delivery(self, error: Exception) -> Delivery:
        # Any other exception comes from the host's event hook or auth, before the request was sent or after the response.
        concerns_request = isinstance(error, httpx.RequestError) and self._concerns(error)
        if concerns_request and isinstance(error, httpx.UnsupportedProtocol):
            return Delivery.IMPOSSIBLE
        # A transport that repeats requests raises the error of its last attempt, so the error alone proves nothing.
        if concerns_request and isinstance(error, _BEFORE_SENDING) and not self._body.is_read:
            return Delivery.NOT_SENT
        if self._body.is_read or (concerns_request and not isinstance(error, httpx.LocalProtocolError)):
            return Delivery.POSSIBLE
        is_impossible = isinstance(error, httpx.InvalidURL | httpx.LocalProtocolError)
        return Delivery.IMPOSSIBLE if is_impossible else Delivery.NOT_SENT

    def _concerns(self, error: httpx.HTTPError) -> bool:
        """Return whether an error is about this request, and not about another one, such as an auth's."""
        try:
            return error.request is self._request
        except RuntimeError:  # httpx raises it if the error has no request
            return False


@final
class _WatchedAuth(httpx.Auth):
    """A client's auth. An attempt sees each response before the auth goes on, which can fail or hang."""

    def __init__(self, auth: httpx.Auth, attempt: _Attempt) -> None:
        self._auth: Final = auth
        self._attempt: Final = attempt

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Do what the auth does."""
        flow = self._auth.sync_auth_flow(request)
        try:
            request = next(flow)
            while True:
                self._attempt.note_request(request)
                response = yield request
                self._attempt.note_response(response)
                request = flow.send(response)
        except StopIteration:
            return
        finally:
            flow.close()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do what the auth does."""
        flow = self._auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                self._attempt.note_request(request)
                response = yield request
                self._attempt.note_response(response)
                request = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


def _receive(client: httpx.Client, request: Request, attempt: _Attempt) -> Response | Failure:
    try:
        sent = attempt.build(client, request)
        response = client.send(sent, stream=True, follow_redirects=False, **attempt.watch(client))
        attempt.response = response
        try:
            if _is_plain(response):
                for chunk in response.iter_bytes():
                    if not attempt.add(chunk):
                        break
        finally:
            response.close()
    except Exception as error:  # noqa: BLE001
        return attempt.result_of(error)
    return attempt.result(response)


async def _receive_async(client: httpx.AsyncClient, request: Request, attempt: _Attempt) -> Response | Failure:
    try:
        sent = attempt.build(client, request)
        response = await client.send(sent, stream=True, follow_redirects=False, **attempt.watch(client))
        attempt.response = response
        try:
            if _is_plain(response):
                async for chunk in response.aiter_bytes():
                    if not attempt.add(chunk):
                        break
        finally:
            await response.aclose()
    except Exception as error:  # noqa: BLE001
        return attempt.result_of(error)
    return attempt.result(response)


def _is_plain(response: httpx.Response) -> bool:
    """Return whether a body is not compressed. A compressed one can become a thousand times as long."""
    return bool(response.headers.get("Content-Encoding", "identity") == "identity")


def _response(response: httpx.Response, content: bytes | None) -> Response:
    headers = response.headers
    return Response(
        response.status_code,
        content,
        headers.get("Date"),
        headers.get("Retry-After"),
        headers.get("X-Rate-Limit-Window"),
    )
