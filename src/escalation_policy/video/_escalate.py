"""`escalate()` and `escalate_async()`: decide, and then create at most one call."""

import asyncio
import inspect
import os
import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

from .._calls.entries import Terms
from .._calls.values import TITLE, utc_now
from .._engine.policy import Policy
from .._fields import figure_of, kind_of, to_utc, type_name
from .._request import EscalationRequest
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ..exceptions import Fault, InvalidValueError
from ..typing import AsyncCallLedger, AsyncVideoProvider, CallLedger, VideoProvider
from ._click import Escalation, LedgerStep, Options, PauseStep, Progress, ProviderStep, Step, Steps, click, log

T = TypeVar("T")
_OnEnd = Callable[[Escalation | Exception], object]
_LONGEST: Final = timedelta(days=366)
_REUSE_FOR: Final = timedelta(hours=1)
_CLAIM_TIMEOUT: Final = timedelta(seconds=60)
_NO_WAIT: Final = timedelta(0)
#: The tasks of clicks. Each stays here until its end: asyncio itself keeps only weak references to tasks.
_TASKS: Final = set["asyncio.Task[Any]"]()


def escalate(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider,
    ledger: CallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    again: bool = False,
    wait: timedelta = _NO_WAIT,
    reuse_for: timedelta = _REUSE_FOR,
    claim_timeout: timedelta = _CLAIM_TIMEOUT,
    now: datetime | Callable[[], datetime] | None = None,
    title: str = TITLE,
    on_end: _OnEnd | None = None,
) -> Escalation:
    """Decide now, and if the answer is yes, return the one call: the recorded one, or a new one.

    Args:
        request: The facts at the moment of the click.
        provider: Creates the call. If the click is denied, it is not used.
        ledger: Remembers the call. All processes that may create the call must share the ledger.
        policy: The policy that decides.
        again: Create a new call even if one exists or may exist, for example because the room is gone or the link was
            never sent. Such a click does not wait.
        wait: How long to wait while another click is creating the call, at most `claim_timeout`. If that click gives up, this
            one creates the call.
        reuse_for: How long a call is reused and a doubt lasts, up to 366 days.
        claim_timeout: How long the call may be in progress before it is in doubt, because the click never came back. Up to
            366 days.
        now: The current time, with a zone, or a function that returns it. By default, the time of the system's clock.
        title: The title of the call. It must not quote a customer.
        on_end: Receives the result, once: the `Escalation`, or the error. It is called in the thread or the task of the click,
            after the ledger has stored. What it raises is logged. A click that was interrupted before it claimed a call has
            no result.

    Raises:
        InvalidValueError: An argument is invalid. Or your own policy allowed an agent who has no extension, or an extension
            whose account is unknown.
        CallInProgressError: Another click is creating this call.
        CallInDoubtError: Nobody knows whether this call was created, or it was created and could not be recorded.
        LedgerError: The ledger failed before the provider was asked.
        ProviderUnavailableError: No call was created. A retry may succeed.
        ProviderRejectedError: No call was created. A retry cannot succeed.
        ProviderOutcomeUnknownError: Nobody knows whether a call was created. It is in doubt now.
    """
    terms = _terms(now, reuse_for, claim_timeout, force_new=again)
    options = _options(title, wait, claim_timeout, on_end, async_form="escalate_async()")
    return run(
        click(
            request,
            provider=provider,
            ledger=ledger,
            policy=policy,
            terms=terms,
            options=options,
            progress=Progress(),
        )
    )


async def escalate_async(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    again: bool = False,
    wait: timedelta = _NO_WAIT,
    reuse_for: timedelta = _REUSE_FOR,
    claim_timeout: timedelta = _CLAIM_TIMEOUT,
    now: datetime | Callable[[], datetime] | None = None,
    title: str = TITLE,
    on_end: _OnEnd | None = None,
) -> Escalation:
    """Do what `escalate()` does, for asyncio. A ledger or a provider that is not async works in a thread.

    If the caller is cancelled before the call was claimed, the click ends and leaves nothing behind. After that, the click goes
    on to its end in a task of its own, and the caller gets its `CancelledError` at once. If such a click fails, the error
    is logged. The end of the event loop waits until the click has settled its call.

    Raises:
        RuntimeError: The running event loop is not asyncio's.
    """
    require_asyncio("escalate")
    terms = _terms(now, reuse_for, claim_timeout, force_new=again)
    options = _options(title, wait, claim_timeout, on_end, async_form=None)
    progress = Progress()
    steps = click(
        request,
        provider=provider,
        ledger=ledger,
        policy=policy,
        terms=terms,
        options=options,
        progress=progress,
    )
    return await run_in_task(steps, progress)


