"""Escalating: decide, and then make at most one call."""

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

from .._calls.entries import RecordedCall, Terms
from .._calls.values import TITLE, CallRequest, VideoCall, call_request_for, utc_now
from .._engine.policy import Policy
from .._fields import figure_of, kind_of
from .._request import EscalationRequest
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ..exceptions import Fault, InvalidValueError
from ..typing import AsyncVideoProvider, CallLedger, VideoProvider
from ._click import (
    Escalation,
    EscalationOutcome,
    checked,
    claim,
    escalation_of,
    failure_of,
    record,
    release,
)

S = TypeVar("S")
T = TypeVar("T")
_NOTHING: Final = timedelta(0)
_LONGEST: Final = timedelta(days=366)
_REUSE_FOR: Final = timedelta(hours=1)
_CLAIM_TIMEOUT: Final = timedelta(seconds=60)


def escalate(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider,
    ledger: CallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    again: bool = False,
    reuse_for: timedelta = _REUSE_FOR,
    claim_timeout: timedelta = _CLAIM_TIMEOUT,
    now: datetime | Callable[[], datetime] | None = None,
    title: str = TITLE,
) -> Escalation:
    """Decides now, and on an allow sees to it that there is exactly one call.

    Args:
        request: The facts as they are at the moment of the click.
        provider: Makes the call. It is not touched where the answer is no.
        ledger: Remembers the call; everybody who might make it must share the ledger.
        policy: Decides.
        again: Makes a new call though there is one, or may be one: the room is gone, or nobody was sent the link.
        reuse_for: For how long a call is reused, and a doubt lasts.
        claim_timeout: After how long a click that never came back leaves its call in doubt.
        now: What time it is, with a zone, or what tells; by default, the clock.
        title: What to call the call; nothing that a customer wrote.

    Raises:
        InvalidValueError: A host's own policy allows what has no extension, or one whose account is not known.
        CallInProgressError: Another click is making this very call.
        CallInDoubtError: Nobody knows whether this very call was made; or it was, and could not be recorded.
        ProviderUnavailableError: No call was made; it may be tried again.
        ProviderRejectedError: No call was made; trying again is of no use.
        ProviderOutcomeUnknownError: Nobody knows whether a call was made: it is in doubt now.
    """
    terms = _terms(now, reuse_for, claim_timeout, again=again)
    decision = policy.decide(request)
    if not decision:
        return Escalation(decision=decision, outcome=EscalationOutcome.DENIED)
    wanted = call_request_for(request, title=title)
    create_call = _create_call_of(provider)
    known = claim(ledger, wanted, terms)
    if known and _is_gone(provider, known.call):
        known = claim(ledger, wanted, terms._replace(instead_of=known.call))
    if known:
        return escalation_of(request, decision, EscalationOutcome.REUSED, wanted, known)
    try:
        call = checked(create_call(wanted), wanted, create_call)
    except BaseException as error:  # noqa: BLE001
        raise failure_of(ledger, wanted, terms, error)  # noqa: B904  it has its cause
    return escalation_of(request, decision, EscalationOutcome.CREATED, wanted, record(ledger, wanted, terms, call))


async def escalate_async(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    again: bool = False,
    reuse_for: timedelta = _REUSE_FOR,
    claim_timeout: timedelta = _CLAIM_TIMEOUT,
    now: datetime | Callable[[], datetime] | None = None,
    title: str = TITLE,
) -> Escalation:
    """Does what `escalate()` does, for asyncio. The ledger works in a thread, and so does a provider that is not async.

    A task that is cancelled while the call is being created leaves it in doubt; before that, as it was; after that,
    recorded.
    """
    terms = _terms(now, reuse_for, claim_timeout, again=again)
    decision = policy.decide(request)
    if not decision:
        return Escalation(decision=decision, outcome=EscalationOutcome.DENIED)
    wanted = call_request_for(request, title=title)
    create_call = _create_call_of(provider)
    known = await _claim_async(ledger, wanted, terms)
    if known and await _is_gone_async(provider, known.call):
        known = await _claim_async(ledger, wanted, terms._replace(instead_of=known.call))
    if known:
        return escalation_of(request, decision, EscalationOutcome.REUSED, wanted, known)
    try:
        call = checked(await _asked(create_call, wanted), wanted, create_call)
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001
        raise await _in_thread(failure_of, ledger, wanted, terms, error)  # noqa: B904  it has its cause
    known = await _in_thread(record, ledger, wanted, terms, call)
    return escalation_of(request, decision, EscalationOutcome.CREATED, wanted, known)


