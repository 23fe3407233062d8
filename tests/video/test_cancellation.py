"""Clicks in asyncio whose caller is cancelled, and clicks at the end of an event loop.

`test_faults.py` cancels at each step. This file is about the rest: when the caller gets its error, what is logged, and what
keeps the click alive.
"""

import asyncio
import gc
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any, Final, final

import pytest

from escalation_policy import ESCALATE_TO_VIDEO
from escalation_policy._calls.entries import Terms
from escalation_policy.exceptions import (
    CallInDoubtError,
    CallInProgressError,
    ClickError,
    ProviderOutcomeUnknownError,
    ProviderUnavailableError,
)
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    CallRequest,
    Escalation,
    EscalationOutcome,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    VideoCall,
    _click,
    call_for_async,
    escalate,
    escalate_async,
)
from escalation_policy.video._escalate import _TASKS

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
ALLOWED: Final = a_request()


@final
class Slow:
    """A provider that waits until `may_go_on` is set."""

    def __init__(self, error: BaseException | None = None, if_cancelled: BaseException | None = None) -> None:
        self.service: Final = InMemoryVideoProvider(errors=[error] if error else [])
        self.has_begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._if_cancelled: Final = if_cancelled

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Wait, then create the call."""
        self.has_begun.set()
        try:
            await self.may_go_on.wait()
        except asyncio.CancelledError:
            if self._if_cancelled:
                raise self._if_cancelled from None
            raise
        return self.service.create_call(call)


@final
class Waiting(CallLedger):
    """A ledger that waits before each update until `go_on` is set."""

    def __init__(self, inner: CallLedger) -> None:
        self.has_begun, self.go_on = Event(), Event()
        self._inner = inner

    def update(self, entry_id: str, change: Any, /, now: datetime | None = None) -> Any:
        """Wait, then pass the update to the other ledger."""
        self.has_begun.set()
        assert self.go_on.wait(10)
        return self._inner.update(entry_id, change, now=now)


def outcome_of_click(ledger: CallLedger, after: timedelta = timedelta(seconds=1)) -> str:
    """Click once more, some time later. Return the code of the outcome."""
    try:
        return escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, now=NOW + after).outcome
    except ClickError as error:
        return error.outcome


async def until_no_click_is_left() -> None:
    """Wait for the clicks whose callers were cancelled."""
    while _TASKS:  # noqa: ASYNC110  nothing else knows
        await asyncio.sleep(0)


class TestCallers:
    """A caller who waits for a click may be cancelled."""

    @pytest.mark.parametrize("way", ["cancel", "timeout", "task group", "close"])
    def test_get_their_error_at_once_and_the_click_goes_on(self, way: str) -> None:
        """As Django under ASGI cancels at a disconnect. The next click reuses the call."""
        ledger, results = InMemoryCallLedger(), list[Escalation | Exception]()

        async def click_and_cancel() -> None:
            provider = Slow()
            click = escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW, on_end=results.append)
            await CANCEL[way](click, provider)
            assert provider.has_begun.is_set()
            assert not provider.may_go_on.is_set()
            provider.may_go_on.set()
            await until_no_click_is_left()

        asyncio.run(click_and_cancel())
        (result,) = results
        assert isinstance(result, Escalation)
        assert (result.outcome, outcome_of_click(ledger)) == (EscalationOutcome.CREATED, EscalationOutcome.REUSED)

    def test_leave_nothing_if_the_call_was_not_claimed(self) -> None:
        """The update is completed first, and the claim released. Nothing is reported as a result."""
        ledger, results = InMemoryCallLedger(), list[object]()
        waiting, provider = Waiting(ledger), InMemoryVideoProvider()

        async def cancel() -> None:
            click = asyncio.create_task(
                escalate_async(ALLOWED, provider=provider, ledger=waiting, now=NOW, on_end=results.append)
            )
            await asyncio.to_thread(waiting.has_begun.wait, 10)
            for _ in range(3):
                click.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await click
            waiting.go_on.set()
            await until_no_click_is_left()

        asyncio.run(cancel())
        assert (provider.calls, results, ledger._entries) == ((), [], {})

    def test_may_be_cancelled_while_they_wait_for_another_click(self) -> None:
        """That click is not disturbed."""
        ledger = InMemoryCallLedger()

        async def clicks() -> Escalation:
            provider = Slow()
            first = asyncio.create_task(escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW))
            await provider.has_begun.wait()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(
                    escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW, wait=MINUTE), 0.01
                )
            while len(_TASKS) > 1:  # noqa: ASYNC110  until the second click has ended
                await asyncio.sleep(0)
            provider.may_go_on.set()
            return await first

        assert asyncio.run(clicks()).outcome is EscalationOutcome.CREATED

    def test_may_be_cancelled_while_the_provider_is_asked_whether_a_room_exists(self) -> None:
        """No new call is created for them, though the answer is no."""
        ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider()
        escalate(ALLOWED, provider=provider, ledger=ledger, now=NOW)
        has_begun, may_go_on = Event(), Event()

        class Closed:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                raise AssertionError(call)

            def is_open(self, call: VideoCall, /) -> bool:
                has_begun.set()
                assert may_go_on.wait(10)
                return False

        async def cancel() -> None:
            click = asyncio.create_task(escalate_async(ALLOWED, provider=Closed(), ledger=ledger, now=NOW))
            await asyncio.to_thread(has_begun.wait, 10)
            click.cancel()
            with pytest.raises(asyncio.CancelledError):
                await click
            may_go_on.set()
            await until_no_click_is_left()

        asyncio.run(cancel())
        assert outcome_of_click(ledger) == "reused"

    def test_share_their_context_with_the_click(self) -> None:
        """A copy of it: a trace id, for example."""
        trace, traces = ContextVar("trace", default="none"), list[str]()

        async def click() -> None:
            trace.set("t1")
            provider = Slow()
            provider.may_go_on.set()
            on_end: Callable[[object], None] = lambda _: traces.append(trace.get())  # noqa: E731
            await escalate_async(ALLOWED, provider=provider, ledger=InMemoryCallLedger(), on_end=on_end)

        asyncio.run(click())
        assert traces == ["t1"]


async def _by_cancel(click: Any, provider: Slow) -> None:
    task = asyncio.create_task(click)
    await provider.has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _by_timeout(click: Any, _: Slow) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await click


async def _by_task_group(click: Any, provider: Slow) -> None:
    async def fail() -> None:
        await provider.has_begun.wait()
        raise ZeroDivisionError

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(click)
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await run()


async def _by_close(click: Any, provider: Slow) -> None:
    future = click.send(None)
    future._asyncio_future_blocking = False
    await provider.has_begun.wait()
    click.close()


CANCEL: Final[dict[str, Callable[..., Any]]] = {
    "cancel": _by_cancel,
    "timeout": _by_timeout,
    "task group": _by_task_group,
    "close": _by_close,
}


class TestUnawaitedErrors:
    """An error that nobody awaits any more."""

    @pytest.mark.parametrize("ends_early", [True, False], ids=["it ends before the caller", "it ends after the caller"])
    def test_are_logged_as_key_and_type(self, caplog: pytest.LogCaptureFixture, *, ends_early: bool) -> None:
        """No word of the provider, and no traceback."""
        ledger = InMemoryCallLedger()

        async def click_and_cancel() -> None:
            provider = Slow(error=ValueError("https://video.example/secret"))
            click = asyncio.create_task(escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW))
            await provider.has_begun.wait()
            if ends_early:
                provider.may_go_on.set()
                (task,) = _TASKS
                task.add_done_callback(lambda _: click.cancel())
            else:
                click.cancel()
            with pytest.raises(asyncio.CancelledError):
                await click
            provider.may_go_on.set()
            await until_no_click_is_left()

        asyncio.run(click_and_cancel())
        (record,) = caplog.records
        with pytest.raises(CallInDoubtError) as doubt:
            escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, now=NOW)
        assert (record.name, record.levelno, record.exc_info) == ("escalation_policy.video", logging.WARNING, None)
        expected = f"a click failed after its caller was cancelled: {doubt.value.key} (ProviderOutcomeUnknownError)"
        assert record.getMessage() == expected

    def test_are_not_logged_if_somebody_awaits_them(self, caplog: pytest.LogCaptureFixture) -> None:
        """The caller gets them."""

        async def click() -> None:
            provider = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
            with pytest.raises(ProviderUnavailableError):
                await escalate_async(ALLOWED, provider=provider, ledger=InMemoryCallLedger())

        asyncio.run(click())
        assert not caplog.records


class TestTheEndOfTheLoop:
    """It cancels all tasks. The click settles its call first."""

    def test_waits_for_a_provider_in_a_thread(self) -> None:
        """No thread can be cancelled, so its call is recorded."""
        ledger, service = InMemoryCallLedger(), InMemoryVideoProvider()
        has_begun, may_go_on = Event(), Event()

        class Blocking:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                has_begun.set()
                assert may_go_on.wait(10)
                return service.create_call(call)

        async def leave() -> asyncio.Task[Escalation]:
            click = asyncio.create_task(escalate_async(ALLOWED, provider=Blocking(), ledger=ledger, now=NOW))
            await asyncio.to_thread(has_begun.wait, 10)
            asyncio.get_running_loop().call_later(0.05, may_go_on.set)
            return click

        assert asyncio.run(leave()).cancelled()
        assert (len(service.calls), outcome_of_click(ledger)) == (1, "reused")

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [(ProviderUnavailableError("nothing was sent"), "created"), (None, "in_doubt"), (ValueError(), "in_doubt")],
        ids=["nothing was sent", "cancelled", "another error"],
    )
    def test_leaves_a_doubt_unless_the_provider_has_sent_nothing(
        self, error: Exception | None, outcome: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Only the provider knows whether it has. The error is logged, since nobody awaits it."""
        ledger, results = InMemoryCallLedger(), list[Escalation | Exception]()

        async def leave() -> None:
            provider = Slow(if_cancelled=error)
            click = escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW, on_end=results.append)
            task = asyncio.create_task(click)
            await provider.has_begun.wait()
            assert not task.done()

        asyncio.run(leave())
        (result,) = results
        kind = ProviderUnavailableError if outcome == "created" else ProviderOutcomeUnknownError
        assert isinstance(result, kind)
        assert outcome_of_click(ledger) == outcome
        (line,) = caplog.messages
        assert line.endswith(f": {result.key} ({kind.__name__})")

    def test_releases_a_claim_that_is_under_way(self) -> None:
        """When the ledger is slow."""
        ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider()
        waiting = Waiting(ledger)

        async def leave() -> None:
            click = asyncio.create_task(escalate_async(ALLOWED, provider=provider, ledger=waiting, now=NOW))
            await asyncio.to_thread(waiting.has_begun.wait, 10)
            asyncio.get_running_loop().call_later(0.05, waiting.go_on.set)
            assert not click.done()

        asyncio.run(leave())
        assert (provider.calls, ledger._entries) == ((), {})

    def test_without_cancelling_leaves_the_claim_which_expires(self) -> None:
        """As if the process had died: nobody can wait for the ledger any more."""
        ledger, loop = InMemoryCallLedger(), asyncio.new_event_loop()

        async def begin() -> asyncio.Task[Escalation]:
            provider = Slow()
            click = asyncio.create_task(escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW))
            await provider.has_begun.wait()
            return click

        click = loop.run_until_complete(begin())
        (task,) = _TASKS
        abandoned: list[Any] = [click, task]
        for each in abandoned:
            each._log_destroy_pending = False
            each.get_coro().close()
        _TASKS.clear()
        loop.close()
        assert [outcome_of_click(ledger), outcome_of_click(ledger, MINUTE)] == ["in_progress", "in_doubt"]

    @pytest.mark.parametrize("steps", range(3))
    def test_runs_no_further_step(self, steps: int) -> None:
        """At each step of a click that nobody runs any more."""
        click = _click.click(
            ALLOWED,
            provider=InMemoryVideoProvider(),
            ledger=InMemoryCallLedger(),
            policy=ESCALATE_TO_VIDEO,
            terms=Terms("t", lambda: NOW, MINUTE, MINUTE, force_new=False),
            options=_click.Options("Video call", 0, None, None),
            progress=_click.Progress(),
        )
        step: Any = next(click)
        for _ in range(steps):
            is_creation = isinstance(step, _click.ProviderStep)
            step = click.send(step.method(step.argument) if is_creation else step.work())
        click.close()

    def test_by_an_interrupt_settles_the_call(self) -> None:
        """`KeyboardInterrupt` ends the loop as it would without this library."""
        ledger = InMemoryCallLedger()

        class Provider:
            async def create_call(self, call: CallRequest, /) -> VideoCall:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            asyncio.run(escalate_async(ALLOWED, provider=Provider(), ledger=ledger, now=NOW))
        assert outcome_of_click(ledger) == "in_doubt"


