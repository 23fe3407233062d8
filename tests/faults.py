"""Everything that can go wrong with a click, done for real: what the caller gets, and what it leaves behind.

`python tests/faults.py` prints the table that stands in the documentation.
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
    """The process, or the thread, is gone: it does nothing any more."""


class Interrupted(BaseException):
    """Stands for what interrupts: KeyboardInterrupt in a thread, cancellation in a task."""


class ForeignError(Exception):
    """What no provider and no ledger was told to raise."""


@final
@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: What it is.
        request: What is asked for.
        refuses: What the provider raises before it makes a call.
        loses: What it raises after it has made one.
        answers: What it answers, given the call that it has made.
        ledger_refuses: What the ledger raises before it stores the change of that number, from 1.
        ledger_loses: What it raises after it has stored it.
    """

    name: str
    request: EscalationRequest = ALLOWED
    refuses: _Error | None = None
    loses: _Error | None = None
    answers: Callable[[VideoCall], Any] = lambda call: call
    ledger_refuses: Mapping[int, _Error] = attrs.field(factory=dict[int, _Error])
    ledger_loses: Mapping[int, _Error] = attrs.field(factory=dict[int, _Error])


FAULTS: Final = [
    Fault(name="nothing"),
    Fault(name="the request is denied", request=attrs.evolve(ALLOWED, login=Login.PASSWORD)),
    Fault(name="the ledger fails before it stores the claim", ledger_refuses={1: ForeignError}),
    Fault(name="the ledger fails after it has stored the claim", ledger_loses={1: ForeignError}),
    Fault(
        name="the same, and it does not take it back", ledger_loses={1: ForeignError}, ledger_refuses={2: ForeignError}
    ),
    Fault(name="interrupted before the claim is stored", ledger_refuses={1: Interrupted}),
    Fault(name="interrupted when the claim is stored", ledger_loses={1: Interrupted}),
    Fault(name="killed when the claim is stored", ledger_loses={1: Killed}),
    Fault(name="the provider is unavailable", refuses=ProviderUnavailableError),
    Fault(name="the same, and the ledger fails", refuses=ProviderUnavailableError, ledger_refuses={2: ForeignError}),
    Fault(name="the provider rejects the request", refuses=ProviderRejectedError),
    Fault(name="the provider cannot tell, and has made none", refuses=ProviderOutcomeUnknownError),
    Fault(name="the provider cannot tell, and has made one", loses=ProviderOutcomeUnknownError),
    Fault(name="the same, and the ledger fails", loses=ProviderOutcomeUnknownError, ledger_refuses={2: ForeignError}),
    Fault(name="the provider raises anything else", refuses=ForeignError),
    Fault(name="the provider raises anything else, and has made one", loses=ForeignError),
    Fault(name="the provider answers what is no call", answers=lambda call: call.join_url),
    Fault(
        name="the provider answers the call of another host", answers=lambda call: attrs.evolve(call, account_id="1")
    ),
    Fault(name="interrupted before the call is made", refuses=Interrupted),
    Fault(name="interrupted when the call is made", loses=Interrupted),
    Fault(name="killed before the call is made", refuses=Killed),
    Fault(name="killed when the call is made", loses=Killed),
    Fault(name="the ledger fails before it records the call", ledger_refuses={2: ForeignError}),
    Fault(name="the same, from then on", ledger_refuses={2: ForeignError, 3: ForeignError}),
    Fault(name="the ledger fails after it has recorded the call", ledger_loses={2: ForeignError}),
    Fault(name="interrupted before the call is recorded", ledger_refuses={2: Interrupted}),
    Fault(name="interrupted when the call is recorded", ledger_loses={2: Interrupted}),
    Fault(name="killed when the call is recorded", ledger_loses={2: Killed}),
]


