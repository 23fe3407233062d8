"""`escalate()` and `escalate_async()`: decide, and then create at most one call."""

import asyncio
import inspect
import os
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

from .._calls.entries import Terms
from .._calls.values import TITLE, utc_now
from .._engine.policy import Policy
from .._fields import figure_of, kind_of, require, to_utc
from .._request import EscalationRequest
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ..exceptions import Fault, InvalidValueError
from ..typing import AsyncCallLedger, AsyncVideoProvider, CallLedger, VideoProvider
from ._click import Escalation, LedgerStep, ProviderStep, Steps, click

T = TypeVar("T")
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
    """Decide now, and if the answer is yes, return the one call: the recorded one, or a new one.

    Args:
        request: The facts at the moment of the click.
        provider: Creates the call. If the click is denied, it is not used.
        ledger: Remembers the call. All processes that may create the call must share the ledger.
        policy: The policy that decides.
        again: Create a new call even if one exists or may exist, for example because the room is gone or the link was
            never sent.
        reuse_for: How long a call is reused and a doubt lasts, up to 366 days.
        claim_timeout: How long the call may be in progress before it is in doubt, because the click never came back. Up to
            366 days.
        now: The current time, with a zone, or a function that returns it. By default, the time of the system's clock.
        title: The title of the call. It must not quote a customer.

    Raises:
        InvalidValueError: An argument is invalid. Or your own policy allowed an agent who has no extension, or an extension
            whose account is unknown.
        CallInProgressError: Another click is creating this call.
        CallInDoubtError: Nobody knows whether this call was created, or it was created and could not be recorded.
        ProviderUnavailableError: No call was created. A retry may succeed.
        ProviderRejectedError: No call was created. A retry cannot succeed.
        ProviderOutcomeUnknownError: Nobody knows whether a call was created. It is in doubt now.
    """
    terms = _terms(now, reuse_for, claim_timeout, force_new=again)
    return _run(click(request, provider=provider, ledger=ledger, policy=policy, terms=terms, title=title))


async def escalate_async(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    again: bool = False,
    reuse_for: timedelta = _REUSE_FOR,
    claim_timeout: timedelta = _CLAIM_TIMEOUT,
    now: datetime | Callable[[], datetime] | None = None,
    title: str = TITLE,
) -> Escalation:
    """Do what `escalate()` does, for asyncio. The ledger works in a thread, and so does a provider that is not async.

    If the task is cancelled while the provider creates the call, the call is in doubt. If it is cancelled earlier, nothing
    changes; if later, the call is recorded.
    """
    terms = _terms(now, reuse_for, claim_timeout, force_new=again)
    return await _run_async(click(request, provider=provider, ledger=ledger, policy=policy, terms=terms, title=title))


def _terms(
    now: datetime | Callable[[], datetime] | None, reuse_for: timedelta, claim_timeout: timedelta, *, force_new: bool
) -> Terms:
    """Check the arguments, and return the terms of one click."""
    require(type(force_new) is bool, "again", kind_of(force_new), "True or False")
    _check_period("reuse_for", reuse_for)
    _check_period("claim_timeout", claim_timeout)
    return Terms(os.urandom(16).hex(), _clock_for(now), reuse_for, claim_timeout, force_new)


def _check_period(name: str, period: timedelta) -> None:
    is_timedelta = isinstance(period, timedelta)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_timedelta or not timedelta(0) < period <= _LONGEST:
        accepted = f"{'' if is_timedelta else 'a timedelta '}between 1 µs and 366 days"
        raise InvalidValueError(Fault.mismatch(name, figure_of(period), accepted))


def _clock_for(now: datetime | Callable[[], datetime] | None) -> Callable[[], datetime]:
    """Return a clock in UTC, where an hour is an hour even when local clocks change."""
    if now is None:
        return utc_now
    if callable(now):
        return lambda: to_utc("now", now())
    at = to_utc("now", now)
    return lambda: at


def _run(steps: Steps[T]) -> T:
    """Run the steps of a click."""
    try:
        step = next(steps)
        while True:
            try:
                answer = _work(step) if isinstance(step, LedgerStep) else step.method(step.argument)
            except BaseException as error:  # noqa: BLE001  the click decides what it means
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return cast("T", end.value)


def _work(step: LedgerStep) -> object:
    if step.is_async:
        problem = "is an AsyncCallLedger: use escalate_async()"
        raise InvalidValueError(Fault("ledger", problem, found="an AsyncCallLedger", accepted="a CallLedger"))
    return step.work()


async def _run_async(steps: Steps[T]) -> T:
    """Run the steps of a click without blocking the event loop."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await (_update(step) if isinstance(step, LedgerStep) else _call(step))
            except BaseException as error:  # noqa: BLE001  the click decides what it means
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return cast("T", end.value)


async def _update(step: LedgerStep) -> object:
    return await (step.work() if step.is_async else _run_to_the_end(step.work))


async def _call(step: ProviderStep) -> object:
    """Call a provider's method: in the event loop if it is a coroutine function, otherwise in a thread."""
    if inspect.iscoroutinefunction(step.method):
        return await step.method(step.argument)
    answer: Any = await asyncio.to_thread(_without_stop_iteration, partial(step.method, step.argument))
    return await answer if inspect.isawaitable(answer) else answer


async def _run_to_the_end(work: Callable[[], T]) -> T:
    """Run work in a thread. If this task is cancelled, wait for the end of the work nevertheless.

    What the click does next must not overtake the work. The work is no task, since the end of the event loop cancels all
    tasks.
    """
    in_context = partial(copy_context().run, partial(_without_stop_iteration, work))
    running = asyncio.get_running_loop().run_in_executor(None, in_context)
    cancelled = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        running.exception()  # mark it as retrieved: asyncio would log it otherwise
        raise cancelled
    return running.result()


def _without_stop_iteration(work: Callable[[], T]) -> T:
    """Run work. A `StopIteration` becomes a `RuntimeError`, since a future that raises it would never be done."""
    try:
        return work()
    except StopIteration as error:
        raise RuntimeError("StopIteration") from error
