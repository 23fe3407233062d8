"""`check_call_ledger()`: which ledgers pass, and how it reports each kind of broken ledger."""

import asyncio
import json
import os
import pickle
import re
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Lock, Thread, current_thread, get_ident, local
from typing import Any, Final, TypeVar
from unittest.mock import Mock

import pytest

from escalation_policy._calls.entries import end_call, lapse_times
from escalation_policy.testing import _ledger_check, check_call_ledger
from escalation_policy.testing._workers import AwaitableLedger, Threads
from escalation_policy.typing import AsyncCallLedger, CallLedger
from escalation_policy.video import (
    InMemoryCallLedger,
    LedgerEntry,
    SQLiteCallLedger,
    VideoCall,
    _sqlite,
    entry_from_json,
    entry_to_json,
)

T = TypeVar("T")
Change = Callable[[LedgerEntry], tuple[LedgerEntry, T]]
Make = Callable[[], CallLedger] | Callable[[], AsyncCallLedger]


class Right(CallLedger):
    """Keeps all promises. Each subclass breaks one."""

    def __init__(self) -> None:
        self.lock: Any = Lock()
        self.entries: dict[str, Any] = {}

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Change an entry."""
        with self.lock:
            return self.change_unlocked(entry_id, change)

    def change_unlocked(self, entry_id: str, change: Change[T]) -> T:
        """Change an entry without a lock."""
        entry, answer = change(self.load(entry_id))
        self.store(entry_id, entry)
        return answer

    def load(self, entry_id: str) -> Any:
        """Return the stored entry."""
        return self.entries.get(entry_id, LedgerEntry())

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store an entry."""
        self.entries[entry_id] = entry


class CallsChangeTwice(Right):
    """Calls `change` twice, as a ledger does that retries."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Ignore the first result."""
        with self.lock:
            change(self.load(entry_id))
            return self.change_unlocked(entry_id, change)


class Optimistic(Right):
    """Retries if another update was faster, instead of locking."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Compare before storing."""
        while True:
            before = self.load(entry_id)
            entry, answer = change(before)
            with self.lock:
                if self.load(entry_id) == before:
                    self.store(entry_id, entry)
                    return answer


class Reverses(Right):
    """Stores the claims in another order, as JSON columns of some databases do."""

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Reverse them."""
        super().store(entry_id, entry._replace(claims=dict(reversed([*entry.claims.items()]))))


class Unlocked(Right):
    """Lets updates of one entry overlap, so that one of them is lost."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Lock nothing."""
        return self.change_unlocked(entry_id, change)


class LoadsBeforeLocking(Right):
    """Changes an entry that may be out of date."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Load too early."""
        before = self.load(entry_id)
        with self.lock:
            entry, answer = change(before)
            self.store(entry_id, entry)
            return answer


class StoresAfterUnlocking(Right):
    """Lets another update in between the change and the storing."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Store too late."""
        with self.lock:
            entry, answer = change(self.load(entry_id))
        time.sleep(0.0005)
        self.store(entry_id, entry)
        return answer


class LocksStoredEntries(Right):
    """Locks an entry that is stored. The first claim of a case is not stored yet."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Lock nothing if nothing is stored."""
        if entry_id in self.entries:
            return super().update(entry_id, change, now)
        return self.change_unlocked(entry_id, change)


class Edited(Right):
    """Stores something else than it received."""

    def __init__(self, edit: Callable[[str], str]) -> None:
        super().__init__()
        self.edit: Final = edit

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store an edited text."""
        self.entries[entry_id] = entry_from_json(self.edit(entry_to_json(entry)))


def without_doubts(text: str) -> str:
    """Remove the claims that are in doubt."""
    fields = json.loads(text)
    fields["attempts"] = {key: claim for key, claim in fields["attempts"].items() if claim["expires_at"]}
    return json.dumps(fields)


def without_supersedes(text: str) -> str:
    """Remove the call that the recorded call replaced."""
    fields = json.loads(text)
    if fields["recorded"]:
        fields["recorded"]["supersedes"] = None
    return json.dumps(fields)


def without_query(text: str) -> str:
    """Remove the queries of links."""
    return re.sub(r"\?[^\"]*", "", text)


def in_milliseconds(text: str) -> str:
    """Cut off microseconds."""
    return re.sub(r"(\.\d{3})\d{3}\+", r"\g<1>000+", text)


def in_utc(text: str) -> str:
    """Convert the times of calls to UTC."""
    created_at = r'(?<=created_at":")[^"]+'
    return re.sub(created_at, lambda match: datetime.fromisoformat(match[0]).astimezone(UTC).isoformat(), text)


class ShortIds(Right):
    """Confuses entries whose ids begin alike."""

    def load(self, entry_id: str) -> Any:
        """Return the stored entry."""
        return self.entries.get(entry_id[:31], LedgerEntry())

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store an entry."""
        self.entries[entry_id[:31]] = entry


