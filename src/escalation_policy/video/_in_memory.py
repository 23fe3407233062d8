"""A provider and a ledger in memory, for tests, tutorials and backends of one process."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar, final

from .._calls.entries import EMPTY, LedgerEntry
from .._calls.rows import MARGIN
from .._calls.values import CallRequest, VideoCall, utc_now
from .._locks import ForkSafeLock
from ..typing import CallLedger

T = TypeVar("T")


@final
class InMemoryCallLedger(CallLedger):
    """Remembers calls for the threads and tasks of one process, until it ends."""

    def __init__(self) -> None:
        self._lock: Final = ForkSafeLock()
        self._entries: Final[dict[str, LedgerEntry]] = {}
        self._sweep_at: int = 1024

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry; see `CallLedger.update()`."""
        with self._lock:
            stored = self._entries.get(entry_id, EMPTY)
            entry, answer = change(stored if now is None else stored.at(now))
            if entry.recorded is None and not entry.claims:
                self._entries.pop(entry_id, None)
            elif entry is not stored:
                self._entries[entry_id] = entry
                if now and len(self._entries) >= self._sweep_at:
                    self._delete_lapsed(now - MARGIN)
            return answer

    def _delete_lapsed(self, cutoff: datetime) -> None:
        """Delete what has lapsed, and do so again when the number of entries has doubled: each update pays next to nothing."""
        for entry_id, stored in list(self._entries.items()):
            entry = stored.at(cutoff)
            if entry == EMPTY:
                del self._entries[entry_id]
            else:
                self._entries[entry_id] = entry
        self._sweep_at = max(1024, 2 * len(self._entries))


@final
class InMemoryVideoProvider:
    """Creates fictitious calls that nobody can join, for tests, tutorials and dry runs."""

    def __init__(self, *, errors: Iterable[BaseException] = (), now: Callable[[], datetime] = utc_now) -> None:
        """Create a provider without calls.

        Args:
            errors: The errors that the first requests raise, one each, without creating a call.
            now: Returns the time at which a call is created, with a zone.
        """
        self._lock: Final = ForkSafeLock()
        self._errors: Final = list(errors)
        self._now: Final = now
        self._calls: Final[dict[str, VideoCall]] = {}
        self._closed_ids: Final[set[str]] = set()

    @property
    def calls(self) -> tuple[VideoCall, ...]:
        """All calls so far, in the order of their creation."""
        return tuple(self._calls.values())

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call, or raise the next error."""
        with self._lock:
            if self._errors:
                raise self._errors.pop(0)
            number = len(self._calls) + 1
            created = VideoCall(
                id=f"call-{number}",
                join_url=f"https://video.example/join/{number}",
                account_id=call.account_id,
                extension_id=call.extension_id,
                created_at=self._now(),
            )
            self._calls[created.id] = created
            return created

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether the room of a call still exists. None if the call is not from this provider."""
        return call.id not in self._closed_ids if self._calls.get(call.id) == call else None

    def end(self, call: VideoCall) -> None:
        """End a call, so that its room no longer exists."""
        self._closed_ids.add(call.id)
