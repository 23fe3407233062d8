"""A ledger in a file: who may read it, what is left in it, what else is refused, and what outlives a process."""

import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest

import escalation_policy
from escalation_policy._calls.entries import Claim, RecordedCall
from escalation_policy._calls.values import call_request_for
from escalation_policy.exceptions import (
    CallInDoubtError,
    InvalidPayloadError,
    InvalidValueError,
    ProviderRejectedError,
)
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    Escalation,
    EscalationOutcome,
    InMemoryVideoProvider,
    LedgerEntry,
    SQLiteCallLedger,
    VideoCall,
    _sqlite,
    escalate,
)
from video.clicks import AT, LONG_TIMEOUT, request_of

HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
NAME: Final = "0" * 32


def call(link: str = "https://video.example/join/1?pwd=s3cret") -> VideoCall:
    """Makes a call."""
    return VideoCall(id="call-1", join_url=link, account_id="664287016", extension_id="664307016", created_at=AT)


def put(ledger: CallLedger, name: str, case: LedgerEntry, now: datetime | None = None) -> None:
    """Stores a case."""
    ledger.update(name, lambda _: (case, None), now=now)


def got(ledger: CallLedger, name: str, now: datetime | None = None) -> LedgerEntry:
    """Gives what is stored of a case."""
    return ledger.update(name, lambda case: (case, case), now=now)


def rows(path: Path) -> int:
    """Counts what is stored."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM cases").fetchone()[0])


def files(folder: Path) -> list[str]:
    """Lists what is in a folder."""
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger can be."""
    return tmp_path / "calls.db"


@pytest.fixture
def ledger(path: Path) -> SQLiteCallLedger:
    """A new ledger."""
    return SQLiteCallLedger(path, timeout=LONG_TIMEOUT)