class DeletesFirst(Right):
    """Deletes an entry before the change, and stores it only if the change does not raise."""

    def load(self, entry_id: str) -> Any:
        """Delete the stored entry and return it."""
        return self.entries.pop(entry_id, LedgerEntry())


class NeverUnlocks(Right):
    """Unlocks only if nothing raises."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Stay locked after an error."""
        self.lock.acquire()
        answer = self.change_unlocked(entry_id, change)
        self.lock.release()
        return answer


class Swallows(Right):
    """Suppresses errors."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Return None instead of raising."""
        try:
            return super().update(entry_id, change, now)
        except BaseException:  # noqa: BLE001  this is the mistake
            return None


class Wraps(Right):
    """Raises an error of its own for an interrupt."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Hide a KeyboardInterrupt, so that nobody can stop the process."""
        try:
            return super().update(entry_id, change, now)
        except KeyboardInterrupt as error:
            raise RuntimeError from error


class RaisesCopies(Right):
    """Raises another error of the same type."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Lose what the error held."""
        try:
            return super().update(entry_id, change, now)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt from error


class OneFile(Right):
    """Stores all entries together, but locks each one separately."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: Final = defaultdict[str, Any](Lock)

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Undo what others have stored since this update has loaded the file."""
        with self.lock:
            lock = self.locks[entry_id]
        with lock:
            return self.change_file(entry_id, change)

    def change_file(self, entry_id: str, change: Change[T]) -> T:
        """Load the file, change an entry, store the file."""
        file = dict(self.entries)
        entry, answer = change(file.get(entry_id, LedgerEntry()))
        self.entries = {**file, entry_id: entry}
        return answer


class UsesTheClock(Right):
    """Uses the system's clock if an update does not name the time."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Delete what has lapsed by the clock."""
        with self.lock:
            at = now or datetime.now(UTC)
            self.entries = {id_: entry for id_, entry in self.entries.items() if at < (entry.lapses_at or at)}
        return super().update(entry_id, change, now)


class DeletesEarly(Right):
    """Deletes an entry as soon as one part of it has lapsed."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Compare with the first lapse time."""
        with self.lock:
            for id_, entry in [*self.entries.items()]:
                if now and now >= min(lapse_times(entry), default=now):
                    del self.entries[id_]
        return super().update(entry_id, change, now)


class ComparesTexts(Right):
    """Compares times as texts, although their zones differ."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Delete what seems to have lapsed."""
        with self.lock:
            for id_, entry in [*self.entries.items()]:
                if now and entry.lapses_at and entry.lapses_at.isoformat() <= now.isoformat():
                    del self.entries[id_]
        return super().update(entry_id, change, now)


class DeletesDoubts(Right):
    """Deletes a claim when it expires."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Change the entry without its expired claims."""

        def change_others(entry: LedgerEntry) -> tuple[LedgerEntry, T]:
            claims = {k: c for k, c in entry.claims.items() if not (now and c.expires_at and c.expires_at <= now)}
            return change(LedgerEntry(entry.recorded, claims))

        return super().update(entry_id, change_others, now)


class NeverLapses(Right):
    """Prolongs a recorded call that has lapsed."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Change the entry as if the recorded call still counted."""
        return super().update(entry_id, lambda entry: change(_prolonged(entry, now)), now)


def _prolonged(entry: LedgerEntry, now: datetime | None) -> LedgerEntry:
    recorded = entry.recorded
    if recorded and now and recorded.lapses_at <= now:
        return entry._replace(recorded=recorded._replace(lapses_at=now + timedelta(1)))
    return entry