@final
class Failing(CallLedger):
    """A ledger that fails where it is told to."""

    def __init__(self, inner: CallLedger, fault: Fault, interrupt: Callable[[], object]) -> None:
        self._inner, self._fault, self._interrupt = inner, fault, interrupt
        self._changes, self._dead = 0, False

    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Fails, or has the other ledger do it."""
        if self._dead:
            raise Killed
        self._changes += 1
        self._raise(self._fault.ledger_refuses.get(self._changes))
        answer = self._inner.update(case, change, now=now)
        self._raise(self._fault.ledger_loses.get(self._changes))
        return answer

    def kill(self) -> None:
        """Lets nobody change anything any more."""
        self._dead = True

    def _raise(self, error: _Error | None) -> None:
        if error is Interrupted:
            self._interrupt()
        elif error:
            self._dead = error is Killed
            raise error


class Tried(NamedTuple):
    """What came of a click with a fault.

    Attributes:
        caller: What the caller got.
        calls: How many calls the provider had made by then.
        ledger: What stood in the ledger.
        next: What the next click gave.
        calls_then: How many calls the provider had made by then.
    """

    caller: str
    calls: int
    ledger: str
    next: str
    calls_then: int


def _interrupt() -> None:
    raise KeyboardInterrupt


def try_sync(fault: Fault, inner: CallLedger) -> Tried:
    """Clicks with a fault, and once more without."""
    service = InMemoryVideoProvider()
    ledger = Failing(inner, fault, _interrupt)

    class Provider:
        def create_call(self, wanted: CallRequest, /) -> VideoCall:
            self._fail(fault.refuses)
            call = service.create_call(wanted)
            self._fail(fault.loses)
            return cast("VideoCall", fault.answers(call))

        def _fail(self, error: _Error | None) -> None:
            if error is Killed:
                ledger.kill()
            if error:
                raise KeyboardInterrupt if error is Interrupted else error("a fault")

    caller = _said(lambda: escalate(fault.request, provider=Provider(), ledger=ledger, now=NOW))
    return _afterwards(caller, service, inner, fault)


def try_async(fault: Fault, inner: CallLedger) -> Tried:
    """Does the same in a task; what interrupts it is a cancellation."""
    service = InMemoryVideoProvider()

    async def click() -> Escalation:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] = cast("asyncio.Task[Any]", asyncio.current_task())

        async def cancel() -> None:
            task.cancel()

        ledger = Failing(inner, fault, lambda: asyncio.run_coroutine_threadsafe(cancel(), loop).result())

        class Provider:
            async def create_call(self, wanted: CallRequest, /) -> VideoCall:
                await self._fail(fault.refuses)
                call = service.create_call(wanted)
                await self._fail(fault.loses)
                return cast("VideoCall", fault.answers(call))

            async def _fail(self, error: _Error | None) -> None:
                if error is Killed:
                    ledger.kill()
                if error is Interrupted:
                    task.cancel()
                    await asyncio.sleep(0)
                if error:
                    raise error("a fault")

        return await escalate_async(fault.request, provider=Provider(), ledger=ledger, now=NOW)

    return _afterwards(_said(lambda: asyncio.run(click())), service, inner, fault)


def _said(click: Callable[[], Escalation]) -> str:
    """Puts in a word what a click gave."""
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


def _afterwards(caller: str, service: InMemoryVideoProvider, ledger: CallLedger, fault: Fault) -> Tried:
    calls = len(service.calls)
    left = ledger.update(entry_id_of(KEY), lambda case: (case, _state(case)))
    later = NOW + timedelta(seconds=1)
    then = _said(lambda: escalate(fault.request, provider=service, ledger=ledger, now=later))
    return Tried(caller, calls, left, then, len(service.calls))


def _state(case: LedgerEntry) -> str:
    attempt = case.claims.get(KEY)
    if attempt is None:
        return "the call" if case.recorded else "nothing"
    return "a doubt" if attempt.is_in_doubt(NOW) else "a claim, a doubt in 60 s"


class Mode(Enum):
    """The two ways to click."""

    SYNC = "escalate()"
    ASYNC = "escalate_async()"

    def tries(self, fault: Fault, ledger: CallLedger) -> Tried:
        """Clicks with a fault."""
        return (try_sync if self is Mode.SYNC else try_async)(fault, ledger)


LEDGERS: Final[dict[str, Callable[[Path], CallLedger]]] = {
    "InMemoryCallLedger": lambda _: InMemoryCallLedger(),
    "SQLiteCallLedger": lambda folder: SQLiteCallLedger(folder / "calls.db"),
}


def try_everywhere(fault: Fault) -> dict[Mode, Tried]:
    """Tries a fault in each mode; it may not matter with which ledger."""
    tried: dict[Mode, Tried] = {}
    for mode in Mode:
        for name, make in LEDGERS.items():
            with tempfile.TemporaryDirectory() as folder:
                came = mode.tries(fault, make(Path(folder)))
            assert tried.setdefault(mode, came) == came, (fault.name, mode, name)
    return tried


def table() -> list[str]:
    """Tries everything, and writes down what came of it."""
    lines = [
        "| What fails | in | The caller gets | Calls made | In the ledger | The next click | Calls made by then |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in FAULTS:
        tried = try_everywhere(fault)
        where = {came: [mode for mode in Mode if tried[mode] == came] for came in tried.values()}
        for came, modes in where.items():
            name = "both" if len(modes) == len(Mode) else f"`{modes[0].value}`"
            lines.append(f"| {' | '.join([fault.name, name, *map(str, came)])} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201
