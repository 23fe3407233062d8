"""Everything that can go wrong with a click: the result for the caller, and what is left in the ledger.

`python tests/faults.py` prints the table of the documentation.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast, final

import attrs

from escalation_policy import EscalationRequest, Login
from escalation_policy._calls.values import call_request_for, entry_id_of
from escalation_policy.exceptions import (
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.testing import a_request
from escalation_policy.typing import AsyncCallLedger, CallLedger
from escalation_policy.video import (
    CallRequest,
    Escalation,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    LedgerEntry,
    SQLiteCallLedger,
    VideoCall,
    escalate,
    escalate_async,
)

T = TypeVar("T")
_Error = type[BaseException]
NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER: Final = NOW + timedelta(seconds=1)
ALLOWED: Final = a_request()
KEY: Final = call_request_for(ALLOWED).key


class Killed(BaseException):
    """The process or the thread was killed, and does nothing any more."""


class Interrupted(BaseException):
    """Stands for an interruption: KeyboardInterrupt, the cancellation of the caller, or the end of the event loop."""


class ForeignError(Exception):
    """An error that the protocols do not name."""


@final
@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: The description in the table.
        request: The request that is decided.
        error_before_call: The error that the provider raises before it creates a call.
        error_after_call: The error that the provider raises after it has created a call.
        answer: Returns the provider's answer for the call that it has created.
        errors_before_update: The errors that the ledger raises before it stores an update, by the number of the update.
        errors_after_update: The errors that the ledger raises after it has stored an update.
    """

    name: str
    request: EscalationRequest = ALLOWED
    error_before_call: _Error | None = None
    error_after_call: _Error | None = None
    answer: Callable[[VideoCall], Any] = lambda call: call
    errors_before_update: Mapping[int, _Error] = attrs.field(factory=dict[int, _Error])
    errors_after_update: Mapping[int, _Error] = attrs.field(factory=dict[int, _Error])


FAULTS: Final = [
    Fault(name="nothing"),
    Fault(name="the request is denied", request=attrs.evolve(ALLOWED, login=Login.PASSWORD)),
    Fault(name="the ledger fails before it stores the claim", errors_before_update={1: ForeignError}),
    Fault(name="the ledger fails after it has stored the claim", errors_after_update={1: ForeignError}),
    Fault(
        name="the same, and it fails to release the claim",
        errors_after_update={1: ForeignError},
        errors_before_update={2: ForeignError},
    ),
    Fault(name="interrupted before the claim is stored", errors_before_update={1: Interrupted}),
    Fault(name="interrupted when the claim is stored", errors_after_update={1: Interrupted}),
    Fault(name="killed when the claim is stored", errors_after_update={1: Killed}),
    Fault(name="the provider is unavailable", error_before_call=ProviderUnavailableError),
    Fault(
        name="the same, and the ledger fails",
        error_before_call=ProviderUnavailableError,
        errors_before_update={2: ForeignError},
    ),
    Fault(
        name="the provider is unavailable, and interrupted before the claim is released",
        error_before_call=ProviderUnavailableError,
        errors_before_update={2: Interrupted},
    ),
    Fault(
        name="the same, and interrupted when the claim is released",
        error_before_call=ProviderUnavailableError,
        errors_after_update={2: Interrupted},
    ),
    Fault(name="the provider rejects the request", error_before_call=ProviderRejectedError),
    Fault(name="the provider does not know, and has created no call", error_before_call=ProviderOutcomeUnknownError),
    Fault(name="the provider does not know, and has created a call", error_after_call=ProviderOutcomeUnknownError),
    Fault(
        name="the same, and the ledger fails",
        error_after_call=ProviderOutcomeUnknownError,
        errors_before_update={2: ForeignError},
    ),
    Fault(name="the provider raises any other error", error_before_call=ForeignError),
    Fault(name="the provider raises any other error, and has created a call", error_after_call=ForeignError),
    Fault(name="the provider returns something that is not a call", answer=lambda call: call.join_url),
    Fault(name="the provider returns a call of another host", answer=lambda call: attrs.evolve(call, account_id="1")),
    Fault(name="interrupted before the call is created", error_before_call=Interrupted),
    Fault(name="interrupted when the call is created", error_after_call=Interrupted),
    Fault(name="killed before the call is created", error_before_call=Killed),
    Fault(name="killed when the call is created", error_after_call=Killed),
    Fault(name="the ledger fails before it records the call", errors_before_update={2: ForeignError}),
    Fault(name="the same, and every later update fails", errors_before_update={2: ForeignError, 3: ForeignError}),
    Fault(name="the ledger fails after it has recorded the call", errors_after_update={2: ForeignError}),
    Fault(name="interrupted before the call is recorded", errors_before_update={2: Interrupted}),
    Fault(name="interrupted when the call is recorded", errors_after_update={2: Interrupted}),
    Fault(name="killed when the call is recorded", errors_after_update={2: Killed}),
]