class NeverEnds(Right):
    """Does not end calls."""

    def end(self, key: str) -> bool:
        """Do nothing."""
        return True


class EndsClaims(Right):
    """Deletes the whole entry when its call ends, with the claims and doubts of other agents."""

    def end(self, key: str) -> bool:
        """Delete the entry if the call is recorded."""
        return self.update(key[:32], lambda entry: (LedgerEntry(), True) if end_call(entry, key)[1] else (entry, False))


class ResolvesClaims(Right):
    """Settles a claim while its call is being created."""

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Look at a later time."""
        return super().resolve(key, call, now=(now or datetime.now(UTC)) + timedelta(minutes=30))


class ResolvesAnything(Right):
    """Always answers that there was a doubt."""

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Return True."""
        super().resolve(key, call, now=now)
        return True


class NoAnswer(Right):
    """Does not return the answer of `change`."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Return None."""
        super().update(entry_id, change, now)


class CopiesAnswer(Right):
    """Returns another answer than `change`, unless it knows its type."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Return another object for an object."""
        answer: Any = super().update(entry_id, change, now)
        return object() if type(answer) is object else answer


class RaisesIfEmpty(Right):
    """Cannot update an entry that is not stored."""

    def load(self, entry_id: str) -> Any:
        """Raise if nothing is stored."""
        return self.entries[entry_id]


class NoneIfEmpty(Right):
    """Passes None to `change` if nothing is stored."""

    def load(self, entry_id: str) -> Any:
        """Return None if nothing is stored."""
        return self.entries.get(entry_id)


class Caching(CallLedger):
    """Has a cache in each handle, which does not see the changes of other handles."""

    def __init__(self, shared: Right) -> None:
        self.cache: Final[dict[str, LedgerEntry]] = {}
        self.shared: Final = shared

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Look into the cache first."""

        def change_cached(entry: LedgerEntry) -> tuple[LedgerEntry, T]:
            self.cache[entry_id], answer = change(self.cache.get(entry_id, entry))
            return self.cache[entry_id], answer

        return self.shared.update(entry_id, change_cached, now)


class AnswersFirst(Right):
    """Retries, and returns the answer of the first try."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Store what the second call of `change` returns."""
        with self.lock:
            _, answer = change(self.load(entry_id))
            self.change_unlocked(entry_id, change)
            return answer


class KeepsTheLast(Right):
    """Stores nothing if nothing is left of an entry, and leaves the old one."""

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Ignore an empty entry."""
        if entry.lapses_at:
            super().store(entry_id, entry)


class EndsOwnCases(Right):
    """Looks for the case under another id."""

    def end_case(self, *, domain_id: str, intervention_id: str) -> bool:
        """Exchange the ids' places."""
        return super().end_case(domain_id=intervention_id, intervention_id=domain_id + "x")


class Joins(Right):
    """Takes part in a transaction of the host."""

    is_open: bool = False

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Undo everything if an error leaves the transaction."""
        before, self.is_open = dict(self.entries), True
        try:
            yield
        except BaseException:
            self.entries = before
            raise
        finally:
            self.is_open = False

    @asynccontextmanager
    async def async_transaction(self) -> AsyncGenerator[None]:
        """Do the same."""
        with self.transaction():
            yield


class Refuses(Joins):
    """Refuses to work in a transaction of the host."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Raise if a transaction is open."""
        if self.is_open:
            raise RuntimeError
        return super().update(entry_id, change, now)


class RefusesLate(Joins):
    """Notices the transaction when it has stored a claim in it."""

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Raise if a claim is stored."""
        if self.is_open and entry_id in self.entries:
            raise RuntimeError
        return super().update(entry_id, change, now)


class Expires(Right):
    """Deletes entries by the system's clock, as a store with a time to live does."""

    def load(self, entry_id: str) -> Any:
        """Return the stored entry, if it has not lapsed by the clock."""
        entry = super().load(entry_id)
        return entry.at(datetime.now(UTC))