class TestTheTask:
    """The task of a click."""

    def test_is_kept_alive(self) -> None:
        """Asyncio keeps only weak references to tasks."""
        ledger = InMemoryCallLedger()

        async def click_and_cancel() -> None:
            provider = Slow()
            await _by_cancel(escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW), provider)
            gc.collect()
            provider.may_go_on.set()
            await until_no_click_is_left()

        asyncio.run(click_and_cancel())
        assert (outcome_of_click(ledger), _TASKS) == ("reused", set())

    def test_is_not_needed_for_a_click_that_is_denied(self) -> None:
        """Nothing waits."""

        async def click() -> Escalation:
            denied = escalate_async(a_request(enabled=False), provider=Slow(), ledger=InMemoryCallLedger())
            with pytest.raises(StopIteration) as end:
                denied.send(None)
            return end.value.value  # type: ignore[no-any-return]

        assert asyncio.run(click()).outcome is EscalationOutcome.DENIED


class TestOtherEventLoops:
    """Only asyncio's event loop runs tasks."""

    @pytest.mark.parametrize("function", [escalate_async, call_for_async])
    def test_are_refused_before_the_claim(self, function: Any) -> None:
        """Here, nothing runs the coroutine at all."""
        ledger, provider = InMemoryCallLedger(), {"provider": Slow()} if function is escalate_async else {}
        errors: list[BaseException] = []

        def run() -> None:
            try:
                function(ALLOWED, ledger=ledger, **provider).send(None)
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

        thread = Thread(target=run)
        thread.start()
        thread.join()
        name = function.__name__.removesuffix("_async")
        assert [str(error) for error in errors] == [
            f"{name}_async() needs a running event loop of asyncio: with another one, run {name}() in a thread"
        ]
        assert (type(errors[0]), ledger._entries) == (RuntimeError, {})


def test_a_click_in_progress_is_not_disturbed_by_others() -> None:
    """While its caller is gone, other clicks see it in progress."""
    ledger = InMemoryCallLedger()

    async def clicks() -> None:
        provider = Slow()
        await _by_cancel(escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW), provider)
        with pytest.raises(CallInProgressError):
            await escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW)
        provider.may_go_on.set()
        later = escalate_async(ALLOWED, provider=provider, ledger=ledger, now=NOW, wait=MINUTE)
        assert (await later).outcome is EscalationOutcome.REUSED

    asyncio.run(clicks())