@final
class Script:
    """What happens to the updates of a ledger, as a fault says."""

    def __init__(self, fault: Fault) -> None:
        self._fault, self._updates, self._is_dead = fault, 0, False

    def before(self) -> bool:
        """Fail before an update, or return whether it is interrupted there."""
        if self._is_dead:
            raise Killed
        self._updates += 1
        return self.fail(self._fault.errors_before_update.get(self._updates))

    def after(self) -> bool:
        """Fail after an update, or return whether it is interrupted there."""
        return self.fail(self._fault.errors_after_update.get(self._updates))

    def fail(self, error: _Error | None) -> bool:
        """Raise an error, or return whether it stands for an interruption. After `Killed`, every update fails."""
        self._is_dead |= error is Killed
        if error and error is not Interrupted:
            raise error("a fault")
        return error is Interrupted


@final
class Failing(CallLedger):
    """A ledger that fails as a script says."""

    def __init__(self, inner: CallLedger, script: Script, interrupt: Callable[[], object]) -> None:
        self._inner, self._script, self._interrupt = inner, script, interrupt

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Fail, or pass the update to the other ledger."""
        if self._script.before():
            self._interrupt()
        answer = self._inner.update(entry_id, change, now=now)
        if self._script.after():
            self._interrupt()
        return answer


@final
class AsyncFailing(AsyncCallLedger):
    """An asynchronous ledger that fails as a script says."""

    def __init__(self, inner: AsyncCallLedger, script: Script, interrupt: Callable[[], Awaitable[object]]) -> None:
        self._inner, self._script, self._interrupt = inner, script, interrupt

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Fail, or pass the update to the other ledger."""
        if self._script.before():
            await self._interrupt()
        answer = await self._inner.update(entry_id, change, now=now)
        if self._script.after():
            await self._interrupt()
        return answer


