"""The check that a host's video provider keeps the promises of `VideoProvider` or `AsyncVideoProvider`."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from functools import partial
from threading import Barrier
from typing import Any, Final, ParamSpec, TypeVar, final
from urllib.parse import unquote

import attrs

from .. import EscalationRequest
from .._calls.values import CallRequest, VideoCall, call_request_for
from .._fields import figure_of, kind_of, with_article
from .._threads import start_in_thread
from ..exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from ..typing import AsyncVideoProvider, VideoProvider
from ._builders import a_request
from ._recorder import unseen

P = ParamSpec("P")
T = TypeVar("T")
#: In seconds, for all promises together. Then the provider counts as stuck.
_TIME_LIMIT: Final = 120.0
_CALLS_AT_ONCE: Final = 8
_TITLE: Final = "Title that only the host sees"
#: A link that contains so many letters of a key in a row does not contain them by chance.
_KEY_PART: Final = 8


@final
@unique
class ServiceAnswer(StrEnum):
    """The fate of a request for a call that a provider sends to its service.

    Attributes:
        CREATED: The service creates the call and says so.
        UNAVAILABLE: The service refuses for now, for example with 429 or 503.
        REJECTED: The service refuses for good, for example with 400.
        LOST: The service creates the call, but its response never arrives: the provider's request times out.
        CONNECTION_REFUSED: Nothing arrives.
    """

    CREATED = "created"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    LOST = "lost"
    CONNECTION_REFUSED = "connection_refused"


#: The error that a provider raises for each answer of its service.
_ERRORS: Final[Mapping[ServiceAnswer, type[ProviderError] | None]] = {
    ServiceAnswer.CREATED: None,
    ServiceAnswer.UNAVAILABLE: ProviderUnavailableError,
    ServiceAnswer.REJECTED: ProviderRejectedError,
    ServiceAnswer.LOST: ProviderOutcomeUnknownError,
    ServiceAnswer.CONNECTION_REFUSED: ProviderUnavailableError,
}


@final
class VideoService:
    """The service behind a provider, for tests.

    In your test, the provider sends its requests through a transport of yours. For each request for a call, the transport
    calls `receive()` and does what the answer says. For other requests it does not call it.
    """

    def __init__(self, answer: ServiceAnswer = ServiceAnswer.CREATED) -> None:
        """Make a service that gives the same answer to every request."""
        self._answer: Final = answer
        self._attempts = 0

    def receive(self) -> ServiceAnswer:
        """Count a request for a call and return its fate."""
        self._attempts += 1
        return self._answer

    @property
    def attempts(self) -> int:
        """How many requests for a call were sent, whether they arrived or not."""
        return self._attempts

    @property
    def arrivals(self) -> int:
        """How many of them arrived."""
        return 0 if self._answer is ServiceAnswer.CONNECTION_REFUSED else self._attempts


def check_video_provider(
    make: Callable[[], VideoProvider | AsyncVideoProvider],
    *,
    against: Callable[[VideoService], VideoProvider | AsyncVideoProvider] | None = None,
) -> None:
    """Check that a provider keeps what `VideoProvider` promises, or `AsyncVideoProvider` if it is async.

    It creates the requested call, and a new one for each request, also for eight threads or tasks at once; its links show
    neither title nor key; and `escalate()` works with it. With `against`, also: it sends a request once, its errors say
    whether a call was created, and they show no id and no link. The check takes two minutes at most.

    Through httpx, a provider works against a `VideoService` like this:

        def answer(_: httpx.Request) -> httpx.Response:
            match service.receive():
                case ServiceAnswer.CREATED: return httpx.Response(201, json={"id": uuid4().hex})
                case ServiceAnswer.UNAVAILABLE: return httpx.Response(503)
                case ServiceAnswer.REJECTED: return httpx.Response(400)
                case ServiceAnswer.LOST: raise httpx.ReadTimeout("timed out")
                case ServiceAnswer.CONNECTION_REFUSED: raise httpx.ConnectError("refused")

        provider = MyProvider(httpx.Client(transport=httpx.MockTransport(answer)))

    Args:
        make: Makes a provider that needs no network and succeeds each time. It may return the same one each time.
        against: Makes a provider that sends its requests for calls to this service.

    Raises:
        AssertionError: The provider breaks a promise. The message says which one, what was expected, and the actual result.
    """
    __tracebackhide__ = True
    promises = ["the check starts"]
    # The decisions of the check are not tests of the host's policy.
    with unseen():
        # It has a thread of its own: a provider may hang, and an async test has a running loop in this thread.
        job = start_in_thread(partial(_check_all, make, against, promises))
    try:
        is_done = not wait([job], _TIME_LIMIT).not_done
        _require(is_done, promises[-1], f"all results within {_TIME_LIMIT:g} seconds", "it is stuck")
        job.result()
    except _BrokenPromiseError as broken:
        raise AssertionError(f"the provider breaks a promise: {broken}") from broken.__cause__


class _BrokenPromiseError(Exception):
    def __init__(self, promise: str, expected: str, actual: str) -> None:
        super().__init__(f"{promise}\n  expected: {expected}\n  actual: {actual}")


def _require(holds: bool, promise: str, expected: str, actual: str) -> None:  # noqa: FBT001
    if not holds:
        raise _BrokenPromiseError(promise, expected, actual)


@final
class _DaemonExecutor(ThreadPoolExecutor):
    """Replaces asyncio's executor, whose threads the interpreter waits for at exit."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return start_in_thread(partial(fn, *args, **kwargs))


