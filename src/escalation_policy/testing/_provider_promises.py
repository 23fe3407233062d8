"""The promises: what holds of every provider of video calls, tried on a host's own."""

import asyncio
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from threading import Barrier
from typing import Any, Final, ParamSpec, TypeVar, final
from urllib.parse import unquote

import attrs

from .. import EscalationRequest
from .._calls.values import CallRequest, VideoCall, call_request_for
from .._fields import figure_of, kind_of
from ..exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from ..video import Escalation, EscalationOutcome, InMemoryCallLedger, escalate, escalate_async
from ._builders import a_request
from ._threads import start_in_thread as started
from ._video_service import ServiceAnswer, VideoService

P = ParamSpec("P")
T = TypeVar("T")
#: How long a provider has for all promises, in seconds, before it counts as stuck.
_STUCK: Final = 120.0
_AT_ONCE: Final = 8
_TITLE: Final = "Title that only the host sees"
#: How many letters of a key are too many to be in a link by chance.
_PIECE: Final = 8


class BrokenPromiseError(Exception):
    """A promise is broken; says by what, what was expected and what came."""

    def __init__(self, what: str, expected: str, came: str) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  came: {came}")


@final
class _Daemons(ThreadPoolExecutor):
    """Runs each work in a thread which nobody has to wait for, not even at exit."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return started(partial(fn, *args, **kwargs))


@final
class _Desk:
    """Asks providers, async or not."""

    def __init__(self) -> None:
        self._loop: Final = asyncio.new_event_loop()
        self._loop.set_default_executor(_Daemons())

    def close(self) -> None:
        """Asks no more."""
        self._loop.close()

    def ask(self, question: Callable[[Any], Any], thing: object) -> Any:
        """Asks one thing; what is raised is an answer too."""
        try:
            is_async = inspect.iscoroutinefunction(question)
            return self._loop.run_until_complete(question(thing)) if is_async else question(thing)
        except Exception as error:  # noqa: BLE001  whatever it is, it is looked at
            return error

    def ask_at_once(self, question: Callable[[Any], Any], things: Sequence[object]) -> list[Any]:
        """Asks several things at once, in tasks or in threads; what is raised is an answer too."""
        if inspect.iscoroutinefunction(question):
            return self._loop.run_until_complete(_gathered(map(question, things)))
        barrier = Barrier(len(things))

        def ask(thing: object) -> Any:
            barrier.wait()
            return self.ask(question, thing)

        jobs = [started(partial(ask, thing)) for thing in things]
        return [job.result() for job in jobs]


async def _gathered(coroutines: Iterable[Any]) -> list[Any]:
    return await asyncio.gather(*coroutines, return_exceptions=True)


def keep_promises(make: Callable[[], Any], against: Callable[[VideoService], Any] | None) -> None:
    """Tries all promises, each on a provider of its own, in a thread: a test that is async has a loop in its own.

    Raises:
        BrokenPromiseError: One is broken.
    """
    tried = [*_PROMISES][:1]
    job = started(partial(_try_all, make, against, tried.append))
    if wait([job], _STUCK).not_done:
        raise BrokenPromiseError(tried[-1], f"all answers within {_STUCK:g} seconds", "it is stuck")
    job.result()


def _try_all(
    make: Callable[[], Any], against: Callable[[VideoService], Any] | None, tell: Callable[[str], None]
) -> None:
    with closing(_Desk()) as desk:
        for promise, keep in _PROMISES.items():
            tell(promise)
            keep(desk, make())
        if against:
            for answer in ServiceAnswer:
                tell(f"errors say what came of it, {_where(answer)}")
                _says_what_came(desk, against, answer)


def _where(answer: ServiceAnswer) -> str:
    return f"where the service's answer is {answer.value}"


def _requests(count: int) -> list[EscalationRequest]:
    """Makes requests of as many agents, each in a case and an account of their own."""
    return [
        a_request(
            agent_id=f"u{number}",
            intervention_id=f"i{number}",
            ringcentral_account_id=f"70010{number:05}",
            account_id=f"70010{number:05}",
            extension_id=f"80020{number:05}",
        )
        for number in range(count)
    ]


def _wanted(count: int) -> list[CallRequest]:
    return [call_request_for(request, title=_TITLE) for request in _requests(count)]


def _create_call_of(provider: Any) -> Callable[[Any], Any]:
    create_call: Callable[[Any], Any] | None = getattr(provider, "create_call", None)
    if create_call is None:
        raise BrokenPromiseError("it makes calls", "a method create_call()", "none")
    try:
        inspect.signature(create_call).bind(None)
    except TypeError as error:
        raise BrokenPromiseError(
            "create_call() takes a request alone", "one argument, by position", f"{error}"
        ) from None
    return create_call


def _shown(answer: object) -> str:
    return f"{type(answer).__name__}: {answer}" if isinstance(answer, BaseException) else kind_of(answer)


def _created(answer: object, wanted: CallRequest) -> VideoCall:
    """Looks at what came of a request that nothing stands in the way of."""
    if isinstance(answer, BaseException):
        raise BrokenPromiseError("create_call() makes a call", "a VideoCall", _shown(answer)) from answer
    if not isinstance(answer, VideoCall):
        raise BrokenPromiseError("create_call() makes a call", "a VideoCall", _shown(answer))
    if not answer.hosted_as(wanted):
        other = "account" if answer.account_id != wanted.account_id else "extension"
        raise BrokenPromiseError("the host is the one asked for", f"the {other} of the request", "another one")
    if abs(answer.created_at - datetime.now(UTC)) > timedelta(days=1):
        raise BrokenPromiseError("created_at tells when", "now, give or take a day", f"{answer.created_at}")
    return answer


def _makes_what_is_asked_for(desk: _Desk, provider: Any) -> None:
    for wanted in _wanted(2):
        call = _created(desk.ask(_create_call_of(provider), wanted), wanted)
        link = re.sub(r"[\W_]", "", unquote(call.join_url)).casefold()
        pieces = {wanted.key[at : at + _PIECE] for at in range(len(wanted.key) - _PIECE + 1)}
        for name, private in {"title": {re.sub(r"\W", "", wanted.title).casefold()}, "key": pieces}.items():
            if any(each in link for each in private):
                raise BrokenPromiseError(f"a link tells nothing of the {name}", "nothing of it", "some of it")


def _makes_another_each_time(desk: _Desk, provider: Any) -> None:
    first, second = _wanted(2)
    # `again=True` asks for the same call once more, and wants another room.
    for name, pair in {"two requests": (first, second), "the same request again": (first, first)}.items():
        calls = [_created(desk.ask(provider.create_call, wanted), wanted) for wanted in pair]
        _apart(f"each request makes a call of its own: {name}", calls)


def _makes_several_at_once(desk: _Desk, provider: Any) -> None:
    wanted = _wanted(_AT_ONCE)
    answers = desk.ask_at_once(provider.create_call, wanted)
    calls = [_created(answer, each) for answer, each in zip(answers, wanted, strict=True)]
    workers = "tasks" if inspect.iscoroutinefunction(provider.create_call) else "threads"
    _apart(f"each request makes a call of its own: {_AT_ONCE} {workers} at once", calls)


def _apart(what: str, calls: Sequence[VideoCall]) -> None:
    for kind, names in {"ids": {call.id for call in calls}, "links": {call.join_url for call in calls}}.items():
        if len(names) < len(calls):
            raise BrokenPromiseError(what, f"{len(calls)} {kind}", f"{len(names)}")


def _tells_what_is_open(desk: _Desk, provider: Any) -> None:
    is_open = getattr(provider, "is_open", None)
    if is_open is None:
        return
    if inspect.iscoroutinefunction(is_open) and not inspect.iscoroutinefunction(provider.create_call):
        raise BrokenPromiseError("is_open() is asked as create_call() is", "a function", "a coroutine function")
    (wanted,) = _wanted(1)
    made = _created(desk.ask(provider.create_call, wanted), wanted)
    strange = attrs.evolve(made, id=f"{made.id}0", join_url="https://video.example/none")
    for what, call, accepted in (("just made", made, (True, None)), ("it never made", strange, (True, False, None))):
        answer = desk.ask(is_open, call)
        # Not to know may be said by raising too.
        if not isinstance(answer, Exception) and not any(answer is each for each in accepted):
            expected = " or ".join(map(repr, accepted))
            found = str(answer) if isinstance(answer, bool) else figure_of(answer)
            raise BrokenPromiseError(f"is_open() tells whether a call {what} can be joined", expected, found)


def _serves_clicks(desk: _Desk, provider: Any) -> None:
    is_async = inspect.iscoroutinefunction(provider.create_call)
    click = partial(escalate_async if is_async else escalate, provider=provider, ledger=InMemoryCallLedger())
    (request,) = _requests(1)
    first, second = (desk.ask(click, request) for _ in range(2))
    name = "escalate_async()" if is_async else "escalate()"
    for each in (first, second):
        if not isinstance(each, Escalation):
            raise BrokenPromiseError(f"{name} gets on with it", "an Escalation", _shown(each)) from each
    if second != first._replace(outcome=EscalationOutcome.REUSED):
        raise BrokenPromiseError(f"{name} reuses a call that was just made", "the same call", "another one")


def _says_what_came(desk: _Desk, against: Callable[[VideoService], Any], answer: ServiceAnswer) -> None:
    service = VideoService(answer)
    (wanted,) = _wanted(1)
    came = desk.ask(_create_call_of(against(service)), wanted)
    expected, case = _ERRORS[answer], _where(answer)
    if not service.attempts:
        raise BrokenPromiseError(f"it asks the service it was given, {case}", "a request", "none")
    if service.arrivals > 1:
        raise BrokenPromiseError(f"a request is sent once, {case}", "1 request", f"{service.arrivals}")
    if expected is None:
        _created(came, wanted)
        return
    if not isinstance(came, expected):
        raised = came if isinstance(came, BaseException) else None
        raise BrokenPromiseError(f"errors say what came of it, {case}", expected.__name__, _shown(came)) from raised
    private = {"account": wanted.account_id, "extension": wanted.extension_id, "link": "://"}
    for error in _chain(came):
        for (place, shown), (name, each) in product(_shown_by(error).items(), private.items()):
            if each in shown:
                where = f"one in the {place} of {type(error).__name__}"
                raise BrokenPromiseError(f"errors show no ids and no links, {case}", f"no {name}", where)
    _says_when(came, case)


def _says_when(error: Any, case: str) -> None:
    after = getattr(error, "retry_after", None)
    if after is not None and (not isinstance(after, timedelta) or after < timedelta(0)):
        raise BrokenPromiseError(
            f"retry_after is how long to wait, {case}", "a timedelta of 0 or more", figure_of(after)
        )


def _shown_by(error: BaseException) -> dict[str, str]:
    """Gives what hosts show of an error."""
    names = ("code", "call_id") if isinstance(error, ProviderError) else ()
    return {"text": f"{error}", **{name: f"{getattr(error, name, None)}" for name in names}}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Lists all that a traceback shows."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


#: What a provider raises, by what its service answers.
_ERRORS: Final[dict[ServiceAnswer, type[Exception] | None]] = {
    ServiceAnswer.CREATED: None,
    ServiceAnswer.UNAVAILABLE: ProviderUnavailableError,
    ServiceAnswer.REJECTED: ProviderRejectedError,
    ServiceAnswer.LOST: ProviderOutcomeUnknownError,
    ServiceAnswer.CONNECTION_REFUSED: ProviderUnavailableError,
}
_PROMISES: Final[Mapping[str, Callable[[_Desk, Any], None]]] = {
    "it makes what is asked for": _makes_what_is_asked_for,
    "each request makes a call of its own": _makes_another_each_time,
    f"it makes {_AT_ONCE} calls at once": _makes_several_at_once,
    "is_open() tells what can be joined": _tells_what_is_open,
    "clicks are served": _serves_clicks,
}
