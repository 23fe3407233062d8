"""A ledger in a file: its mode, its contents, which files are refused, and what survives the end of a process."""

import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
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
    LedgerError,
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
    entry_to_json,
    escalate,
)
from video.clicks import AT, LONG_TIMEOUT, request_of

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
ENTRY_ID: Final = "0" * 32


def call(link: str = "https://video.example/join/1?pwd=s3cret") -> VideoCall:
    """Return a call."""
    return VideoCall(id="call-1", join_url=link, account_id="664287016", extension_id="664307016", created_at=AT)


def put(ledger: CallLedger, entry_id: str, entry: LedgerEntry, now: datetime | None = None) -> None:
    """Store an entry."""
    ledger.update(entry_id, lambda _: (entry, None), now=now)


def get(ledger: CallLedger, entry_id: str, now: datetime | None = None) -> LedgerEntry:
    """Return a stored entry."""
    return ledger.update(entry_id, lambda entry: (entry, entry), now=now)


def rows(path: Path) -> int:
    """Return the number of stored entries."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


def files(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that does not exist."""
    return tmp_path / "calls.db"


@pytest.fixture
def ledger(path: Path) -> SQLiteCallLedger:
    """Return a new ledger."""
    return SQLiteCallLedger(path, timeout=LONG_TIMEOUT)


