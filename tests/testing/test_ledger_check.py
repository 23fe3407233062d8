"""`check_call_ledger()`: which ledgers pass, and how it reports each kind of broken ledger."""

import json
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Lock
from typing import Any, Final, TypeVar

import pytest

from escalation_policy._calls.entries import end_call, lapse_times
from escalation_policy.testing import _ledger_check, check_call_ledger
from escalation_policy.typing import CallLedger
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
        time.sleep(0.002)
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


def report_of(make: Callable[[], CallLedger]) -> str:
    """Check a broken ledger and return the report, with `ID` in place of entry ids."""
    with pytest.raises(AssertionError) as caught:
        check_call_ledger(make)
    return re.sub(r"[0-9a-f]{32}", "ID", str(caught.value))


LASTS: Final = "entries last until they lapse"
EXACT: Final = "entries and answers are exact"
RAISES: Final = "an update that raises changes nothing"
SAME: Final = "updates of one entry do not overlap"
OTHERS: Final = "updates of different entries do not undo each other"


class TestCheckCallLedger:
    """A ledger that keeps its promises passes. Otherwise the report names the promise and the difference."""

    @pytest.mark.parametrize("make", [InMemoryCallLedger, Right, CallsChangeTwice, Optimistic])
    def test_passes_if_all_promises_are_kept(self, make: Callable[[], CallLedger]) -> None:
        """Here, each handle has its own entries."""
        check_call_ledger(make)

    def test_passes_handles_that_share_entries(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """More than once, with what the last check has left behind. No power fails meanwhile."""
        monkeypatch.setattr(
            _sqlite, "_BEGIN", ("PRAGMA synchronous = OFF", "PRAGMA journal_mode = MEMORY", "BEGIN IMMEDIATE")
        )
        ledger = InMemoryCallLedger()
        for make in (lambda: ledger, lambda: SQLiteCallLedger(tmp_path / "calls.db", timeout=timedelta(minutes=1))):
            check_call_ledger(make)
            check_call_ledger(make)

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
            (UsesTheClock, LASTS, "an entry of 2020, .+", "stored", "nothing; .+pass own_clock=True"),
            (DeletesDoubts, EXACT, "(the answer of|an entry after) .+", ".+", ".+"),
            (DeletesEarly, EXACT, "(the answer of|an entry after) .+", ".+", ".+"),
            (ComparesTexts, EXACT, "an entry after .+", ".*", "nothing"),
            (NeverLapses, EXACT, "(the answer of|an entry after) .+", ".*", ".*"),
            (NeverEnds, EXACT, r"(the answer of|an entry after) end\(\).*", ".+", ".+"),
            (EndsClaims, EXACT, r"an entry after end\(\): attempts.+", ".+", "nothing"),
            (ResolvesClaims, EXACT, r"(the answer of|an entry after) resolve\(\) .+", ".+", ".+"),
            (ResolvesAnything, EXACT, r"the answer of resolve\(\) .+", "False", "True"),
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
        ],
        ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
    )
    def test_reports_the_broken_promise(
        self, make: Callable[[], CallLedger], promise: str, what: str, expected: str, actual: str
    ) -> None:
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

        monkeypatch.setattr(_ledger_check, "_PROMISES", {"a promise": _ledger_check._check_other_entries})
        report = report_of(LoadsTheFileLate)
        what = r"an entry after 8 workers have stored others: \S+\n  expected: .+\n  actual: nothing"
        assert re.fullmatch(rf"LoadsTheFileLate breaks a promise: a promise\n  {what}", report), report

    def test_reports_a_ledger_that_is_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It waits for a lock that nobody releases."""
        monkeypatch.setattr(_ledger_check, "_STUCK_AFTER", 0.5)
        monkeypatch.setattr(_ledger_check, "_PROMISES", {"a promise": _ledger_check._check_errors})
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
