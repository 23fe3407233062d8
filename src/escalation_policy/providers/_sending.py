"""Sends through httpx, once, what is asked of RingCentral, and tells how far it came.

What httpx raises is dropped, not chained: one of its errors quotes the token, others the URL, and all hold the request.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast

import httpx

from ._answers import Answer, Arrival, Ask, Failure, T, Talk

_LONGEST: Final = 65_536
#: These come before anything is sent, by this attempt.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_CLOSED: Final = Failure("the client is closed", Arrival.NEVER)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


class _Body:
    """A body that knows whether anybody asked for it. Before that, no request was sent."""

    def __init__(self, ask: Ask) -> None:
        self.content: Final = ask.body or b""
        self.asked = False


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        self.asked = True
        yield self.content


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.asked = True
        yield self.content


def talk(client: httpx.Client, talking: Talk[T]) -> T:
    """Holds a conversation."""
    try:
        ask = next(talking)
        while True:
            ask = talking.send(_send(client, ask))
    except StopIteration as done:
        return cast("T", done.value)


async def talk_async(client: httpx.AsyncClient, talking: Talk[T]) -> T:
    """Holds a conversation."""
    try:
        ask = next(talking)
        while True:
            ask = talking.send(await _send_async(client, ask))
    except StopIteration as done:
        return cast("T", done.value)


def _send(client: httpx.Client, ask: Ask) -> Answer | Failure:
    if client.is_closed:
        return _CLOSED
    body, request, response, content = _SyncBody(ask), None, None, bytearray()
    try:
        request = client.build_request(ask.method, ask.path, **_built(ask, body))
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            for chunk in response.iter_bytes() if _is_plain(response) else ():
                content += chunk
                if len(content) > _LONGEST:
                    break
        finally:
            response.close()
    except Exception as error:  # noqa: BLE001
        return _instead_of_an_answer(error, request, response, body)
    return _answer(response, content)


async def _send_async(client: httpx.AsyncClient, ask: Ask) -> Answer | Failure:
    if client.is_closed:
        return _CLOSED
    body, request, response, content = _AsyncBody(ask), None, None, bytearray()
    try:
        request = client.build_request(ask.method, ask.path, **_built(ask, body))
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if _is_plain(response):
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _LONGEST:
                        break
        finally:
            await response.aclose()
    except Exception as error:  # noqa: BLE001
        return _instead_of_an_answer(error, request, response, body)
    return _answer(response, content)


def _built(ask: Ask, body: _Body) -> dict[str, Any]:
    """Gives what to build a request from; one of a known length, though its body is asked for piece by piece."""
    if ask.body is None:
        return {"headers": _HEADERS}
    length = {"Content-Type": "application/json", "Content-Length": str(len(ask.body))}
    return {"headers": _HEADERS | length, "content": body}


def _is_plain(response: httpx.Response) -> bool:
    """Says whether a body is no longer than what is sent of it: what was packed can be a thousand times as long."""
    return bool(response.headers.get("Content-Encoding", "identity") == "identity")


def _answer(response: httpx.Response, content: bytes | bytearray | None) -> Answer:
    known = content is not None and len(content) <= _LONGEST and _is_plain(response)
    headers = response.headers
    return Answer(
        response.status_code, bytes(content or b"") if known else None, headers.get("Date"), headers.get("Retry-After")
    )


def _instead_of_an_answer(
    error: Exception, request: httpx.Request | None, response: httpx.Response | None, body: _Body
) -> Answer | Failure:
    # Of a body that is late or cut off, nothing has to be known where the status says that it tells of no bridge.
    if response is not None and response.status_code >= 300:
        return _answer(response, None)
    # A host's hook may raise for status: then there is an answer.
    if isinstance(error, httpx.HTTPStatusError) and _is_about(error, request):
        return _answer(error.response, None)
    return Failure(type(error).__name__, _arrival(error, request, body))


def _arrival(error: Exception, request: httpx.Request | None, body: _Body) -> Arrival:
    """Says how far a request came.

    What is not about it comes from a hook or an auth of the host's, before it was sent or after it was answered.
    """
    about_it = isinstance(error, httpx.RequestError) and _is_about(error, request)
    if about_it and isinstance(error, httpx.UnsupportedProtocol):
        return Arrival.NEVER
    # A transport of the host's that repeats requests raises what its last attempt came to.
    if about_it and isinstance(error, _NOT_SENT) and not body.asked:
        return Arrival.NOT_SENT
    if body.asked or (about_it and not isinstance(error, httpx.LocalProtocolError)):
        return Arrival.PERHAPS
    return Arrival.NEVER if isinstance(error, httpx.InvalidURL | httpx.LocalProtocolError) else Arrival.NOT_SENT


def _is_about(error: httpx.HTTPError, request: httpx.Request | None) -> bool:
    try:
        return error.request is request
    except RuntimeError:
        return False