def require_asyncio(name: str) -> None:
    """Check that the running event loop is asyncio's, before anything else happens.

    Raises:
        RuntimeError: It is another one, or no event loop is running.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        problem = f"{name}_async() needs a running event loop of asyncio: with another one, run {name}() in a thread"
        raise RuntimeError(problem) from None


def _terms(
    now: datetime | Callable[[], datetime] | None, reuse_for: timedelta, claim_timeout: timedelta, *, force_new: bool
) -> Terms:
    """Check the arguments, and return the terms of one click."""
    if type(force_new) is not bool:
        raise InvalidValueError(Fault.mismatch("again", kind_of(force_new), "True or False"))
    _check_period("reuse_for", reuse_for)
    _check_period("claim_timeout", claim_timeout)
    return Terms(os.urandom(16).hex(), clock_for(now), reuse_for, claim_timeout, force_new)


def _check_period(name: str, period: timedelta) -> None:
    is_timedelta = isinstance(period, timedelta)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_timedelta or not timedelta(0) < period <= _LONGEST:
        accepted = f"{'' if is_timedelta else 'a timedelta '}between 1 µs and 366 days"
        raise InvalidValueError(Fault.mismatch(name, figure_of(period), accepted))


def _options(
    title: str, wait: timedelta, claim_timeout: timedelta, on_end: _OnEnd | None, *, async_form: str | None
) -> Options:
    """Check the arguments, and return the options of one click."""
    is_wait = isinstance(wait, timedelta) and wait >= _NO_WAIT  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_wait:
        raise InvalidValueError(Fault.mismatch("wait", figure_of(wait), "a timedelta of 0 or more"))
    if on_end is not None and (not callable(on_end) or inspect.iscoroutinefunction(on_end)):
        kind = "a coroutine function" if callable(on_end) else kind_of(on_end)
        raise InvalidValueError(Fault.mismatch("on_end", kind, "a plain function or None"))
    return Options(title, min(wait, claim_timeout).total_seconds(), on_end, async_form)


def clock_for(now: datetime | Callable[[], datetime] | None) -> Callable[[], datetime]:
    """Return a clock in UTC, where an hour is an hour even when local clocks change."""
    if now is None:
        return utc_now
    if callable(now):
        return lambda: to_utc("now", now())
    at = to_utc("now", now)
    return lambda: at


def run(steps: Steps[T]) -> T:
    """Run the steps of a click."""
    failures: list[BaseException] = []
    answer: Any = None
    try:
        step = next(steps)
        while True:
            try:
                answer = _take(step)
            except BaseException as error:  # noqa: BLE001  the click decides what it means
                failures.append(error)
            # Not in the handler, so that the click's errors get no context.
            step = steps.throw(failures.pop()) if failures else steps.send(answer)
    except StopIteration as end:
        return cast("T", end.value)


def _take(step: Step) -> object:
    if isinstance(step, LedgerStep):
        return step.work()
    if isinstance(step, ProviderStep):
        return step.method(step.argument)
    time.sleep(step.seconds)
    return None


async def run_in_task(steps: Steps[T], progress: Progress) -> T:
    """Run the steps of a click in a task of its own, and wait for it.

    If the caller is cancelled, it does not wait any more. If the claim was not granted yet, the task is cancelled too.
    """
    try:
        first_step = next(steps)
    except StopIteration as end:
        return cast("T", end.value)
    task = asyncio.create_task(_result_of(first_step, steps, progress))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
    try:
        # Not shield(): some versions of Python log what the task raises when nobody waits for it any more.
        await asyncio.wait([task])
    except BaseException:
        if not progress.is_granted:
            task.cancel()
        task.add_done_callback(partial(_log_error, progress))
        raise
    result = task.result()
    try:
        if isinstance(result, BaseException):
            raise result
        return result
    finally:
        del result


async def _result_of(step: Step, steps: Steps[T], progress: Progress) -> T | BaseException:
    """Run the steps of a click. Return what it raises, except what ends the event loop."""
    failures: list[BaseException] = []
    answer: Any = None
    try:
        while True:
            try:
                answer = await _take_async(step, progress)
            except BaseException as error:  # noqa: BLE001  the click decides what it means
                failures.append(error)
            step = steps.throw(failures.pop()) if failures else steps.send(answer)
    except StopIteration as end:
        return cast("T", end.value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  the caller raises it
        return error


def _log_error(progress: Progress, task: "asyncio.Task[Any]") -> None:
    """Log the error of a click whose caller was cancelled."""
    result = None if task.cancelled() or task.exception() else task.result()
    if isinstance(result, Exception):
        log.warning("a click failed after its caller was cancelled: %s (%s)", progress.key, type_name(type(result)))


async def _take_async(step: Step, progress: Progress) -> object:
    if isinstance(step, LedgerStep):
        if step.is_async:
            return await step.work()
        answer, cancellation = await _run_in_thread(step.work)
        if cancellation:
            raise cancellation
        return answer
    if isinstance(step, PauseStep):
        await asyncio.sleep(step.seconds)
        return None
    progress.is_granted = progress.is_granted or step.creates
    if inspect.iscoroutinefunction(step.method):
        return await step.method(step.argument)
    answer, cancellation = await _run_in_thread(partial(step.method, step.argument))
    if cancellation and not step.creates:
        raise cancellation
    progress.interruption = cancellation
    return await answer if inspect.isawaitable(answer) else answer


async def _run_in_thread(work: Callable[[], T]) -> tuple[T, asyncio.CancelledError | None]:
    """Run work in a thread, in a copy of the context. Return its answer, and the cancellation of this task meanwhile.

    What the click does next must not overtake the work. So a cancelled task still waits for the end of the work, which is no
    task itself, since the end of the event loop cancels all tasks.
    """
    in_context = partial(copy_context().run, partial(_without_stop_iteration, work))
    running = asyncio.get_running_loop().run_in_executor(None, in_context)
    cancellation = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancellation = error
    return running.result(), cancellation


def _without_stop_iteration(work: Callable[[], T]) -> T:
    """Run work. A `StopIteration` becomes a `RuntimeError`, since a future that raises it would never be done."""
    try:
        return work()
    except StopIteration as error:
        raise RuntimeError("StopIteration") from error
