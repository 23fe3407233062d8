"""Workers that run the checks of a ledger: threads for a `CallLedger`, tasks of one event loop for an `AsyncCallLedger`.

A check is a coroutine and exists once. In a thread it never waits: there, `AwaitableLedger` stands between it and the ledger.
"""

import os
import signal
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import datetime
from functools import partial
from inspect import isawaitable
from typing import Any, Final, NoReturn, TypeVar, cast, final

from .._calls.entries import LedgerEntry
from .._calls.values import VideoCall
from .._engine.truth import Failure
from .._threads import start_in_thread
from ..typing import AsyncCallLedger, CallLedger

T = TypeVar("T")
#: What one worker does. A worker does it only once.
Work = Coroutine[Any, Any, T]
#: What a child writes when it has come so far. The text of an error does not begin with it.
_REPORT: Final = b"."


@final
class AwaitableLedger(AsyncCallLedger):
    """A `CallLedger` with the methods of an `AsyncCallLedger`, which never wait."""

    def __init__(self, ledger: CallLedger) -> None:
        self.ledger: Final = ledger

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        return self.ledger.update(entry_id, change, now=now)

    async def end(self, key: str) -> bool:
        return self.ledger.end(key)

    async def end_case(self, *, domain_id: str, intervention_id: str) -> bool:
        return self.ledger.end_case(domain_id=domain_id, intervention_id=intervention_id)

    async def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        return self.ledger.resolve(key, call, now=now)


@final
class Threads:
    """Workers that are threads.

    Args:
        at_end: Called at the end of each thread, in it.

    Attributes:
        interrupt: What interrupts a worker.
        patience: For how many seconds a worker may block while another one works.
    """

    interrupt: type[BaseException] = KeyboardInterrupt
    patience: float = 120.0

    def __init__(self, at_end: Callable[[], object] | None) -> None:
        self._at_end: Final = at_end

    def run(self, work: Work[T]) -> T:
        """Do work in this thread."""
        try:
            while True:
                work.send(None)
        except StopIteration as end:
            return cast("T", end.value)
        finally:
            if self._at_end:
                self._at_end()

    async def run_at_once(self, *works: Work[T]) -> list[T]:
        """Do each work in a thread of its own, all at once. Return their results, or raise the error of one of them."""
        jobs = [start_in_thread(partial(self.run, work)) for work in works]
        return [job.result() for job in jobs]


@final
class Tasks:
    """Workers that are tasks of one event loop.

    Args:
        at_end: Called at the end of the loop, in it. It may be a coroutine function.

    Attributes:
        interrupt: What interrupts a worker.
        patience: No worker may block, since all others would block too.
    """

    patience: float = 0.0

    def __init__(self, at_end: Callable[[], object] | None) -> None:
        import asyncio  # noqa: PLC0415  pytest loads this module when it starts

        self._asyncio: Final = asyncio
        self._at_end: Final = at_end
        self.interrupt: type[BaseException] = asyncio.CancelledError

    def run(self, work: Work[T]) -> T:
        """Do work in a loop of its own."""
        return self._asyncio.run(self._run(work))

    async def _run(self, work: Work[T]) -> T:
        try:
            return await work
        finally:
            ending = self._at_end() if self._at_end else None
            if isawaitable(ending):
                await ending

    async def run_at_once(self, *works: Work[T]) -> list[T]:
        """Do each work in a task of its own, all at once. Return their results, or raise the error of one of them."""
        return await self._asyncio.gather(*works)

    async def cancel(self, work: Work[object], waits: int) -> bool:
        """Do work in a task that is cancelled when the work has waited so many times and waits again.

        Returns:
            Whether the task was cancelled. False if its work has ended: it does not wait so often, or it went on.
        """

        def cancel_soon() -> None:
            self._asyncio.get_running_loop().call_soon(task.cancel)

        task = self._asyncio.ensure_future(_Interruptible(work, waits, cancel_soon))
        await self._asyncio.wait([task])
        if task.cancelled():
            return True
        task.result()
        return False


@final
class _Interruptible(Awaitable[None]):
    """Work that calls a function when it has waited so many times and waits again.

    Another task cannot hit each of these moments, however long it sleeps.
    """

    def __init__(self, work: Work[object], waits: int, interrupt: Callable[[], None]) -> None:
        self._work: Final = work
        self._waits = waits
        self._interrupt: Final = interrupt

    def __await__(self) -> Generator[Any, None, None]:
        resume: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                future = resume()
            except StopIteration:
                return
            if self._waits == 0:
                self._interrupt()
            self._waits -= 1
            try:
                yield future
                resume = partial(self._work.send, None)
            except BaseException as error:  # noqa: BLE001  the work receives it
                resume = partial(self._work.throw, error)


@final
class Child:
    """A forked child of this process.

    Args:
        work: What the child does. It receives a function that tells the parent that it has come so far.
        time_limit: After so many seconds, the child counts as stuck.
    """

    def __init__(self, work: Callable[[Callable[[], object]], object], time_limit: float) -> None:
        self._receiver, sender = os.pipe()
        self._report = b""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork in a process with threads
            self._id = os.fork()
        if self._id == 0:
            _end_child(work, sender, time_limit)
        os.close(sender)

    def wait(self) -> None:
        """Wait until the child has come so far, or has ended."""
        self._report = os.read(self._receiver, 1)

    def end(self) -> str:
        """Wait for the end of the child. Return what went wrong, or an empty text."""
        with open(self._receiver, "rb") as pipe:  # noqa: PTH123  it has no path
            problem = (self._report + pipe.read()).strip(_REPORT).decode()
        _, status = os.waitpid(self._id, 0)
        return problem or ("it is stuck" if status else "")


def _end_child(work: Callable[[Callable[[], object]], object], sender: int, time_limit: float) -> NoReturn:
    """Do the work of a child, and end its process. Nothing of the parent's is closed or run, since it is the parent's."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, time_limit)
        work(partial(os.write, sender, _REPORT))
    except Exception as error:  # noqa: BLE001  the parent reports it
        os.write(sender, f"it raised {Failure.of_exception(error).error}".encode())
    finally:
        os._exit(0)
