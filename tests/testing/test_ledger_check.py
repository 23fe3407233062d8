"""The promises of ledgers as their authors check them: what passes, and what is said of each that is broken."""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Lock
from typing import Any, Final, TypeVar

import pytest

from escalation_policy import EscalationRequest
from escalation_policy._calls.entries import end_call
from escalation_policy.testing import _ledger_promises as promises
from escalation_policy.testing import check_call_ledger
from escalation_policy.testing._ledger_trial import clicked
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    InMemoryCallLedger,
    LedgerEntry,
    SQLiteCallLedger,
    VideoCall,
    entry_from_json,
    entry_to_json,
)

T = TypeVar("T")
Change = Callable[[LedgerEntry], tuple[LedgerEntry, T]]


class Right(CallLedger):
    """Does all that is promised; others get one thing wrong."""

    def __init__(self) -> None:
        self.lock: Any = Lock()
        self.cases: dict[str, Any] = {}

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Changes what is stored of a case."""
        with self.lock:
            kept, answer = change(self.taken(case))
            self.put(case, kept)
            return answer

    def taken(self, case: str) -> Any:
        """Gives what is stored."""
        return self.cases.get(case, LedgerEntry())

    def put(self, case: str, kept: LedgerEntry) -> None:
        """Stores a case."""
        self.cases[case] = kept


class AsksTwice(Right):
    """Calls `change` once more, as whoever has to begin anew does."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Throws the first answer away."""
        with self.lock:
            change(self.taken(case))
            kept, answer = change(self.taken(case))
            self.put(case, kept)
            return answer


class Optimistic(Right):
    """Lets everybody in, and begins anew where somebody else was faster."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Compares before it stores."""
        while True:
            before = self.taken(case)
            kept, answer = change(before)
            with self.lock:
                if self.taken(case) == before:
                    self.put(case, kept)
                    return answer


class Unlocked(Right):
    """Lets two updates of one case in, and forgets what one of them stored."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Holds nobody off."""
        kept, answer = change(self.taken(case))
        self.put(case, kept)
        return answer


class LockedTooLate(Right):
    """Reads before it has the lock."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Changes what may be out of date."""
        before = self.taken(case)
        with self.lock:
            kept, answer = change(before)
            self.put(case, kept)
            return answer


class FirstUnlocked(Right):
    """Locks what is stored, which the first claim of a case is not yet."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Holds nobody off where nothing is stored."""
        if case in self.cases:
            return super().update(case, change, now)
        kept, answer = change(LedgerEntry())
        self.put(case, kept)
        return answer


class Edited(Right):
    """Stores something else than it was given."""

    def __init__(self, edit: Callable[[str], str]) -> None:
        super().__init__()
        self.edit: Final = edit

    def put(self, case: str, kept: LedgerEntry) -> None:
        """Stores an edited text."""
        self.cases[case] = entry_from_json(self.edit(entry_to_json(kept)))


def without_doubts(text: str) -> str:
    """Keeps no claim that is in doubt."""
    told = json.loads(text)
    told["attempts"] = {key: each for key, each in told["attempts"].items() if each["expires_at"]}
    return json.dumps(told)


def without_supersedes(text: str) -> str:
    """Keeps the call, and not the one whose place it took."""
    told = json.loads(text)
    if told["recorded"]:
        told["recorded"]["supersedes"] = None
    return json.dumps(told)


def in_utc(text: str) -> str:
    """Keeps the time, and not the zone."""
    at = r'(?<=created_at":")[^"]+'
    return re.sub(at, lambda found: datetime.fromisoformat(found[0]).astimezone(UTC).isoformat(), text)


class ShortNames(Right):
    """Takes cases for one that begin alike."""

    def taken(self, case: str) -> Any:
        """Gives what is stored."""
        return self.cases.get(case[:31], LedgerEntry())

    def put(self, case: str, kept: LedgerEntry) -> None:
        """Stores a case."""
        self.cases[case[:31]] = kept


class DeletesFirst(Right):
    """Takes a case out before it is changed, and puts it back only where that went well."""

    def taken(self, case: str) -> Any:
        """Gives what is stored, and stores nothing."""
        return self.cases.pop(case, LedgerEntry())


class KeepsTheLock(Right):
    """Gives the lock back only where all went well."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Waits for ever after an error."""
        self.lock.acquire()
        kept, answer = change(self.taken(case))
        self.put(case, kept)
        self.lock.release()
        return answer


class Swallows(Right):
    """Goes on as if nothing had been raised."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Gives None instead of an error."""
        try:
            return super().update(case, change, now)
        except BaseException:  # noqa: BLE001  which is the mistake
            return None


