"""Run exchanges over httpx: send each request once, and find out how far it got if there is no response.

Exceptions of httpx are dropped, not chained: one of them quotes the token, others the URL, and all hold the request.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast, final

import httpx

from .messages import Delivery, Exchange, Failure, Request, Response, T

_LONGEST_BODY: Final = 65_536
#: An attempt that ends in one of these ends before anything is sent.
_BEFORE_SENDING: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_CLOSED: Final = Failure("the client is closed", Delivery.IMPOSSIBLE)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


def run_exchange(client: httpx.Client, exchange: Exchange[T]) -> T:
    """Send all requests of an exchange and return its result."""
    try:
        request = next(exchange)
        while True:
            request = exchange.send(_send(client, request))
    except StopIteration as end:
        return cast("T", end.value)


async def run_exchange_async(client: httpx.AsyncClient, exchange: Exchange[T]) -> T:
    """Send all requests of an exchange and return its result."""
    try:
        request = next(exchange)
        while True:
            request = exchange.send(await _send_async(client, request))
    except StopIteration as end:
        return cast("T", end.value)


class _Body:
    """A request's body that notes when somebody begins to read it. Before that, nothing was sent."""

    def __init__(self, content: bytes | None) -> None:
        self.content: Final = content
        self.is_read = False


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        self.is_read = True
        yield self.content or b""


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield self.content or b""


@final
class _Attempt:
    """One attempt to send a request: httpx's objects as far as they exist, and what arrived of the response's body."""

    def __init__(self, body: _Body) -> None:
        self._body: Final = body
        self._content: Final = bytearray()
        self._request: httpx.Request | None = None
        self.response: httpx.Response | None = None

    def build(self, client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
        """Build httpx's request."""
        options: dict[str, Any] = {"headers": _HEADERS}
        if self._body.content is not None:
            # Without its length, httpx would send the body in chunks, which not every server reads.
            fields = {"Content-Type": "application/json", "Content-Length": str(len(self._body.content))}
            options = {"headers": _HEADERS | fields, "content": self._body}
        self._request = client.build_request(request.method, request.path, **options)
        return self._request

    def add(self, chunk: bytes) -> bool:
        """Add a chunk of the response's body. Return whether the body is still short enough to read on."""
        self._content.extend(chunk)
        return len(self._content) <= _LONGEST_BODY

    def result(self, response: httpx.Response) -> Response:
        """Return the response, with its body if that is complete, short and not compressed."""
        is_readable = _is_plain(response) and len(self._content) <= _LONGEST_BODY
        return _response(response, bytes(self._content) if is_readable else None)

    def result_of(self, error: Exception) -> Response | Failure:
        """Return the response that arrived before an exception, or else the failure."""
        # The status of a redirection or an error says enough without a body that is late or cut off.
        if self.response is not None and self.response.status_code >= 300:
            return _response(self.response, None)
        # A host's event hook may call `raise_for_status()`. Then there is a response.
        if isinstance(error, httpx.HTTPStatusError) and self._concerns(error):
            return _response(error.response, None)
        return Failure(type(error).__name__, self._delivery(error))

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


def _send(client: httpx.Client, request: Request) -> Response | Failure:
    if client.is_closed:
        return _CLOSED
    attempt = _Attempt(_SyncBody(request.body))
    try:
        response = attempt.response = client.send(attempt.build(client, request), stream=True, follow_redirects=False)
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


async def _send_async(client: httpx.AsyncClient, request: Request) -> Response | Failure:
    if client.is_closed:
        return _CLOSED
    attempt = _Attempt(_AsyncBody(request.body))
    try:
        response = attempt.response = await client.send(
            attempt.build(client, request), stream=True, follow_redirects=False
        )
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
    return Response(response.status_code, content, headers.get("Date"), headers.get("Retry-After"))