class InPickles(Right):
    """Stores each entry in a file, for all processes."""

    folder: Path

    def load(self, entry_id: str) -> Any:
        """Read the file."""
        file = self.folder / entry_id
        return pickle.loads(file.read_bytes()) if file.exists() else LedgerEntry()

    def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Replace the file."""
        new = self.folder / f"{entry_id}.{os.getpid()}.{get_ident()}"
        new.write_bytes(pickle.dumps(entry))
        new.replace(self.folder / entry_id)


class InOneThread(Right):
    """Uses its store in one thread only, which no forked child has."""

    def __init__(self) -> None:
        super().__init__()
        self.thread: Final = ThreadPoolExecutor(1)

    def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Wait for the thread."""
        return self.thread.submit(self.change_unlocked, entry_id, change).result()


class AsyncRight(AsyncCallLedger):
    """Keeps all promises. Each subclass breaks one."""

    def __init__(self, right: Right | None = None) -> None:
        self.lock: Final = asyncio.Lock()
        self.right: Final = right or Right()

    async def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Change an entry."""
        async with self.lock:
            return await self.change_unlocked(entry_id, change)

    async def change_unlocked(self, entry_id: str, change: Change[T]) -> T:
        """Change an entry without a lock, slowly."""
        await asyncio.sleep(0)
        before = self.right.load(entry_id)
        await asyncio.sleep(0)
        entry, answer = change(before)
        await self.store(entry_id, entry)
        return answer

    async def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store an entry."""
        self.right.store(entry_id, entry)
        await asyncio.sleep(0)


class AsyncUnlocked(AsyncRight):
    """Lets updates of one entry overlap."""

    async def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Lock nothing."""
        return await self.change_unlocked(entry_id, change)


class AsyncOneFile(AsyncRight):
    """Stores all entries together, but locks each one separately."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: Final = defaultdict[str, asyncio.Lock](asyncio.Lock)

    async def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Undo what others have stored since this update has loaded the file."""
        async with self.locks[entry_id]:
            file = dict(self.right.entries)
            await asyncio.sleep(0)
            entry, answer = change(file.get(entry_id, LedgerEntry()))
            self.right.entries = {**file, entry_id: entry}
            return answer


class AsyncInParts(AsyncRight):
    """Stores an entry in two steps."""

    async def store(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store the recorded call first."""
        await super().store(entry_id, entry._replace(claims={}))
        await super().store(entry_id, entry)


class AsyncNeverUnlocks(AsyncRight):
    """Unlocks only if nothing raises and nobody cancels."""

    async def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Stay locked after a cancellation."""
        await self.lock.acquire()
        answer = await self.change_unlocked(entry_id, change)
        self.lock.release()
        return answer


class AsyncSwallows(AsyncRight):
    """Suppresses the cancellation."""

    async def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Return None instead of raising."""
        with suppress(asyncio.CancelledError):
            return await super().update(entry_id, change, now)