@final
class _Caller:
    """Calls functions and coroutine functions alike. If one raises an exception, that is its result."""

    def __init__(self) -> None:
        import asyncio  # noqa: PLC0415  pytest loads this module when it starts

        # One loop for all calls: an async client belongs to the loop in which it is used first.
        self._loop: Final = asyncio.new_event_loop()
        self._loop.set_default_executor(_DaemonExecutor())

    def close(self) -> None:
        self._loop.close()

    def call(self, function: Callable[[Any], Any], argument: object) -> Any:
        if inspect.iscoroutinefunction(function):
            return self._loop.run_until_complete(_result_of(function, argument))
        try:
            return function(argument)
        except Exception as error:  # noqa: BLE001
            return error

    def call_at_once(self, function: Callable[[Any], Any], arguments: Sequence[object]) -> list[Any]:
        """Call a function with all arguments at once, in tasks or in threads."""
        if inspect.iscoroutinefunction(function):
            tasks = [self._loop.create_task(_result_of(function, argument)) for argument in arguments]
            return [self._loop.run_until_complete(task) for task in tasks]
        barrier = Barrier(len(arguments))

        def call(argument: object) -> Any:
            barrier.wait()
            return self.call(function, argument)

        jobs = [start_in_thread(partial(call, argument)) for argument in arguments]
        return [job.result() for job in jobs]


async def _result_of(function: Callable[[Any], Awaitable[Any]], argument: object) -> Any:
    try:
        return await function(argument)
    except Exception as error:  # noqa: BLE001
        return error


def _check_all(make: Callable[[], Any], against: Callable[[VideoService], Any] | None, promises: list[str]) -> None:
    """Check all promises, each with a provider of its own. The last of `promises` is the one that is being checked."""
    with closing(_Caller()) as caller:
        for promise, check in _PROMISES.items():
            promises.append(promise)
            check(caller, make())
        if against:
            for answer in ServiceAnswer:
                condition = f"if the service's answer is {answer.value}"
                promises.append(f"errors say whether a call was created, {condition}")
                _check_service(caller, against, answer, condition)


def _request(number: int = 0) -> EscalationRequest:
    """Return a request of an agent with this number, who has a case and an account of their own."""
    account_id = f"70010{number:05}"
    return a_request(
        agent_id=f"u{number}",
        intervention_id=f"i{number}",
        ringcentral_account_id=account_id,
        account_id=account_id,
        extension_id=f"80020{number:05}",
    )


def _call_request(number: int = 0) -> CallRequest:
    # `escalate()` passes its `claim_timeout`, which is a minute by default.
    return call_request_for(_request(number), title=_TITLE, time_limit=timedelta(minutes=1))


def _create_call_of(provider: Any) -> Callable[[Any], Any]:
    create_call: Callable[[Any], Any] | None = getattr(provider, "create_call", None)
    if create_call is None:
        raise _BrokenPromiseError("the provider creates calls", "a method create_call()", "none")
    try:
        inspect.signature(create_call).bind(None)
    except TypeError as error:
        promise = "create_call() takes nothing but a request"
        raise _BrokenPromiseError(promise, "one positional argument", f"{error}") from None
    return create_call


def _require_type(result: object, cls: type[T], promise: str) -> T:
    if not isinstance(result, cls):
        cause = result if isinstance(result, BaseException) else None
        actual = f"{type(cause).__name__}: {cause}" if cause else kind_of(result)
        raise _BrokenPromiseError(promise, with_article(cls.__name__), actual) from cause
    return result


def _require_call(result: object, request: CallRequest) -> VideoCall:
    """Check the result of a request that a provider can serve."""
    call = _require_type(result, VideoCall, "create_call() creates a call")
    for part in ("account", "extension"):
        name = f"{part}_id"
        is_same = getattr(call, name) == getattr(request, name)
        _require(is_same, "the call has the host of the request", f"the {part} of the request", f"another {part}")
    is_now = abs(call.created_at - datetime.now(UTC)) <= timedelta(days=1)
    _require(is_now, "created_at is the time of creation", "now, give or take a day", f"{call.created_at}")
    return call


def _check_call(caller: _Caller, provider: Any) -> None:
    for request in (_call_request(0), _call_request(1)):
        call = _require_call(caller.call(_create_call_of(provider), request), request)
        link = re.sub(r"[\W_]", "", unquote(call.join_url)).casefold()
        title = re.sub(r"\W", "", request.title).casefold()
        key_parts = [request.key[at : at + _KEY_PART] for at in range(len(request.key) - _KEY_PART + 1)]
        for name, private in {"title": [title], "key": key_parts}.items():
            is_shown = any(text in link for text in private)
            _require(not is_shown, f"the link does not show the {name}", "no part of it", "a part of it")