class TestFile:
    """The file belongs to its owner alone."""

    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids=oct)
    def test_is_created_for_its_owner_alone(self, mask: int, path: Path) -> None:
        """Whatever the process lets others do with its files."""
        before = os.umask(mask)
        try:
            SQLiteCallLedger(path)
        finally:
            os.umask(before)
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    def test_has_a_journal_for_its_owner_alone(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """It holds what was there before the change, links among it, and is gone when the change is done."""
        put(ledger, "1" * 32, LedgerEntry(RecordedCall("k", call(), None, AT)))
        journal = path.with_name("calls.db-journal")

        # What has lapsed is forgotten first: that the file changes has begun.
        mode = ledger.update(NAME, lambda case: (case, stat.S_IMODE(journal.stat().st_mode)), now=AT)
        assert (0o600, False) == (mode, journal.exists())

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666], ids=oct)
    def test_is_refused_when_others_may_read_it(self, mode: int, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nobody is to believe that what has been open to all was not read."""
        path.chmod(mode)
        told = f"path is a file with mode {mode:04o}, but it keeps links: set mode 0600"
        with pytest.raises(InvalidValueError) as caught:
            SQLiteCallLedger(path)
        assert (told, mode) == (str(caught.value.fault), stat.S_IMODE(path.stat().st_mode))

    def test_may_say_anything_where_modes_mean_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Windows says of every file that all may read it."""
        path.touch(0o644)

        class Elsewhere:
            """A system without modes."""

            name = "nt"

            def __getattr__(self, name: str) -> Any:
                return getattr(os, name)

        monkeypatch.setattr(_sqlite, "os", Elsewhere())
        assert LedgerEntry() == got(SQLiteCallLedger(path), NAME)

    @pytest.mark.parametrize("name", ["", ":memory:", Path(":memory:")])
    def test_is_none_in_memory(self, name: str | Path) -> None:
        """Each connection would have one of its own, and the second click would know nothing of the first."""
        told = "path names no file: calls are kept in a file, or with InMemoryCallLedger in memory"
        with pytest.raises(InvalidValueError, match=f"^{told}$"):
            SQLiteCallLedger(name)

    def test_is_not_created_in_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        """Nor below a file."""
        (tmp_path / "file").touch()
        told = "^path is in a directory that does not exist: create it first$"
        for name in ("missing", "file"):
            with pytest.raises(InvalidValueError, match=told):
                SQLiteCallLedger(tmp_path / name / "calls.db")

    def test_is_a_file(self, tmp_path: Path) -> None:
        """A directory is none."""
        with pytest.raises(InvalidValueError, match=r"path is a directory$"):
            SQLiteCallLedger(tmp_path)

    @pytest.mark.parametrize("name", ["a ? b # c % 41.db", "file:calls.db?mode=memory", "Räum.db"])
    def test_may_have_any_name(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also one that SQLite could take for something else, seen from wherever the process was."""
        monkeypatch.chdir(tmp_path)
        ledger = SQLiteCallLedger(name)
        monkeypatch.chdir("/")
        put(ledger, NAME, LedgerEntry(None, {"k": Claim("t", None, AT)}))
        assert [name] == files(tmp_path)
        assert "k" in got(SQLiteCallLedger(tmp_path / name), NAME).claims

    def test_is_not_made_anew_when_it_has_gone(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """An empty one would know of no call, and be readable for all."""
        path.unlink()
        with pytest.raises(sqlite3.OperationalError):
            got(ledger, NAME)
        assert not path.exists()

    @pytest.mark.parametrize("timeout", [timedelta(-1), 5.0])
    def test_is_waited_for_no_shorter_than_not_at_all(self, timeout: Any, path: Path) -> None:
        """Nor for a number of which nobody knows whether it is seconds."""
        with pytest.raises(
            InvalidValueError, match=r"^timeout must be a timedelta of 0 or more, got (-1 day, 0:00:00|5\.0)$"
        ):
            SQLiteCallLedger(path, timeout=timeout)
        assert not path.exists()


class TestOthersFiles:
    """What is not ours is refused, and stays to the byte as it was."""

    def refused(self, path: Path) -> str:
        """Gives why a file is refused."""
        path.chmod(0o600)
        before = path.read_bytes()
        with pytest.raises(InvalidValueError) as caught:
            SQLiteCallLedger(path)
        assert before == path.read_bytes()
        assert [path.name] == files(path.parent)
        return str(caught.value.fault)

    @pytest.mark.parametrize(
        "statements",
        ["CREATE TABLE cases (name, stored, lapses_at)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"],
    )
    @pytest.mark.parametrize("journal", ["DELETE", "WAL"])
    def test_are_those_of_other_applications(self, statements: str, journal: str, path: Path) -> None:
        """Even where they look like ours."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.execute(statements)
        told = "path is the database of another application"
        assert told == self.refused(path)

    @pytest.mark.parametrize("layout", [0, 2])
    def test_are_those_of_other_versions(self, layout: int, ledger: SQLiteCallLedger, path: Path) -> None:
        """A later one keeps calls where this one would not look for them."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {layout}")
        told = f"path is a file of calls of layout {layout}, but this release reads layout 1 only"
        assert told == self.refused(path)

    def test_are_those_that_are_no_database(self, path: Path) -> None:
        """The file was meant for something else."""
        path.write_text("no database, but long enough for one\n" * 99, "utf-8")
        assert "path is a file that SQLite cannot read" == self.refused(path)

    def test_are_not_those_that_are_in_use(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nobody is told that a ledger is broken which is only busy."""
        with holding(ledger), pytest.raises(sqlite3.OperationalError, match="locked"):
            SQLiteCallLedger(path, timeout=timedelta(0))


@contextmanager
def holding(ledger: SQLiteCallLedger) -> Generator[None, None, None]:
    """Holds the file meanwhile, in an update of another thread."""
    inside, enough = threading.Event(), threading.Event()

    def hold(case: LedgerEntry) -> tuple[LedgerEntry, None]:
        inside.set()
        enough.wait()
        return case, None

    thread = threading.Thread(target=ledger.update, args=(NAME, hold))
    thread.start()
    inside.wait()
    yield
    enough.set()
    thread.join()


class TestExchange:
    """What is stored is there again; `check_call_ledger()` looks after the rest."""

    def test_gives_up_when_its_time_is_out_and_has_changed_nothing(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """A click that cannot be claimed asks no provider."""
        hasty, provider = SQLiteCallLedger(path, timeout=timedelta(0)), InMemoryVideoProvider()
        with holding(ledger), pytest.raises(sqlite3.OperationalError, match="locked"):
            escalate(a_request(), provider=provider, ledger=hasty, now=AT)
        assert ((), 0) == (provider.calls, rows(path))
        assert EscalationOutcome.CREATED is escalate(a_request(), provider=provider, ledger=hasty, now=AT).outcome

    def test_waits_for_its_turn(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beyond the patience of SQLite itself."""
        monkeypatch.setattr(_sqlite, "_BUSY_TIMEOUT", 0.001)
        ledger = SQLiteCallLedger(path, timeout=LONG_TIMEOUT)
        done = threading.Event()

        def wait() -> None:
            got(ledger, "1" * 32)
            done.set()

        thread = threading.Thread(target=wait)
        with holding(ledger):
            thread.start()
            assert not done.wait(0.1)
        thread.join()
        assert done.is_set()

    def test_raises_what_is_wrong_but_busy_at_once(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """It gets no better by waiting."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE cases")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            got(ledger, NAME)

    def test_stores_nothing_where_nothing_has_changed(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nobody waits for the disk to be told of a call that is known."""
        put(ledger, NAME, LedgerEntry(None, {"k": Claim("t", None, AT + HOUR)}), AT)
        before = path.read_bytes()
        assert "k" in got(ledger, NAME, AT).claims
        assert before == path.read_bytes()

    def test_keeps_no_row_of_an_empty_case(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nothing in it counts."""
        put(ledger, NAME, LedgerEntry(None, {"k": Claim("t", None, AT)}))
        put(ledger, NAME, LedgerEntry())
        assert 0 == rows(path)

    def test_leaves_no_connection_behind(self, ledger: SQLiteCallLedger) -> None:
        """Not even where it raises: nothing is left to a collector, to another thread or to a fork."""
        opened: list[sqlite3.Connection] = []
        connect = sqlite3.connect

        def connected(*asked: Any, **options: Any) -> sqlite3.Connection:
            opened.append(connect(*asked, **options))
            return opened[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", connected)
            got(ledger, NAME)
            with pytest.raises(ZeroDivisionError):
                ledger.update(NAME, lambda _: (LedgerEntry(), 1 / 0))
        assert 2 == len(opened)
        for each in opened:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                each.execute("SELECT 1")


class TestForgetting:
    """A link goes when its entry lapses."""

    LINKS: Final = [f"https://video.example/join/{number}?pwd=s3cret-{number}" for number in range(200)]

    @pytest.fixture(autouse=True)
    def clicks(self, ledger: SQLiteCallLedger) -> None:
        """Calls that lapse one after the other, each a minute later."""
        for number, link in enumerate(self.LINKS[:20]):
            put(ledger, f"{number:032}", LedgerEntry(RecordedCall("k", call(link), None, AT + (number + 1) * MINUTE)))

    def left(self, path: Path) -> list[int]:
        """Gives the numbers of the links that stand anywhere in the file."""
        text = path.read_bytes()
        return [number for number, link in enumerate(self.LINKS) if link.encode() + b'"' in text]

    @pytest.mark.parametrize("after", [timedelta(0), timedelta(microseconds=1)], ids=["then", "later"])
    def test_comes_with_the_next_exchange_of_any_case(
        self, after: timedelta, ledger: SQLiteCallLedger, path: Path
    ) -> None:
        """Out of the bytes of the file, and at once; what has not lapsed stays."""
        assert list(range(20)) == self.left(path)
        got(ledger, NAME.replace("0", "f"), AT + 5 * MINUTE + after)
        assert list(range(5, 20)) == self.left(path)
        got(ledger, NAME.replace("0", "f"), AT + HOUR)
        assert ([], 0) == (self.left(path), rows(path))

    def test_does_not_come_before_it_is_time(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nor where nobody says what time it is, whatever the clock says."""
        got(ledger, NAME, AT + MINUTE - timedelta(microseconds=1))
        got(ledger, NAME)
        ledger.end(f"{NAME}-other")
        assert list(range(20)) == self.left(path)

    def test_goes_by_the_time_in_any_zone(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Ten in the morning is not always after nine."""
        zone = timezone(timedelta(hours=-11))
        got(ledger, NAME, (AT + 5 * MINUTE).astimezone(zone))
        assert list(range(5, 20)) == self.left(path)

    def test_takes_a_link_out_of_a_case_of_which_something_stays(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The doubt of another agent does not make it live longer."""
        doubt = {"other": Claim("t", None, AT + HOUR)}
        put(ledger, NAME, LedgerEntry(RecordedCall("k", call(self.LINKS[99]), None, AT + MINUTE), doubt))
        got(ledger, "f" * 32, AT + MINUTE)
        assert list(range(1, 20)) == self.left(path)
        assert LedgerEntry(None, doubt) == got(ledger, NAME)

    def test_comes_when_somebody_asks_for_it(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Where nobody clicks any more."""
        assert [5, 0] == [ledger.forget_lapsed(AT + 5 * MINUTE) for _ in range(2)]
        assert list(range(5, 20)) == self.left(path)

    def test_goes_by_the_clock_where_it_is_asked_for_without_a_time(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The one place where the clock is read."""
        put(ledger, "f" * 32, LedgerEntry(None, {"k": Claim("t", None, datetime.now(UTC) + HOUR)}))
        assert (20, 1) == (ledger.forget_lapsed(), rows(path))

    def test_steps_over_a_case_that_cannot_be_read(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Only clicks on that case are told."""
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO cases VALUES ('broken', 'no case', 0)")
        assert ledger.update("another", lambda case: (case, case), now=AT) == LedgerEntry()
        with pytest.raises(InvalidPayloadError):
            ledger.update("broken", lambda case: (case, case), now=AT)

    def test_takes_out_a_link_that_is_replaced(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """By a longer one, and by a shorter one, many times."""
        for number in range(100, 200):
            text = self.LINKS[number].replace("join", "j" * (number * 7 % 400 + 1))
            put(ledger, NAME, LedgerEntry(RecordedCall("k", call(text), None, AT)))
        assert [199] == [number for number in range(100, 200) if f's3cret-{number}"'.encode() in path.read_bytes()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where all processes write what they created."""
    return tmp_path / "log"


@contextmanager
def clicking(path: Path, log: Path, first: int, *hold: str) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Starts a process that clicks, and kills it in the end."""
    script = Path(__file__).with_name("clicks.py")
    package = str(Path(escalation_policy.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, script, path, log, str(first), *hold],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def steps(process: "subprocess.Popen[bytes]", number: int) -> bytes:
    """Waits until a process has taken some steps."""
    assert process.stdout is not None
    taken = process.stdout.read(number)
    assert number == len(taken), "a process has ended by itself"
    return taken


def lines(log: Path, word: str) -> dict[str, str]:
    """Gives keys with the calls that were created, or recorded, for them; no key may have two."""
    told = [line.split() for line in log.read_text("utf-8").splitlines()]
    calls = {(key, call) for first, key, call in told if first == word}
    assert len(calls) == len({key for key, _ in calls}), "two calls for one key"
    return dict(calls)


def look(number: int, ledger: CallLedger) -> Escalation | str:
    """Clicks when every claim that has not come to an end is in doubt, with a provider that makes nothing."""
    refusing = InMemoryVideoProvider(errors=[ProviderRejectedError("not any more")])
    try:
        return escalate(request_of(number), provider=refusing, ledger=ledger, now=AT + MINUTE)
    except (CallInDoubtError, ProviderRejectedError) as error:
        return type(error).__name__


class TestProcesses:
    """Several processes share a file, and one of them is killed again and again."""

    KILLS: Final = 4
    #: A case that no process comes to by itself.
    FAR: Final = 1_000_000

    def test_make_one_call_for_a_key_and_leave_what_was_not_recorded_in_doubt(
        self, ledger: SQLiteCallLedger, path: Path, log: Path
    ) -> None:
        """Killed at any moment, and each second time when a call was created and is not recorded yet."""
        draw = random.Random(0)  # noqa: S311
        with clicking(path, log, 0) as one, clicking(path, log, 0) as two, clicking(path, log, 0) as three:
            for process in (one, two, three):
                steps(process, 1)
            for number in range(self.KILLS):
                # It joins in where the others are.
                with clicking(path, log, log.read_text("utf-8").count("created")) as victim:
                    steps(victim, draw.randrange(1, 8))
                with clicking(path, log, self.FAR + number, "hold") as victim:
                    assert b"c" == steps(victim, 1)
        created, recorded = lines(log, "created"), lines(log, "recorded")
        assert self.KILLS <= len(created.keys() - recorded.keys())
        assert recorded.items() <= created.items()
        numbers = [*range(len(created) + 100), *range(self.FAR, self.FAR + self.KILLS)]
        keys = {call_request_for(request_of(number)).key: number for number in numbers}
        assert created.keys() <= keys.keys()
        for key, number in keys.items():
            came = look(number, ledger)
            if isinstance(came, Escalation):
                assert came.call is not None
                assert (EscalationOutcome.REUSED, created[key]) == (came.outcome, came.call.id)
            elif key in created:
                assert ("CallInDoubtError", False) == (came, key in recorded)
        self.check(path)

    def test_leave_a_call_in_doubt_that_was_created_and_not_recorded(
        self, ledger: SQLiteCallLedger, path: Path, log: Path
    ) -> None:
        """The one point at which there is a call that nobody knows of."""
        for number in range(3):
            with clicking(path, log, number, "hold") as victim:
                assert b"c" == steps(victim, 1)
            assert (number + 1, 0) == (len(lines(log, "created")), len(lines(log, "recorded")))
        assert ["CallInDoubtError"] * 3 + ["ProviderRejectedError"] == [look(number, ledger) for number in range(4)]
        self.check(path)

    @staticmethod
    def check(path: Path) -> None:
        """Holds the file to what SQLite makes of it."""
        with closing(sqlite3.connect(path)) as connection:
            assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        assert [path.name, "log"] == files(path.parent)
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