class AsyncFails(AsyncRight):
    """Raises an error of its own if it is cancelled."""

    async def change_unlocked(self, entry_id: str, change: Change[T]) -> T:
        """Raise it only if the cancellation is not the change's."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise RuntimeError from None
        return await super().change_unlocked(entry_id, change)


class PlainEnd(AsyncRight):
    """Has a plain function where a coroutine function is expected."""

    def end(self, key: str) -> Any:
        """Return a bool."""
        return self.right.end(key)


def check_only(monkeypatch: pytest.MonkeyPatch, check: Callable[[Any], Any], **constants: float) -> None:
    """Leave out all other promises, since a check of all takes a while."""
    monkeypatch.setattr(_ledger_check, "_PROMISES", {"a promise": check})
    for name, value in constants.items():
        monkeypatch.setattr(_ledger_check, name, value)


def report_of(make: Make, **options: Any) -> str:
    """Check a broken ledger and return the report, with `ID` in place of entry ids."""
    with pytest.raises(AssertionError) as caught:
        check_call_ledger(make, **options)
    return re.sub(r"[0-9a-f]{32}", "ID", str(caught.value))


LASTS: Final = "entries last until they lapse"
EXACT: Final = "entries and answers are exact"
RAISES: Final = "an update that raises changes nothing"
SAME: Final = "updates of one entry do not overlap"
ANSWERS: Final = "an answer belongs to the entry that is stored"
CANCELLED: Final = "an update that is cancelled changes all or nothing"
OTHERS: Final = "updates of different entries do not undo each other"


class TestCheckCallLedger:
    """A ledger that keeps its promises passes. Otherwise the report names the promise and the difference."""

    @pytest.mark.parametrize("make", [InMemoryCallLedger, Right, CallsChangeTwice, Optimistic, Reverses, AsyncRight])
    def test_passes_if_all_promises_are_kept(self, make: Make) -> None:
        """Here, each handle has its own entries."""
        check_call_ledger(make)

    @pytest.mark.slow
    def test_passes_handles_that_share_entries(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also with what the last check has left behind. No power fails meanwhile."""
        monkeypatch.setattr(
            _sqlite, "_BEGIN", ("PRAGMA synchronous = OFF", "PRAGMA journal_mode = MEMORY", "BEGIN IMMEDIATE")
        )
        ledger = InMemoryCallLedger()
        check_call_ledger(lambda: ledger)
        check_call_ledger(lambda: ledger)
        check_call_ledger(lambda: SQLiteCallLedger(tmp_path / "calls.db", timeout=timedelta(minutes=1)))

    @pytest.mark.parametrize(
        ("make", "promise", "what", "expected", "actual"),
        [
            (
                lambda: Edited(without_query),
                EXACT,
                r"an entry after .+: recorded.(call|supersedes).join_url",
                r"https://video.example/join/\d+\?pwd=(Aa%2B){60}&lang=de#now",
                r"https://video.example/join/\d+",
            ),
            (lambda: Edited(in_milliseconds), EXACT, r"an entry after .+_at", r"\S+\.\d{6}\+.*", r"\S+000\+.*"),
            (lambda: Edited(in_utc), EXACT, "an entry after .+created_at", r"\S+\+05:45", r"\S+\+00:00"),
            (lambda: Edited(without_doubts), EXACT, r"an entry after .+: attempts.ID-\w.\w+", ".+", "nothing"),
            (lambda: Edited(without_supersedes), EXACT, r"an entry after .+: recorded.supersedes\S*", ".+", "nothing"),
            (NoAnswer, EXACT, "an entry that is not stored", "a LedgerEntry", "None"),
            (NoneIfEmpty, EXACT, "an entry that is not stored", "a LedgerEntry", "None"),
            (CopiesAnswer, EXACT, r"update\(\) returns the answer of change\(\)", "True", "False"),
            (ShortIds, EXACT, "an entry after .+", ".+", ".+"),
            (UsesTheClock, LASTS, "an entry of 2020 .+", "stored", "nothing; .+pass own_clock=True"),
            (DeletesDoubts, EXACT, "(the answer of|an entry after) .+", ".+", ".+"),
            (DeletesEarly, EXACT, "(the answer of|an entry after) .+", ".+", ".+"),
            (ComparesTexts, EXACT, "an entry after .+", ".*", "nothing"),
            (NeverLapses, EXACT, "(the answer of|an entry after) .+", ".*", ".*"),
            (NeverEnds, EXACT, r"(the answer of|an entry after) end\(\).*", ".+", ".+"),
            (EndsClaims, EXACT, r"an entry after end\(\): attempts.+", ".+", "nothing"),
            (ResolvesClaims, EXACT, r"(the answer of|an entry after) resolve\(\) .+", ".+", ".+"),
            (ResolvesAnything, EXACT, r"the answer of resolve\(\) .+", "False", "True"),
            (KeepsTheLast, EXACT, "an entry after .+", "None|nothing", ".+"),
            (EndsOwnCases, EXACT, r"(the answer of|an entry after) end_case\(\).*", ".+", ".+"),
            (AnswersFirst, ANSWERS, ".+", r"from call 1 of change\(\)", r"from call 2 of change\(\)"),
            (DeletesFirst, RAISES, r"an entry after change\(\) has raised: \S+", ".+", "nothing"),
            (Swallows, RAISES, r"the error that change\(\) raises", "that very ValueError", "None"),
            (Wraps, RAISES, r"the error that change\(\) raises", "that very KeyboardInterrupt", "a RuntimeError"),
            (
                RaisesCopies,
                RAISES,
                r"the error that change\(\) raises",
                "that very KeyboardInterrupt",
                "a KeyboardInterrupt",
            ),
            *[
                (make, SAME, "two claims at once", "first, second", "first|second")
                for make in (Unlocked, LoadsBeforeLocking, LocksStoredEntries, StoresAfterUnlocking)
            ],
            (OneFile, OTHERS, "claims of two entries at once", "first, second", "first|second"),
            (AsyncUnlocked, SAME, "two claims at once", "first, second", "first|second"),
            (AsyncOneFile, OTHERS, "claims of two entries at once", "first, second", "first|second"),
            (AsyncInParts, CANCELLED, "an entry after a cancelled update: .+", ".+", ".+"),
            (AsyncSwallows, RAISES, r"the error that change\(\) raises", "that very CancelledError", "None"),
        ],
        ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
    )
    def test_reports_the_broken_promise(self, make: Make, promise: str, what: str, expected: str, actual: str) -> None:
        """The report has the promise, the difference, what was expected and what happened."""
        report = report_of(make)
        pattern = rf"\w+ breaks a promise: {promise}\n  {what}\n  expected: ({expected})\n  actual: ({actual})"
        assert re.fullmatch(pattern, report), report

    def test_reports_entries_that_are_lost_when_many_are_stored_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the last update of all is stored."""
        threads = Barrier(8)

        class LoadsTheFileLate(OneFile):
            """Loads the file again before storing it."""

            def change_file(self, entry_id: str, change: Change[T]) -> T:
                """Store the file when as many other updates have loaded it."""
                before = self.load(entry_id)
                entry, answer = change(before)
                file = dict(self.entries)
                if entry.recorded and not before.recorded:
                    threads.wait()
                self.entries = {**file, entry_id: entry}
                return answer

        check_only(monkeypatch, _ledger_check._check_other_entries)
        report = report_of(LoadsTheFileLate)
        what = r"an entry after 8 workers have stored others: \S+\n  expected: .+\n  actual: nothing"
        assert re.fullmatch(rf"LoadsTheFileLate breaks a promise: a promise\n  {what}", report), report

    def test_reports_a_ledger_that_is_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It waits for a lock that nobody releases."""
        check_only(monkeypatch, _ledger_check._check_errors, _STUCK_AFTER=0.2)
        assert "NeverUnlocks breaks a promise: a promise\n  it is stuck" == report_of(NeverUnlocks)

    def test_reports_an_error_of_the_ledger(self) -> None:
        """The report has its type and line, and the traceback has the rest."""
        with pytest.raises(AssertionError, match=r"RaisesIfEmpty .* lapse\n  it raised KeyError at \S+:\d+$") as caught:
            check_call_ledger(RaisesIfEmpty)
        assert isinstance(caught.value.__cause__, KeyError)

    def test_reports_handles_that_do_not_see_changes_of_others(self) -> None:
        """Each handle alone keeps all promises."""
        shared = Right()
        report = report_of(lambda: Caching(shared))
        assert report.startswith("Caching breaks a promise: entries and answers are exact, across two handles\n"), (
            report
        )

    def test_reports_a_table_that_two_updates_can_read_at_once(self, tmp_path: Path) -> None:
        """The most common mistake with a database: the lock begins with the first write."""

        class LocksWhenWriting(CallLedger):
            """Locks the file when it stores."""

            def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
                """Read without a transaction."""
                with closing(sqlite3.connect(tmp_path / "calls.db")) as connection, connection:
                    connection.execute("PRAGMA synchronous = OFF")
                    connection.execute("CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, text TEXT)")
                    row = connection.execute("SELECT text FROM entries WHERE id = ?", (entry_id,)).fetchone()
                    entry, answer = change(entry_from_json(row[0]) if row else LedgerEntry())
                    connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", (entry_id, entry_to_json(entry)))
                return answer

        assert "updates of one entry do not overlap\n  two claims" in report_of(LocksWhenWriting)