class Wraps(Right):
    """Takes for an error of its own what is no error."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Nobody could stop it."""
        try:
            return super().update(case, change, now)
        except KeyboardInterrupt as error:
            raise RuntimeError from error


class RaisesAnew(Right):
    """Raises another one of its kind."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """What it carried is lost."""
        try:
            return super().update(case, change, now)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt from error


class OneFile(Right):
    """Stores all cases as one, and holds off only who changes the same."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: Final = defaultdict[str, Any](Lock)

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Undoes what was stored of other cases since it read."""
        with self.lock:
            lock = self.locks[case]
        with lock:
            return self.changed(case, change)

    def changed(self, case: str, change: Change[T]) -> T:
        """Reads, changes, writes."""
        file = dict(self.cases)
        kept, answer = change(file.get(case, LedgerEntry()))
        self.cases = {**file, case: kept}
        return answer


class GoesByTheClock(Right):
    """Looks at the clock where it is not told what time it is."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Forgets what has lapsed."""
        with self.lock:
            at = now or datetime.now(UTC)
            self.cases = {name: each for name, each in self.cases.items() if each.lapses_at and at < each.lapses_at}
        return super().update(case, change, now)


class ForgetsEarly(Right):
    """Forgets a case as soon as one thing in it has lapsed."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Goes by what lapses first."""
        with self.lock:
            for name, each in [*self.cases.items()]:
                lapses = [attempt.lapses_at for attempt in each.claims.values()]
                lapses += [each.recorded.lapses_at] if each.recorded else []
                if now and lapses and min(lapses) <= now:
                    del self.cases[name]
        return super().update(case, change, now)


class ComparesTexts(Right):
    """Takes the order of texts for that of times, whatever their zones."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Forgets what seems to have lapsed."""
        with self.lock:
            for name, each in [*self.cases.items()]:
                if now and each.lapses_at and each.lapses_at.isoformat() <= now.isoformat():
                    del self.cases[name]
        return super().update(case, change, now)


class ForgetsDoubts(Right):
    """Takes the end of a claim's time for the end of the claim."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Forgets claims that are in doubt when somebody looks."""

        def looked(stored: LedgerEntry) -> tuple[LedgerEntry, T]:
            attempts = {k: a for k, a in stored.claims.items() if not (now and a.expires_at and a.expires_at <= now)}
            return change(LedgerEntry(stored.recorded, attempts))

        return super().update(case, looked, now)


class Undying(Right):
    """Makes what is stored live for ever."""

    def put(self, case: str, kept: LedgerEntry) -> None:
        """Stores a case that never lapses."""
        super().put(case, kept)

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Tells a recorded call from a time when it still counted."""
        return super().update(case, lambda stored: change(_longer(stored, now)), now)


def _longer(stored: LedgerEntry, now: datetime | None) -> LedgerEntry:
    known = stored.recorded
    lapsed = known and now and known.lapses_at <= now
    return (
        stored._replace(recorded=known._replace(lapses_at=now + timedelta(1))) if known and now and lapsed else stored
    )


class NeverEnds(Right):
    """Does not end calls."""

    def end(self, key: str) -> bool:
        """Says yes, and does nothing."""
        return True


class EndsAll(Right):
    """Forgets the case with the call."""

    def end(self, key: str) -> bool:
        """Also claims of others, and doubts."""
        return self.update(key[:32], lambda case: (LedgerEntry(), True) if end_call(case, key)[1] else (case, False))


class ResolvesTheLiving(Right):
    """Settles a claim while its call is being created."""

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Takes no heed of the time."""
        return super().resolve(key, call, now=(now or datetime.now(UTC)) + timedelta(minutes=30))


class ResolvesAnything(Right):
    """Settles what is in no doubt."""

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Always says that there was a doubt."""
        super().resolve(key, call, now=now)
        return True


class Silent(Right):
    """Forgets to return what `change` returns."""

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> Any:
        """Gives None."""
        super().update(case, change, now)


class Nameless(Right):
    """Knows of no case that is not stored."""

    def taken(self, case: str) -> Any:
        """Raises where nothing is stored."""
        return self.cases[case]


class GivesNone(Right):
    """Gives None where nothing is stored."""

    def taken(self, case: str) -> Any:
        """Gives no case."""
        return self.cases.get(case)


class Numbered(CallLedger):
    """Keeps each handle's cases to the second, and knows them all by the microsecond only in the one that stored them."""

    def __init__(self, shared: Right) -> None:
        self.mine: Final[dict[str, LedgerEntry]] = {}
        self.shared: Final = shared

    def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
        """Looks into a cache of its own first."""

        def cached(stored: LedgerEntry) -> tuple[LedgerEntry, T]:
            kept, answer = change(self.mine.get(case, stored))
            self.mine[case] = kept
            return kept, answer

        return self.shared.update(case, cached, now)


