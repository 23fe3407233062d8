"""Everything that can go wrong with a click: the result for the caller, and what is left in the ledger.

`python tests/faults.py` prints the table of the documentation.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
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
from escalation_policy.typing import CallLedger
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
ALLOWED: Final = a_request()
KEY: Final = call_request_for(ALLOWED).key


class Killed(BaseException):
    """The process or the thread was killed, and does nothing any more."""


class Interrupted(BaseException):
    """Stands for an interruption: KeyboardInterrupt in a thread, cancellation of a task."""


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
class Failing(CallLedger):
    """A ledger that fails as a fault says."""

    def __init__(self, inner: CallLedger, fault: Fault, interrupt: Callable[[], object]) -> None:
        self._inner, self._fault, self._interrupt = inner, fault, interrupt
        self._updates, self._is_dead = 0, False

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Fail, or pass the update to the other ledger."""
        if self._is_dead:
            raise Killed
        self._updates += 1
        self._raise(self._fault.errors_before_update.get(self._updates))
        answer = self._inner.update(entry_id, change, now=now)
        self._raise(self._fault.errors_after_update.get(self._updates))
        return answer

    def kill(self) -> None:
        """Make every later update fail."""
        self._is_dead = True

    def _raise(self, error: _Error | None) -> None:
        if error is Interrupted:
            self._interrupt()
        elif error:
            self._is_dead = error is Killed
            raise error


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


def click_sync(fault: Fault, inner: CallLedger) -> Result:
    """Click with a fault, and once more without."""
    service = InMemoryVideoProvider()
    ledger = Failing(inner, fault, _interrupt)

    class Provider:
        def create_call(self, request: CallRequest, /) -> VideoCall:
            self._fail(fault.error_before_call)
            call = service.create_call(request)
            self._fail(fault.error_after_call)
            return cast("VideoCall", fault.answer(call))

        def _fail(self, error: _Error | None) -> None:
            if error is Killed:
                ledger.kill()
            if error:
                raise KeyboardInterrupt if error is Interrupted else error("a fault")

    caller = _result_of(lambda: escalate(fault.request, provider=Provider(), ledger=ledger, now=NOW))
    return _click_again(caller, service, inner, fault)


def click_async(fault: Fault, inner: CallLedger) -> Result:
    """Click in a task. An interruption is a cancellation."""
    service = InMemoryVideoProvider()

    async def click() -> Escalation:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] = cast("asyncio.Task[Any]", asyncio.current_task())

        async def cancel() -> None:
            task.cancel()

        ledger = Failing(inner, fault, lambda: asyncio.run_coroutine_threadsafe(cancel(), loop).result())

        class Provider:
            async def create_call(self, request: CallRequest, /) -> VideoCall:
                await self._fail(fault.error_before_call)
                call = service.create_call(request)
                await self._fail(fault.error_after_call)
                return cast("VideoCall", fault.answer(call))

            async def _fail(self, error: _Error | None) -> None:
                if error is Killed:
                    ledger.kill()
                if error is Interrupted:
                    task.cancel()
                    await asyncio.sleep(0)
                if error:
                    raise error("a fault")

        return await escalate_async(fault.request, provider=Provider(), ledger=ledger, now=NOW)

    return _click_again(_result_of(lambda: asyncio.run(click())), service, inner, fault)


def _result_of(click: Callable[[], Escalation]) -> str:
    """Return the result of a click in words."""
    try:
        return str(click().outcome.value)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return "the interruption"
    except Killed:
        return "nothing"
    except ForeignError:
        return "the ledger's error"
    except Exception as error:  # noqa: BLE001
        with_call = ", with the call" if getattr(error, "call", None) else ""
        return f"`{type(error).__name__}`{with_call}"


def _click_again(caller: str, service: InMemoryVideoProvider, ledger: CallLedger, fault: Fault) -> Result:
    calls = len(service.calls)
    state = ledger.update(entry_id_of(KEY), lambda entry: (entry, _state_of(entry)))
    later = NOW + timedelta(seconds=1)
    next_click = _result_of(lambda: escalate(fault.request, provider=service, ledger=ledger, now=later))
    return Result(caller, calls, state, next_click, len(service.calls))


def _state_of(entry: LedgerEntry) -> str:
    claim = entry.claims.get(KEY)
    if claim is None:
        return "the call" if entry.recorded else "nothing"
    return "a doubt" if claim.is_in_doubt(NOW) else "a claim that becomes a doubt in 60 s"


class Mode(Enum):
    """The two ways to click."""

    SYNC = "escalate()"
    ASYNC = "escalate_async()"

    def click(self, fault: Fault, ledger: CallLedger) -> Result:
        """Click with a fault."""
        return (click_sync if self is Mode.SYNC else click_async)(fault, ledger)


LEDGERS: Final[dict[str, Callable[[Path], CallLedger]]] = {
    "InMemoryCallLedger": lambda _: InMemoryCallLedger(),
    "SQLiteCallLedger": lambda folder: SQLiteCallLedger(folder / "calls.db"),
}


def results_of(fault: Fault) -> dict[Mode, Result]:
    """Click with a fault in each mode. The result must not depend on the ledger."""
    results: dict[Mode, Result] = {}
    for mode in Mode:
        for name, make in LEDGERS.items():
            with tempfile.TemporaryDirectory() as folder:
                result = mode.click(fault, make(Path(folder)))
            assert results.setdefault(mode, result) == result, (fault.name, mode, name)
    return results


def table() -> list[str]:
    """Return the lines of the table: every fault, with its results."""
    lines = [
        "| What fails | in | The caller gets | Calls created | In the ledger | The next click | Calls created by then |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in FAULTS:
        results = results_of(fault)
        modes_by_result = {result: [mode for mode in Mode if results[mode] == result] for result in results.values()}
        for result, modes in modes_by_result.items():
            name = "both" if len(modes) == len(Mode) else f"`{modes[0].value}`"
            lines.append(f"| {' | '.join([fault.name, name, *map(str, result)])} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201