class TestTransactionOfTheHost:
    """With `inside`: what the ledger stores must survive a rollback of the host's, or nothing may happen at all."""

    @pytest.fixture(autouse=True)
    def only_rollbacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Check nothing else."""
        check_only(monkeypatch, _ledger_check._check_rollback)

    def test_passes_a_ledger_that_refuses_to_work_in_it(self) -> None:
        """The click raises `LedgerError` before the provider is asked."""
        ledger = Refuses()
        check_call_ledger(lambda: ledger, inside=ledger.transaction)

    def test_passes_a_ledger_that_takes_no_part_in_it(self) -> None:
        """The second click reuses the call."""
        check_call_ledger(Right, inside=Joins().transaction)

    @pytest.mark.parametrize(
        ("ledger", "actual"), [(Joins(), "2 calls"), (RefusesLate(), "CallInDoubtError after 1 calls")]
    )
    def test_reports_a_ledger_that_takes_part_in_it(self, ledger: Joins, actual: str) -> None:
        """The report says what to do."""
        report = report_of(lambda: ledger, inside=ledger.transaction)
        assert report.startswith(
            f"{type(ledger).__name__} breaks a promise: a promise\n"
            "  a click in a transaction of the host, its rollback, and another click\n"
            "  expected: 1 call, or LedgerError before the provider is asked\n"
            f"  actual: {actual}; the ledger must not take part in the host's transaction: "
        )
        assert "ATOMIC_REQUESTS" in report

    @pytest.mark.parametrize("transaction", ["transaction", "async_transaction"])
    def test_reports_an_async_ledger_that_takes_part_in_it(self, transaction: str) -> None:
        """The context manager may be async too."""
        ledger = Joins()
        assert "  actual: 2 calls; " in report_of(lambda: AsyncRight(ledger), inside=getattr(ledger, transaction))


class TestOwnClock:
    """With `own_clock`, a store may delete lapsed entries by the true time."""

    def test_passes_a_store_with_a_time_to_live(self) -> None:
        """The entries of the check have not lapsed yet."""
        check_call_ledger(Expires, own_clock=True)

    def test_is_named_in_the_report_about_such_a_store(self) -> None:
        """Without it, all entries have lapsed long ago."""
        assert "pass own_clock=True" in report_of(Expires)


class TestThreadEnds:
    """`thread_ends` is called where the ledger may have opened something."""

    def test_is_called_at_the_end_of_each_thread(self) -> None:
        """Also of those whose work raises."""
        users, ended = set[Thread](), set[Thread]()

        class NotesThreads(Right):
            """Notes in which threads it is used."""

            def load(self, entry_id: str) -> Any:
                """Note the thread."""
                assert current_thread() not in ended
                users.add(current_thread())
                return super().load(entry_id)

        check_call_ledger(NotesThreads, inside=nullcontext, thread_ends=lambda: ended.add(current_thread()))
        assert len(users) > 8
        assert users <= ended

    def test_is_called_at_the_end_of_the_loop(self) -> None:
        """It may be a coroutine function."""
        ends: list[str] = []

        async def end() -> None:
            await asyncio.sleep(0)
            ends.append("async")

        check_call_ledger(AsyncRight, thread_ends=end)
        check_call_ledger(AsyncRight, thread_ends=lambda: ends.append("plain"))
        assert ["async", "plain"] == ends


class TestAsyncLedgers:
    """What only an `AsyncCallLedger` can do wrong."""

    def test_are_checked_while_another_loop_is_running(self) -> None:
        """As in an async test."""

        async def check() -> None:
            check_call_ledger(AsyncRight)

        asyncio.run(check())

    def test_may_go_on_when_they_are_cancelled(self) -> None:
        """The update is stored, and the cancellation is lost with the shield."""

        class Shielded(AsyncRight):
            """Stores in a task of its own."""

            async def change_unlocked(self, entry_id: str, change: Change[T]) -> T:
                """Wait for the task in any case."""
                task = asyncio.ensure_future(super().change_unlocked(entry_id, change))
                while not task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
                return task.result()

        check_call_ledger(Shielded)

    def test_that_stay_locked_are_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next update waits for ever."""
        check_only(monkeypatch, _ledger_check._check_cancellation, _STUCK_AFTER=0.2)
        assert "AsyncNeverUnlocks breaks a promise: a promise\n  it is stuck" == report_of(AsyncNeverUnlocks)

    @pytest.mark.parametrize(("make", "error"), [(AsyncFails, "RuntimeError"), (PlainEnd, "TypeError")])
    def test_that_raise_other_errors_are_reported(self, make: Make, error: str) -> None:
        """For a cancellation, or since a method is no coroutine function."""
        assert re.search(rf"\w+ breaks a promise: .+\n  it raised {error} at \S+:\d+$", report_of(make))