def _terms(
    now: datetime | Callable[[], datetime] | None, reuse_for: timedelta, claim_timeout: timedelta, *, again: bool
) -> Terms:
    """Makes the terms of one click.

    Raises:
        InvalidValueError: A time without zone, a period that is none, or an `again` that is no bool.
    """
    if type(again) is not bool:
        raise InvalidValueError(Fault.mismatch("again", kind_of(again), "True or False"))
    if reuse_for is not _REUSE_FOR:
        _check_period("reuse_for", reuse_for)
    if claim_timeout is not _CLAIM_TIMEOUT:
        _check_period("claim_timeout", claim_timeout)
    return Terms(os.urandom(16).hex(), utc_now if now is None else _clock_of(now), reuse_for, claim_timeout, again)


def _check_period(name: str, period: timedelta) -> None:
    if not isinstance(period, timedelta) or not _NOTHING < period <= _LONGEST:  # pyright: ignore[reportUnnecessaryIsInstance]
        accepted = f"{'' if isinstance(period, timedelta) else 'a timedelta '}between 1 µs and 366 days"  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch(name, figure_of(period), accepted))


def _clock_of(now: datetime | Callable[[], datetime]) -> Callable[[], datetime]:
    """Makes a clock in UTC, where an hour later is an hour later, whatever clocks on walls do."""
    if callable(now):
        return lambda: _in_utc(now())
    at = _in_utc(now)
    return lambda: at


def _in_utc(now: datetime) -> datetime:
    if not isinstance(now, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch("now", kind_of(now), "a datetime with a zone"))
    if now.utcoffset() is None:
        raise InvalidValueError(Fault.mismatch("now", "a datetime without one", "a datetime with a zone"))
    return now.astimezone(UTC)


def _create_call_of(provider: Any) -> Any:
    """Gives what makes a call.

    Raises:
        TypeError: It is a class, and no provider.
    """
    if isinstance(provider, type):
        raise TypeError(f"provider must be an object with a method create_call(), got the class {provider.__name__}")
    return provider.create_call


def _is_gone(provider: VideoProvider, call: VideoCall) -> bool:
    with suppress(Exception):
        answer: object = _is_open_of(provider)(call)
        if inspect.iscoroutine(answer):
            answer.close()
        return answer is False
    return False


async def _is_gone_async(provider: VideoProvider | AsyncVideoProvider, call: VideoCall) -> bool:
    with suppress(Exception):
        return await _asked(_is_open_of(provider), call) is False
    return False


def _is_open_of(provider: object) -> Callable[[VideoCall], bool | None]:
    return getattr(provider, "is_open", _nobody_knows)


def _nobody_knows(_: VideoCall) -> None:
    return None


async def _asked(ask: Callable[[S], T | Awaitable[T]], about: S) -> T:
    """Asks a provider, in the loop or in a thread."""
    answer: Any = ask(about) if inspect.iscoroutinefunction(ask) else await asyncio.to_thread(_worked, ask, about)
    return cast("T", await answer if inspect.isawaitable(answer) else answer)


async def _claim_async(ledger: CallLedger, wanted: CallRequest, terms: Terms) -> RecordedCall | None:
    try:
        return await _in_thread(claim, ledger, wanted, terms)
    except asyncio.CancelledError:
        await _in_thread(release, ledger, wanted, terms)
        raise


async def _in_thread(work: Callable[..., T], *args: object) -> T:
    """Works on the ledger in a thread. It is seen through when cancelled: what comes next must not overtake it."""
    worked = partial(copy_context().run, _worked, work, *args)
    # It is no task: whoever ends the loop cancels all of those.
    running = asyncio.get_running_loop().run_in_executor(None, worked)
    cancelled = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        running.exception()
        raise cancelled
    return running.result()


def _worked(work: Callable[..., T], *args: object) -> T:
    """Works. No future takes a StopIteration: whoever waits for it would wait for ever."""
    try:
        return work(*args)
    except StopIteration as error:
        raise RuntimeError("StopIteration") from error