@final
class Asynchronous(AsyncCallLedger):
    """An asynchronous ledger over a synchronous one."""

    def __init__(self, inner: CallLedger) -> None:
        self._inner = inner

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry of the other ledger."""
        await asyncio.sleep(0)
        return self._inner.update(entry_id, change, now=now)


class Result(NamedTuple):
    """The result of a click with a fault.

    Attributes:
        caller: What the caller gets.
        calls: How many calls the provider has created by then.
        ledger: What is in the ledger.
        next_click: What the next click gets.
        calls_in_the_end: How many calls the provider has created by then.
    """

    caller: str
    calls: int
    ledger: str
    next_click: str
    calls_in_the_end: int


def _interrupt() -> None:
    raise KeyboardInterrupt


def click_sync(fault: Fault, make: "Ledgers", _: "Mode") -> Result:
    """Click with a fault, and once more without."""
    service, script, inner = InMemoryVideoProvider(), Script(fault), cast("CallLedger", make())

    class Provider:
        def create_call(self, request: CallRequest, /) -> VideoCall:
            if script.fail(fault.error_before_call):
                _interrupt()
            call = service.create_call(request)
            if script.fail(fault.error_after_call):
                _interrupt()
            return cast("VideoCall", fault.answer(call))

    ledger = Failing(inner, script, _interrupt)
    caller = _result_of(lambda: escalate(fault.request, provider=Provider(), ledger=ledger, now=NOW))
    calls = len(service.calls)
    state = inner.update(entry_id_of(KEY), _look)
    next_click = _result_of(lambda: escalate(fault.request, provider=service, ledger=inner, now=LATER))
    return Result(caller, calls, state, next_click, len(service.calls))


@final
class Interruption:
    """The cancellation of the task that clicks, or the end of its event loop."""

    def __init__(self, mode: "Mode") -> None:
        self.is_over: Final = asyncio.Event()
        self._is_cancellation: Final = mode is Mode.CANCELLED
        self._loop: Final = asyncio.get_running_loop()
        self._clicks: Final[list[asyncio.Task[Any]]] = []

    async def run(self, click: "asyncio.Task[Any]") -> None:
        """Wait until the click and what goes on without it have ended, or leave the loop when it is over."""
        self._clicks.append(click)
        end = asyncio.create_task(self.is_over.wait())
        await asyncio.wait([click, end], return_when=asyncio.FIRST_COMPLETED)
        if not self.is_over.is_set():
            end.cancel()
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  nothing else knows when the click ends
                await asyncio.sleep(0)

    def _begin(self) -> None:
        (click,) = self._clicks
        if self._is_cancellation:
            click.cancel()
        else:
            self.is_over.set()

    def _has_begun(self) -> bool:
        (click,) = self._clicks
        return click.done() if self._is_cancellation else click.cancelling() > 0

    async def in_task(self) -> None:
        """Interrupt the click from its own event loop."""
        self._begin()
        while not self._has_begun():  # noqa: ASYNC110  nothing else knows
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def in_thread(self) -> None:
        """Interrupt the click from another thread."""
        self._loop.call_soon_threadsafe(self._begin)
        while not self._has_begun():
            time.sleep(0.0001)


def click_async(fault: Fault, make: "Ledgers", mode: "Mode") -> Result:
    """Click in a task with a fault, and once more without. Each click has an event loop of its own."""
    service, script = InMemoryVideoProvider(), Script(fault)
    clicks: list[asyncio.Task[Escalation]] = []

    async def click() -> None:
        interruption = Interruption(mode)

        class Provider:
            async def create_call(self, request: CallRequest, /) -> VideoCall:
                if script.fail(fault.error_before_call):
                    await interruption.in_task()
                call = service.create_call(request)
                if script.fail(fault.error_after_call):
                    await interruption.in_task()
                return cast("VideoCall", fault.answer(call))

        inner: Any = make()
        is_async = iscoroutinefunction(inner.update)
        ledger = (
            AsyncFailing(inner, script, interruption.in_task)
            if is_async
            else Failing(inner, script, interruption.in_thread)
        )
        coroutine = escalate_async(fault.request, provider=Provider(), ledger=ledger, now=NOW)
        clicks.append(asyncio.create_task(coroutine))
        await interruption.run(clicks[0])

    async def look() -> str:
        ledger: Any = make()
        state = ledger.update(entry_id_of(KEY), _look)
        return cast("str", await state if isawaitable(state) else state)

    async def click_later() -> Escalation:
        return await escalate_async(fault.request, provider=service, ledger=make(), now=LATER)

    asyncio.run(click())
    caller, calls = _result_of(clicks[0].result), len(service.calls)
    state = asyncio.run(look())
    next_click = _result_of(lambda: asyncio.run(click_later()))
    return Result(caller, calls, state, next_click, len(service.calls))


def _result_of(click: Callable[[], Escalation]) -> str:
    """Return the result of a click in words."""
    try:
        return str(click().outcome.value)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return "the interruption"
    except Killed:
        return "nothing"
    except Exception as error:  # noqa: BLE001
        with_call = ", with the call" if getattr(error, "call", None) else ""
        return f"`{type(error).__name__}`{with_call}"


def _look(entry: LedgerEntry) -> tuple[LedgerEntry, str]:
    return entry, _state_of(entry)


def _state_of(entry: LedgerEntry) -> str:
    claim = entry.claims.get(KEY)
    if claim is None:
        return "the call" if entry.recorded else "nothing"
    return "a doubt" if claim.is_in_doubt(NOW) else "a claim that becomes a doubt in 60 s"


class Mode(Enum):
    """The ways to click and to be interrupted, as the table calls them."""

    SYNC = "`escalate()`"
    CANCELLED = "`escalate_async()`, its caller is cancelled"
    LOOP_END = "`escalate_async()`, the event loop ends"


def _same(ledger: CallLedger) -> CallLedger:
    return ledger


Ledgers = Callable[[], CallLedger | AsyncCallLedger]
#: Each returns, for a folder, the function that makes a ledger. All ledgers that it makes share their entries. It is called in
#: every event loop anew.
LEDGERS: Final[dict[str, Callable[[Path], Ledgers]]] = {
    "InMemoryCallLedger": lambda _: partial(_same, InMemoryCallLedger()),
    "SQLiteCallLedger": lambda folder: lambda: SQLiteCallLedger(folder / "calls.db"),
}
#: The same for ledgers that only `escalate_async()` takes.
ASYNC_LEDGERS: Final[dict[str, Callable[[Path], Ledgers]]] = {
    "an AsyncCallLedger": lambda folder: lambda: Asynchronous(SQLiteCallLedger(folder / "calls.db")),
}


#: Nothing here survives anything, and a disk takes long.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  the folders in it are private


def results_of(fault: Fault) -> dict[Mode, Result]:
    """Click with a fault in each mode. The result must not depend on the ledger."""
    results: dict[Mode, Result] = {}
    for mode in Mode:
        click = click_sync if mode is Mode.SYNC else click_async
        for name, ledgers in (LEDGERS if mode is Mode.SYNC else LEDGERS | ASYNC_LEDGERS).items():
            with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
                result = click(fault, ledgers(Path(folder)), mode)
            assert results.setdefault(mode, result) == result, (fault.name, mode, name)
    return results


HEADER: Final = [
    "| What fails | in | The caller gets | Calls created | In the ledger | The next click | Calls created by then |",
    "| --- | --- | --- | --- | --- | --- | --- |",
]


def rows_of(fault: Fault, results: Mapping[Mode, Result]) -> list[str]:
    """Return the rows of the table for a fault: one for each different result."""
    modes_by_result = {result: [mode for mode in Mode if results[mode] == result] for result in results.values()}
    names = {
        result: "all" if len(modes) == len(Mode) else "; ".join(mode.value for mode in modes)
        for result, modes in modes_by_result.items()
    }
    return [f"| {' | '.join([fault.name, name, *map(str, result)])} |" for result, name in names.items()]


if __name__ == "__main__":
    for line in [*HEADER, *(row for fault in FAULTS for row in rows_of(fault, results_of(fault)))]:
        print(line)  # noqa: T201