@pytest.mark.skipif(not _ledger_check._CAN_FORK, reason="needs fork")
class TestForkedChild:
    """A ledger that processes share is also used by a forked child."""

    @pytest.fixture(autouse=True)
    def only_forks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Check nothing else, except that the handles share their entries."""
        check_only(monkeypatch, _ledger_check._check_lasting)

    def test_passes_if_it_excludes_its_parent(self, tmp_path: Path) -> None:
        """As a lock in a file does."""
        fcntl = pytest.importorskip("fcntl")

        class Locked(InPickles):
            """Locks all entries for all processes."""

            folder = tmp_path

            def update(self, entry_id: str, change: Change[T], /, now: datetime | None = None) -> T:
                """Lock a file."""
                with (tmp_path / "lock").open("w") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    return self.change_unlocked(entry_id, change)

        check_call_ledger(Locked)

    def test_passes_if_each_thread_has_a_connection_of_its_own(self) -> None:
        """As with Django. The child must not inherit an open one."""
        opened_here = local()

        class PerThread(Right):
            """Opens a connection in each thread, and leaves it open."""

            def load(self, entry_id: str) -> Any:
                """Use the connection in the process that has opened it."""
                opened_here.process_id = getattr(opened_here, "process_id", os.getpid())
                assert opened_here.process_id == os.getpid()
                return super().load(entry_id)

        ledger = PerThread()
        check_call_ledger(lambda: ledger)

    def test_reports_a_lock_for_threads_only(self, tmp_path: Path) -> None:
        """The child and its parent load the same entry."""

        class Threaded(InPickles):
            """Has one lock for all handles."""

            folder = tmp_path
            common_lock: Final = Lock()

            def __init__(self) -> None:
                super().__init__()
                self.lock = self.common_lock

        assert report_of(Threaded).startswith(
            "Threaded breaks a promise: a forked child can use the ledger, across two handles\n"
            "  claims of the child and its parent at once\n  expected: child, parent\n  actual: "
        )

    def test_reports_a_child_that_is_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The child's thread does not exist."""
        monkeypatch.setattr(_ledger_check, "_CHILD_STUCK_AFTER", 0.2)
        ledger = InOneThread()
        assert report_of(lambda: ledger).endswith(
            ": a forked child can use the ledger, across two handles\n"
            "  an update in the child\n  expected: its answer\n  actual: it is stuck"
        )

    def test_reports_an_error_in_the_child(self) -> None:
        """With its type and line."""
        parent = os.getpid()

        class OfOneProcess(Right):
            """Raises in any other process."""

            def load(self, entry_id: str) -> Any:
                """Compare the process."""
                if os.getpid() != parent:
                    raise RuntimeError
                return super().load(entry_id)

        ledger = OfOneProcess()
        assert re.search(r"actual: it raised RuntimeError at \S+:\d+$", report_of(lambda: ledger))

    @pytest.mark.parametrize("errors", [[], [None, ValueError()]], ids=["answer", "error"])
    def test_the_child_ends_without_closing_what_is_its_parents(
        self, errors: list[Exception | None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even if its update raises. Here, this process plays the child."""

        class Fails(Right):
            """Raises the next error."""

            def load(self, entry_id: str) -> Any:
                """Raise it before anything is loaded."""
                if errors and (error := errors.pop(0)):
                    raise error
                return super().load(entry_id)

        def end(status: int) -> None:
            raise SystemExit(status)

        monkeypatch.setattr(os, "fork", lambda: 0)
        monkeypatch.setattr(os, "_exit", end)
        for name in ("signal", "setitimer"):
            monkeypatch.setattr(signal, name, Mock())
        ledger, workers = AwaitableLedger(Fails()), Threads(None)
        subject = _ledger_check._Subject(workers, ledger, ledger, datetime.now(UTC), None)
        with pytest.raises(SystemExit, match="0"):
            workers.run(_ledger_check._check_fork(subject))

    def test_is_left_out_where_processes_cannot_fork(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such as Windows."""
        monkeypatch.setattr(_ledger_check, "_CAN_FORK", False)
        monkeypatch.delattr(os, "fork")
        ledger = Right()
        check_call_ledger(lambda: ledger)