def broken(make: Callable[[], CallLedger]) -> str:
    """Checks a ledger that breaks a promise, and gives what is said of it."""
    with pytest.raises(AssertionError) as caught:
        check_call_ledger(make)
    return re.sub(r"[0-9a-f]{32}", "CASE", str(caught.value))


class TestCheckCallLedger:
    """What keeps all promises passes; what breaks one is told which, and how."""

    @pytest.mark.parametrize("make", [InMemoryCallLedger, Right, AsksTwice, Optimistic])
    def test_passes_what_keeps_its_promises(self, make: Callable[[], CallLedger]) -> None:
        """Each handle has cases of its own here."""
        check_call_ledger(make)

    def test_passes_handles_of_one_ledger(self, tmp_path: Path) -> None:
        """Again and again, whatever the last time has left there."""
        ledger = InMemoryCallLedger()
        for make in (lambda: ledger, lambda: SQLiteCallLedger(tmp_path / "calls.db", timeout=timedelta(minutes=1))):
            check_call_ledger(make)
            check_call_ledger(make)

    @pytest.mark.parametrize(
        ("make", "promise", "what", "expected", "came"),
        [
            (
                lambda: Edited(lambda text: re.sub(r"\?[^\"]*", "", text)),
                "a call is kept as it is",
                "what is stored: recorded.call.join_url",
                r"https://video.example/join/1\?pwd=(Aa%2B){60}&lang=de#now",
                "https://video.example/join/1",
            ),
            (
                lambda: Edited(lambda text: re.sub(r"(\.\d{3})\d{3}\+", r"\g<1>000+", text)),
                "a claim is kept as it is",
                r"what is stored: attempts.CASE-agent.(expires_at|lapses_at)",
                r"\S+\.123457\+05:45",
                r"\S+\.123000\+05:45",
            ),
            (
                lambda: Edited(in_utc),
                "a call is kept as it is",
                "what is stored: recorded.call.created_at",
                r"\S+\+05:45",
                r"\S+\+00:00",
            ),
            (
                lambda: Edited(without_doubts),
                "a doubt is kept as it is",
                r"what is stored: attempts.CASE-agent.\w+",
                ".*",
                "nothing",
            ),
            (
                lambda: Edited(without_supersedes),
                "a call is kept with the one whose place it took",
                r"what is stored: recorded.supersedes\S*",
                ".*",
                ".*",
            ),
            (Silent, "a claim is kept as it is", "a case that is not stored", "a LedgerEntry", "None"),
            (GivesNone, "a claim is kept as it is", "a case that is not stored", "a LedgerEntry", "None"),
            (ShortNames, "cases are kept apart", r"a case, when others are stored: \S+", ".*", ".*"),
            (
                DeletesFirst,
                "an update that raises changes nothing",
                r"a case, when change\(\) raised: \S+",
                ".+",
                "nothing",
            ),
            (
                Swallows,
                "an update that raises changes nothing",
                r"what change\(\) raises comes out",
                "that very ValueError",
                "None",
            ),
            *[
                (
                    make,
                    "an update that raises changes nothing",
                    r"what change\(\) raises comes out",
                    "that very KeyboardInterrupt",
                    came,
                )
                for make, came in ((Wraps, "a RuntimeError"), (RaisesAnew, "a KeyboardInterrupt"))
            ],
            (
                OneFile,
                "updates of other cases undo nothing",
                "claims in two cases at once",
                "first, second",
                "first, |, second",
            ),
            (
                GoesByTheClock,
                "nothing is forgotten by the clock",
                r"what lapsed long ago, in an update without now: \S+",
                ".+",
                "nothing",
            ),
            *[
                (
                    make,
                    "updates of one case come one after the other",
                    "claims of two agents at once",
                    "first, second",
                    "first|second",
                )
                for make in (Unlocked, LockedTooLate, FirstUnlocked)
            ],
            (ForgetsDoubts, "doubts stay", "a click 0:01:00 after a claim", "CallInDoubtError", "created"),
            *[
                (make, "nothing is forgotten before it lapses", r"what has not lapsed: \S+", ".*", "nothing")
                for make in (ForgetsEarly, ComparesTexts)
            ],
            (Undying, "what has lapsed counts no more", "a click when a call has lapsed", "created", "reused"),
            (
                NeverEnds,
                r"end\(\) forgets a recorded call, and that alone",
                r"end\(\) of a call that there is not",
                "False",
                "True",
            ),
            (
                EndsAll,
                r"end\(\) forgets a recorded call, and that alone",
                r"a case after end\(\): attempts.CASE-\w+.\w+",
                ".+",
                "nothing",
            ),
            (
                ResolvesTheLiving,
                r"resolve\(\) settles a doubt, and that alone",
                r"resolve\(\) to no call, before a claim's time is out",
                "False",
                "True",
            ),
            (
                ResolvesAnything,
                r"resolve\(\) settles a doubt, and that alone",
                r"resolve\(\) to no call, without a doubt",
                "False",
                "True",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
    )
    def test_tells_which_promise_is_broken(
        self, make: Callable[[], CallLedger], promise: str, what: str, expected: str, came: str
    ) -> None:
        """The promise that is meant for it, what was expected and what came."""
        said = broken(make)
        told = rf"\w+ breaks a promise: {promise}\n  {what}\n  expected: ({expected})\n  came: ({came})"
        assert re.fullmatch(told, said), said

    def test_tells_of_an_answer_that_is_another(self) -> None:
        """Whoever claims has to hear what came of it."""

        class Copies(Right):
            """Gives something else where it was given what is no case."""

            def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> Any:
                """Gives another object."""
                answer: Any = super().update(case, change, now)
                return object() if type(answer) is object else answer

        what = "update() returns what change() does\n  expected: True\n  came: False"
        assert f"Copies breaks a promise: a claim is kept as it is\n  {what}" == broken(Copies)

    def test_tells_of_clicks_that_made_two_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also where nothing else is known to be wrong."""

        def click(_: CallLedger, request: EscalationRequest, now: datetime, provider: Any = None) -> str:
            return clicked(InMemoryCallLedger(), request, now, provider)

        monkeypatch.setattr(promises, "clicked", click)
        what = "calls after 8 clicks at once\n  expected: 1\n  came: 8"
        assert f"Right breaks a promise: of many clicks one makes the call\n  {what}" == broken(Right)

    def test_tells_of_cases_that_are_lost_after_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of all that store at once, only the last one is heard."""
        threads = Barrier(8)

        class ReadsLate(OneFile):
            """Reads the file once more before it writes it."""

            def changed(self, case: str, change: Change[T]) -> T:
                """Writes when as many others have read."""
                before = self.taken(case)
                kept, answer = change(before)
                file = dict(self.cases)
                if kept.recorded and not before.recorded:
                    threads.wait()
                self.cases = {**file, case: kept}
                return answer

        monkeypatch.setattr(promises, "PROMISES", {"a promise": promises._loses_nothing})
        said = broken(ReadsLate)
        told = r"ReadsLate breaks a promise: a promise\n  a case, when 8 threads store others: \S+\n.*\n  came: nothing"
        assert re.fullmatch(told, said), said

    def test_tells_of_a_ledger_that_is_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It waits for a lock that nobody gives back."""
        monkeypatch.setattr(promises, "_STUCK", 0.5)
        monkeypatch.setattr(promises, "PROMISES", {"a promise": promises._undoes})
        assert "KeepsTheLock breaks a promise: a promise\n  it is stuck" == broken(KeepsTheLock)

    def test_tells_what_was_raised(self) -> None:
        """And where; whoever wants to know more has it in the traceback."""
        with pytest.raises(
            AssertionError, match=r"Nameless .* kept as it is\n  it raised KeyError at \S+:\d+$"
        ) as caught:
            check_call_ledger(Nameless)
        assert isinstance(caught.value.__cause__, KeyError)

    def test_tells_of_handles_that_do_not_see_each_others_changes(self) -> None:
        """Each alone keeps all promises."""
        shared = Right()
        said = broken(lambda: Numbered(shared))
        assert said.startswith("Numbered breaks a promise: a claim is kept as it is, across two handles\n"), said

    def test_tells_of_a_table_that_two_may_read_at_once(self, tmp_path: Path) -> None:
        """The commonest mistake with a database: to lock only when it is written."""

        class Deferred(CallLedger):
            """Begins to hold the file when it stores."""

            def update(self, case: str, change: Change[T], /, now: datetime | None = None) -> T:
                """Reads without a transaction."""
                with closing(sqlite3.connect(tmp_path / "calls.db")) as connection, connection:
                    connection.execute("CREATE TABLE IF NOT EXISTS cases (name TEXT PRIMARY KEY, stored TEXT)")
                    row = connection.execute("SELECT stored FROM cases WHERE name = ?", (case,)).fetchone()
                    kept, answer = change(entry_from_json(row[0]) if row else LedgerEntry())
                    connection.execute("INSERT OR REPLACE INTO cases VALUES (?, ?)", (case, entry_to_json(kept)))
                return answer

        assert "updates of one case come one after the other\n  claims of two" in broken(Deferred)
