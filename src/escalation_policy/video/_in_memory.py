"""What needs no RingCentral and no database: a provider that makes calls up, and a ledger for one process."""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock
from typing import Final, TypeVar, final

from .._calls.entries import EMPTY, LedgerEntry
from .._calls.values import CallRequest, VideoCall, utc_now
from ..typing import CallLedger

T = TypeVar("T")


@final
class InMemoryCallLedger(CallLedger):
    """Remembers calls for the threads and tasks of one process, until it ends."""

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._cases: Final[dict[str, LedgerEntry]] = {}
        self._forget_at: int = 1024

    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Changes what is stored of a case; see `CallLedger.update()`."""
        with self._lock:
            stored, answer = change(self._cases.get(case, EMPTY))
            self._cases[case] = stored
            if now and len(self._cases) >= self._forget_at:
                self._forget(now)
            return answer

    def _forget(self, now: datetime) -> None:
        """Forgets what has lapsed; not before there are twice as many cases again, so that it costs next to nothing."""
        lapsed = [name for name, case in self._cases.items() if case.lapses_at is None or case.lapses_at <= now]
        for name in lapsed:
            del self._cases[name]
        self._forget_at = max(1024, 2 * len(self._cases))


@final
class InMemoryVideoProvider:
    """Makes up calls that nobody can join, and remembers them: for tests, tutorials and dry runs."""

    def __init__(self, *, errors: Iterable[BaseException] = (), now: Callable[[], datetime] = utc_now) -> None:
        """Makes a provider without calls.

        Args:
            errors: What the first requests fail with, one each, before a call is made.
            now: Tells when a call is created, with a zone.
        """
        self._lock: Final = Lock()
        self._errors: Final = list(errors)
        self._now: Final = now
        self._calls: Final[dict[str, VideoCall]] = {}
        self._ended: Final[set[str]] = set()

    @property
    def calls(self) -> tuple[VideoCall, ...]:
        """All calls that were ever made, in order."""
        return tuple(self._calls.values())

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes a call up."""
        with self._lock:
            if self._errors:
                raise self._errors.pop(0)
            number = len(self._calls) + 1
            made = VideoCall(
                id=f"call-{number}",
                join_url=f"https://video.example/join/{number}",
                account_id=call.account_id,
                extension_id=call.extension_id,
                created_at=self._now(),
            )
            self._calls[made.id] = made
            return made

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Says whether a call may still be joined; None where it is not one of these."""
        return call.id not in self._ended if self._calls.get(call.id) == call else None

    def end(self, call: VideoCall) -> None:
        """Ends a call: its room is gone."""
        self._ended.add(call.id)