def _check_repeated_calls(caller: _Caller, provider: Any) -> None:
    first, second = _call_request(0), _call_request(1)
    # `escalate(again=True)` repeats a request because it needs another room.
    for name, pair in {"two requests": (first, second), "the same request again": (first, first)}.items():
        calls = [_require_call(caller.call(provider.create_call, request), request) for request in pair]
        _require_different(f"each request creates a call of its own: {name}", calls)


def _check_calls_at_once(caller: _Caller, provider: Any) -> None:
    requests = [_call_request(number) for number in range(_CALLS_AT_ONCE)]
    results = caller.call_at_once(provider.create_call, requests)
    calls = [_require_call(result, request) for result, request in zip(results, requests, strict=True)]
    workers = "tasks" if inspect.iscoroutinefunction(provider.create_call) else "threads"
    _require_different(f"each request creates a call of its own: {_CALLS_AT_ONCE} {workers} at once", calls)


def _require_different(promise: str, calls: Sequence[VideoCall]) -> None:
    for kind, values in {"ids": {call.id for call in calls}, "links": {call.join_url for call in calls}}.items():
        _require(len(values) == len(calls), promise, f"{len(calls)} {kind}", f"{len(values)}")


def _check_is_open(caller: _Caller, provider: Any) -> None:
    is_open = getattr(provider, "is_open", None)
    if is_open is None:
        return
    is_awaited = inspect.iscoroutinefunction(is_open) and not inspect.iscoroutinefunction(provider.create_call)
    _require(not is_awaited, "is_open() is async only if create_call() is", "a function", "a coroutine function")
    request = _call_request()
    call = _require_call(caller.call(provider.create_call, request), request)
    other = attrs.evolve(call, id=f"{call.id}0", join_url="https://video.example/none")
    for words, subject, accepted in (
        ("it has just created", call, (True, None)),
        ("it never created", other, (True, False, None)),
    ):
        result = caller.call(is_open, subject)
        # A provider that does not know may also raise an exception.
        is_accepted = isinstance(result, Exception) or any(result is value for value in accepted)
        actual = str(result) if isinstance(result, bool) else figure_of(result)
        promise = f"is_open() says whether a call that {words} can be joined"
        _require(is_accepted, promise, " or ".join(map(repr, accepted)), actual)


def _check_clicks(caller: _Caller, provider: Any) -> None:
    from ..video import (  # noqa: PLC0415  pytest loads this module when it starts
        Escalation,
        EscalationOutcome,
        InMemoryCallLedger,
        escalate,
        escalate_async,
    )

    is_async = inspect.iscoroutinefunction(provider.create_call)
    click = partial(escalate_async if is_async else escalate, provider=provider, ledger=InMemoryCallLedger())
    name = "escalate_async()" if is_async else "escalate()"
    request = _request()
    first, second = (
        _require_type(caller.call(click, request), Escalation, f"{name} works with the provider") for _ in range(2)
    )
    is_reused = second == first._replace(outcome=EscalationOutcome.REUSED)
    _require(is_reused, f"{name} reuses a call that was just created", "the same call", "another one")


def _check_service(
    caller: _Caller, against: Callable[[VideoService], Any], answer: ServiceAnswer, condition: str
) -> None:
    service = VideoService(answer)
    request = _call_request()
    result = caller.call(_create_call_of(against(service)), request)
    _require(service.attempts > 0, f"it sends requests to the service, {condition}", "a request", "none")
    _require(service.arrivals <= 1, f"it sends a request once, {condition}", "1 request", f"{service.arrivals}")
    expected = _ERRORS[answer]
    if expected is None:
        _require_call(result, request)
        return
    error = _require_type(result, expected, f"errors say whether a call was created, {condition}")
    private = {"account": request.account_id, "extension": request.extension_id, "link": "://"}
    for shown in _chain(error):
        for place, text in _texts_of(shown).items():
            for name, secret in private.items():
                actual = f"one in the {place} of {type(shown).__name__}"
                _require(secret not in text, f"errors show no ids and no links, {condition}", f"no {name}", actual)
    wait_time = getattr(error, "retry_after", None)
    is_duration = wait_time is None or (isinstance(wait_time, timedelta) and wait_time >= timedelta(0))
    promise = f"retry_after is how long to wait, {condition}"
    _require(is_duration, promise, "a timedelta of 0 or more", figure_of(wait_time))


def _texts_of(error: BaseException) -> dict[str, str]:
    """Return what hosts log of an error, by where it is."""
    names = ("code", "call_id") if isinstance(error, ProviderError) else ()
    return {"text": f"{error}", **{name: f"{getattr(error, name, None)}" for name in names}}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all others that a traceback shows with it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


_PROMISES: Final[Mapping[str, Callable[[_Caller, Any], None]]] = {
    "create_call() creates the requested call": _check_call,
    "each request creates a call of its own": _check_repeated_calls,
    f"it creates {_CALLS_AT_ONCE} calls at once": _check_calls_at_once,
    "is_open() says what can be joined": _check_is_open,
    "clicks work": _check_clicks,
}