class TestFile:
    """Only its owner may read the file."""

    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids=oct)
    def test_is_created_for_its_owner_alone(self, mask: int, path: Path) -> None:
        """The umask of the process does not matter."""
        before = os.umask(mask)
        try:
            SQLiteCallLedger(path)
        finally:
            os.umask(before)
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    def test_has_a_journal_for_its_owner_alone(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The journal holds the links from before an update, and is deleted after the update."""
        put(ledger, "1" * 32, LedgerEntry(RecordedCall("k", call(), None, AT)))
        journal = path.with_name("calls.db-journal")

        # Lapsed entries are deleted first, so the file has changed already.
        later = AT + timedelta(days=1)
        mode = ledger.update(ENTRY_ID, lambda entry: (entry, stat.S_IMODE(journal.stat().st_mode)), now=later)
        assert (0o600, False) == (mode, journal.exists())

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666], ids=oct)
    def test_is_refused_when_others_may_read_it(self, mode: int, ledger: SQLiteCallLedger, path: Path) -> None:
        """Somebody may have read it already, and the host should know."""
        path.chmod(mode)
        problem = f"path is a file with mode {mode:04o}, but it keeps links: set mode 0600"
        with pytest.raises(InvalidValueError) as caught:
            SQLiteCallLedger(path)
        assert (problem, mode) == (str(caught.value.fault), stat.S_IMODE(path.stat().st_mode))

    def test_may_have_any_mode_on_windows(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """There, the mode says that all users may read every file."""
        path.touch(0o644)

        class Elsewhere:
            """The module `os` on Windows."""

            name = "nt"

            def __getattr__(self, name: str) -> Any:
                return getattr(os, name)

        monkeypatch.setattr(_sqlite, "os", Elsewhere())
        assert LedgerEntry() == get(SQLiteCallLedger(path), ENTRY_ID)

    @pytest.mark.parametrize("name", ["", ":memory:", Path(":memory:")])
    def test_is_not_in_memory(self, name: str | Path) -> None:
        """Each connection would have its own database, and the second click would not see the call of the first."""
        problem = "path names no file: calls are kept in a file, or with InMemoryCallLedger in memory"
        with pytest.raises(InvalidValueError, match=f"^{problem}$"):
            SQLiteCallLedger(name)

    def test_is_not_created_in_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        """A file is no directory."""
        (tmp_path / "file").touch()
        problem = "^path is in a directory that does not exist: create it first$"
        for name in ("missing", "file"):
            with pytest.raises(InvalidValueError, match=problem):
                SQLiteCallLedger(tmp_path / name / "calls.db")

    def test_is_a_file(self, tmp_path: Path) -> None:
        """A directory is refused."""
        with pytest.raises(InvalidValueError, match=r"path is a directory$"):
            SQLiteCallLedger(tmp_path)

    @pytest.mark.parametrize("name", ["a ? b # c % 41.db", "file:calls.db?mode=memory", "Räum.db"])
    def test_may_have_any_name(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SQLite could read some of them as a URI. The path is relative to the directory of the process at that time."""
        monkeypatch.chdir(tmp_path)
        ledger = SQLiteCallLedger(name)
        monkeypatch.chdir("/")
        put(ledger, ENTRY_ID, LedgerEntry(None, {"k": Claim("t", None, AT)}))
        assert [name] == files(tmp_path)
        assert "k" in get(SQLiteCallLedger(tmp_path / name), ENTRY_ID).claims

    def test_is_not_created_again_after_it_was_deleted(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The new file would have no calls, and others could read it."""
        path.unlink()
        with pytest.raises(sqlite3.OperationalError):
            get(ledger, ENTRY_ID)
        assert not path.exists()

    @pytest.mark.parametrize("timeout", [timedelta(-1), 5.0])
    def test_has_a_timeout_that_is_a_timedelta_of_0_or_more(self, timeout: Any, path: Path) -> None:
        """A number could be seconds or milliseconds."""
        with pytest.raises(
            InvalidValueError, match=r"^timeout must be a timedelta of 0 or more, got (-1 day, 0:00:00|5\.0)$"
        ):
            SQLiteCallLedger(path, timeout=timeout)
        assert not path.exists()


class TestForeignFiles:
    """Files that are not ledgers are refused, and not changed."""

    def problem_of(self, path: Path) -> str:
        """Return why a file is refused."""
        path.chmod(0o600)
        before = path.read_bytes()
        with pytest.raises(InvalidValueError) as caught:
            SQLiteCallLedger(path)
        assert before == path.read_bytes()
        assert [path.name] == files(path.parent)
        return str(caught.value.fault)

    @pytest.mark.parametrize(
        "statements",
        [
            "CREATE TABLE entries (entry_id, entry, first_lapse, last_lapse)",
            "PRAGMA application_id = 7",
            "PRAGMA user_version = 1",
        ],
    )
    @pytest.mark.parametrize("journal", ["DELETE", "WAL"])
    def test_of_other_applications_are_refused(self, statements: str, journal: str, path: Path) -> None:
        """Even if the tables have the same names."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.execute(statements)
        problem = "path is the database of another application"
        assert problem == self.problem_of(path)

    @pytest.mark.parametrize("layout", [0, 3])
    def test_of_other_versions_are_refused(self, layout: int, ledger: SQLiteCallLedger, path: Path) -> None:
        """A later version may keep calls in other tables."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {layout}")
        problem = f"path is a file of calls of layout {layout}, but this release reads layouts 1 to 2 only"
        assert problem == self.problem_of(path)

    def test_of_a_newer_version_are_noticed_while_they_are_open(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Another process has changed the tables."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 3")
        problem = (
            "^the file of calls has layout 3 by now, but this release reads layout 2 only: update this process too$"
        )
        for update in (lambda: get(ledger, ENTRY_ID), ledger.forget_lapsed):
            with pytest.raises(LedgerError, match=problem):
                update()

    def test_of_version_1_are_converted(self, path: Path) -> None:
        """The table has another name, so that an older release notices it."""
        text = entry_to_json(LedgerEntry(RecordedCall("k", call(), None, AT)))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"PRAGMA application_id = {_sqlite._APPLICATION_ID}")
            connection.execute("PRAGMA user_version = 1")
            connection.execute("CREATE TABLE cases (name TEXT PRIMARY KEY, stored TEXT, lapses_at INTEGER)")
            stored = [(ENTRY_ID, text), ("f" * 32, "no entry")]
            connection.executemany(
                "INSERT INTO cases VALUES (?, ?, ?)", [(*row, AT.timestamp() * 1e6) for row in stored]
            )
        path.chmod(0o600)
        ledger = SQLiteCallLedger(path)
        recorded = get(ledger, ENTRY_ID).recorded
        assert recorded
        assert call() == recorded.call
        assert 1 == ledger.forget_lapsed(AT + DAY)
        assert 1 == ledger.forget_lapsed(AT + 800 * DAY)
        with (
            closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.OperationalError, match="no such table"),
        ):
            connection.execute("SELECT * FROM cases")

    def test_that_are_no_database_are_refused(self, path: Path) -> None:
        """The path may be wrong."""
        path.write_text("no database, but long enough for one\n" * 99, "utf-8")
        assert "path is a file that SQLite cannot read" == self.problem_of(path)

    def test_in_use_raise_another_error(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The ledger is not broken, but busy."""
        with holding(ledger), pytest.raises(sqlite3.OperationalError, match="locked"):
            SQLiteCallLedger(path, timeout=timedelta(0))


@contextmanager
def holding(ledger: SQLiteCallLedger) -> Generator[None, None, None]:
    """Lock the file in another thread meanwhile."""
    is_locked, may_unlock = threading.Event(), threading.Event()

    def hold(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
        is_locked.set()
        may_unlock.wait()
        return entry, None

    thread = threading.Thread(target=ledger.update, args=(ENTRY_ID, hold))
    thread.start()
    is_locked.wait()
    yield
    may_unlock.set()
    thread.join()


class TestUpdate:
    """Waiting, errors and connections. `check_call_ledger()` checks the rest."""

    def test_raises_after_its_timeout_and_changes_nothing(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """A click without a claim does not call the provider."""
        impatient, provider = SQLiteCallLedger(path, timeout=timedelta(0)), InMemoryVideoProvider()
        with holding(ledger), pytest.raises(LedgerError, match="the ledger failed: OperationalError at "):
            escalate(a_request(), provider=provider, ledger=impatient, now=AT)
        assert ((), 0) == (provider.calls, rows(path))
        assert EscalationOutcome.CREATED is escalate(a_request(), provider=provider, ledger=impatient, now=AT).outcome

    def test_waits_for_its_turn(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """For longer than SQLite itself does."""
        monkeypatch.setattr(_sqlite, "_BUSY_TIMEOUT", 0.001)
        ledger = SQLiteCallLedger(path, timeout=LONG_TIMEOUT)
        is_done = threading.Event()

        def wait() -> None:
            get(ledger, "1" * 32)
            is_done.set()

        thread = threading.Thread(target=wait)
        with holding(ledger):
            thread.start()
            assert not is_done.wait(0.1)
        thread.join()
        assert is_done.is_set()

    def test_raises_other_errors_at_once(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Waiting would not help."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE entries")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            get(ledger, ENTRY_ID)

    def test_writes_nothing_if_nothing_has_changed(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """A click that reuses a call does not wait for the disk."""
        put(ledger, ENTRY_ID, LedgerEntry(None, {"k": Claim("t", None, AT + HOUR)}), AT)
        before = path.read_bytes()
        assert "k" in get(ledger, ENTRY_ID, AT).claims
        assert before == path.read_bytes()

    def test_deletes_the_row_of_an_empty_entry(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """It needs no row."""
        put(ledger, ENTRY_ID, LedgerEntry(None, {"k": Claim("t", None, AT)}))
        put(ledger, ENTRY_ID, LedgerEntry())
        put(ledger, "f" * 32, LedgerEntry())
        assert 0 == rows(path)

    def test_closes_its_connection(self, ledger: SQLiteCallLedger) -> None:
        """Even if it raises: no connection is left for another thread or a fork."""
        connections: list[sqlite3.Connection] = []
        connect = sqlite3.connect

        def connect_and_remember(*args: Any, **options: Any) -> sqlite3.Connection:
            connections.append(connect(*args, **options))
            return connections[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", connect_and_remember)
            get(ledger, ENTRY_ID)
            with pytest.raises(ZeroDivisionError):
                ledger.update(ENTRY_ID, lambda _: (LedgerEntry(), 1 / 0))
        assert 2 == len(connections)
        for connection in connections:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                connection.execute("SELECT 1")


class TestDeletion:
    """A link is deleted when it lapses."""

    LINKS: Final = [f"https://video.example/join/{number}?pwd=s3cret-{number}" for number in range(200)]

    @pytest.fixture(autouse=True)
    def clicks(self, ledger: SQLiteCallLedger) -> None:
        """Store calls that lapse one after the other, a minute apart."""
        for number, link in enumerate(self.LINKS[:20]):
            put(ledger, f"{number:032}", LedgerEntry(RecordedCall("k", call(link), None, AT + (number + 1) * MINUTE)))

    def links_in(self, path: Path) -> list[int]:
        """Return the numbers of the links that are anywhere in the bytes of the file."""
        text = path.read_bytes()
        return [number for number, link in enumerate(self.LINKS) if link.encode() + b'"' in text]

    @pytest.mark.parametrize("after", [timedelta(0), timedelta(microseconds=1)], ids=["then", "later"])
    def test_happens_in_an_update_of_any_entry_a_day_later(
        self, after: timedelta, ledger: SQLiteCallLedger, path: Path
    ) -> None:
        """The bytes of the link are overwritten. Other links stay."""
        assert list(range(20)) == self.links_in(path)
        get(ledger, ENTRY_ID.replace("0", "f"), AT + DAY + 5 * MINUTE + after)
        assert list(range(5, 20)) == self.links_in(path)
        get(ledger, ENTRY_ID.replace("0", "f"), AT + DAY + HOUR)
        assert ([], 0) == (self.links_in(path), rows(path))

    def test_happens_at_once_in_an_update_of_the_same_entry(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The other links stay, though they have lapsed too."""
        get(ledger, ENTRY_ID, AT + MINUTE - timedelta(microseconds=1))
        assert list(range(20)) == self.links_in(path)
        get(ledger, ENTRY_ID, AT + HOUR)
        assert list(range(1, 20)) == self.links_in(path)

    def test_does_not_happen_under_a_wrong_clock(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """If it is less than a day ahead, a click changes no other case."""
        get(ledger, "f" * 32, AT + DAY)
        assert list(range(20)) == self.links_in(path)

    def test_does_not_happen_without_a_time(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The system's clock does not matter."""
        get(ledger, ENTRY_ID)
        ledger.end(f"{ENTRY_ID}-other")
        assert list(range(20)) == self.links_in(path)

    def test_removes_a_link_from_an_entry_of_which_something_stays(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """The doubt of another agent stays."""
        doubt = {"other": Claim("t", None, AT + 2 * DAY)}
        put(ledger, ENTRY_ID, LedgerEntry(RecordedCall("k", call(self.LINKS[99]), None, AT + MINUTE), doubt))
        get(ledger, "f" * 32, AT + DAY + MINUTE)
        assert list(range(1, 20)) == self.links_in(path)
        assert LedgerEntry(None, doubt) == get(ledger, ENTRY_ID)

    def test_happens_in_forget_lapsed(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """For times when nobody clicks, with a margin of a day or another one."""
        assert [5, 0] == [ledger.forget_lapsed(AT + DAY + 5 * MINUTE) for _ in range(2)]
        assert list(range(5, 20)) == self.links_in(path)
        assert 2 == ledger.forget_lapsed(AT + 7 * MINUTE, margin=timedelta(0))
        assert 1 == ledger.forget_lapsed(AT + 7 * MINUTE + HOUR, HOUR - MINUTE)
        assert list(range(8, 20)) == self.links_in(path)

    def test_uses_the_clock_if_forget_lapsed_gets_no_time(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """Nothing else in a ledger reads the clock."""
        put(ledger, "f" * 32, LedgerEntry(None, {"k": Claim("t", None, datetime.now(UTC) + HOUR)}))
        assert (20, 1) == (ledger.forget_lapsed(), rows(path))

    def test_waits_for_the_last_time_in_an_entry_that_cannot_be_read(
        self, ledger: SQLiteCallLedger, path: Path
    ) -> None:
        """Until then, only an update of that entry raises an error."""
        put(ledger, "f" * 32, LedgerEntry(RecordedCall("k", call(), None, AT), {"k": Claim("t", None, AT + HOUR)}))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE entries SET entry = 'no entry' WHERE entry_id = ?", ("f" * 32,))
        assert 0 == ledger.forget_lapsed(AT, margin=timedelta(0))
        with pytest.raises(InvalidPayloadError):
            get(ledger, "f" * 32, AT)
        assert LedgerEntry() == get(ledger, "f" * 32, AT + HOUR)
        assert 20 == rows(path)

    def test_overwrites_a_link_that_is_replaced(self, ledger: SQLiteCallLedger, path: Path) -> None:
        """By longer and shorter links, many times."""
        for number in range(100, 200):
            text = self.LINKS[number].replace("join", "j" * (number * 7 % 400 + 1))
            put(ledger, ENTRY_ID, LedgerEntry(RecordedCall("k", call(text), None, AT)))
        assert [199] == [number for number in range(100, 200) if f's3cret-{number}"'.encode() in path.read_bytes()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of the log of all processes."""
    return tmp_path / "log"


@contextmanager
def clicking(path: Path, log: Path, first: int, *hold: str) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Start a process that clicks, and kill it in the end."""
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


def wait_for_steps(process: "subprocess.Popen[bytes]", number: int) -> bytes:
    """Wait until a process has printed some letters, and return them."""
    assert process.stdout is not None
    letters = process.stdout.read(number)
    assert number == len(letters), "a process has ended by itself"
    return letters


def calls_in(log: Path, event: str) -> dict[str, str]:
    """Return the calls that were created or recorded, by key. No key may have two."""
    lines = [line.split() for line in log.read_text("utf-8").splitlines()]
    calls = {(key, call_id) for word, key, call_id in lines if word == event}
    assert len(calls) == len({key for key, _ in calls}), "two calls for one key"
    return dict(calls)


def click_later(number: int, ledger: CallLedger) -> Escalation | str:
    """Click when every unsettled claim is in doubt, with a provider that creates nothing."""
    refusing = InMemoryVideoProvider(errors=[ProviderRejectedError("no")])
    try:
        return escalate(request_of(number), provider=refusing, ledger=ledger, now=AT + MINUTE)
    except (CallInDoubtError, ProviderRejectedError) as error:
        return type(error).__name__


class TestProcesses:
    """Several processes share a file, and some of them are killed."""

    KILLS: Final = 4
    #: A case that the other processes do not reach.
    FAR: Final = 1_000_000

    @pytest.mark.slow
    def test_create_one_call_per_key_and_leave_unrecorded_calls_in_doubt(
        self, ledger: SQLiteCallLedger, path: Path, log: Path
    ) -> None:
        """Half of the processes are killed at any moment, the others between the creation and the recording of a call."""
        generator = random.Random(0)  # noqa: S311
        with clicking(path, log, 0) as one, clicking(path, log, 0) as two, clicking(path, log, 0) as three:
            for process in (one, two, three):
                wait_for_steps(process, 1)
            for number in range(self.KILLS):
                # It starts at the case where the others are.
                with clicking(path, log, log.read_text("utf-8").count("created")) as victim:
                    wait_for_steps(victim, generator.randrange(1, 8))
                with clicking(path, log, self.FAR + number, "hold") as victim:
                    assert b"c" == wait_for_steps(victim, 1)
        created, recorded = calls_in(log, "created"), calls_in(log, "recorded")
        assert self.KILLS <= len(created.keys() - recorded.keys())
        assert recorded.items() <= created.items()
        numbers = [*range(len(created) + 100), *range(self.FAR, self.FAR + self.KILLS)]
        keys = {call_request_for(request_of(number)).key: number for number in numbers}
        assert created.keys() <= keys.keys()
        for key, number in keys.items():
            result = click_later(number, ledger)
            if isinstance(result, Escalation):
                assert result.call is not None
                assert (EscalationOutcome.REUSED, created[key]) == (result.outcome, result.call.id)
            elif key in created:
                assert ("CallInDoubtError", False) == (result, key in recorded)
        self.check(path)

    @pytest.mark.slow
    def test_leave_a_call_in_doubt_if_it_was_not_recorded(
        self, ledger: SQLiteCallLedger, path: Path, log: Path
    ) -> None:
        """A process is killed after the creation of a call and before its recording."""
        for number in range(3):
            with clicking(path, log, number, "hold") as victim:
                assert b"c" == wait_for_steps(victim, 1)
            assert (number + 1, 0) == (len(calls_in(log, "created")), len(calls_in(log, "recorded")))
        assert ["CallInDoubtError"] * 3 + ["ProviderRejectedError"] == [
            click_later(number, ledger) for number in range(4)
        ]
        self.check(path)

    @staticmethod
    def check(path: Path) -> None:
        """Check the integrity of the file."""
        with closing(sqlite3.connect(path)) as connection:
            assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        assert [path.name, "log"] == files(path.parent)
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
