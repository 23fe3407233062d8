"""What several processes of one machine share: a ledger in a file of SQLite."""

import os
import sqlite3
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final, TypeVar, final

from .._calls.entries import LedgerEntry
from .._calls.entry_json import entry_from_json, entry_to_json
from .._calls.values import utc_now
from .._fields import figure_of
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from ..typing import CallLedger

T = TypeVar("T")
#: What tells our files from those of other applications: "EPCL".
_APPLICATION: Final = 0x4550434C
#: Of the tables in it.
_LAYOUT: Final = 1
_LAY_OUT: Final = (
    "CREATE TABLE cases (name TEXT PRIMARY KEY, stored TEXT NOT NULL, lapses_at INTEGER NOT NULL)",
    "CREATE INDEX cases_by_lapse ON cases (lapses_at)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_LAYOUT}",
)
#: FULL alone would let a claim that was granted vanish in a power cut, and a second call be made. Secure deletion leaves
#: no link behind in free pages.
_BEGIN: Final = ("PRAGMA synchronous = EXTRA", "PRAGMA secure_delete = ON", "BEGIN IMMEDIATE")
#: How long SQLite waits by itself, in seconds.
_PATIENCE: Final = 0.05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMEOUT: Final = timedelta(seconds=5)
#: A process that closes a file gives up all its locks on it: no thread connects to a file that another is creating.
_CREATING: Final = Lock()


@final
class SQLiteCallLedger(CallLedger):
    """Remembers calls for all processes of one machine, in a file that only its owner may read, on a local disk.

    What is stored outlives the process, `kill -9` and a power cut. A link goes when its entry lapses: with the next
    update of any case, or with `forget_lapsed()`.

    Args:
        path: The file. It is created where there is none, with mode 0600; its directory has to be there.
        timeout: How long to wait for other processes. Then an update raises `sqlite3.OperationalError`, and has changed
            nothing.

    Raises:
        InvalidValueError: The path leads to no file, to one that others may read too, to the database of another
            application, or to that of another version of this library; nothing was written.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta = _TIMEOUT) -> None:
        if not isinstance(timeout, timedelta) or timeout < timedelta(0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(Fault.mismatch("timeout", figure_of(timeout), "a timedelta of 0 or more"))
        file = _file_at(path)
        # As a URI it names a file whatever it is called, and SQLite creates none in its place, readable for all.
        self._uri: Final = f"{file.as_uri()}?mode=rw"
        self._timeout: Final = timeout.total_seconds()
        try:
            with self._transaction() as connection:
                _lay_out(connection)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise _refused("is a file that SQLite cannot read", "a file of another kind") from error

    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Changes what is stored of a case; see `CallLedger.update()`.

        Raises:
            sqlite3.Error: The file could not be used, or was in use for too long; all stays as it was.
        """
        with self._transaction() as connection:
            if now is not None:
                _forget(connection, now)
            row = connection.execute("SELECT stored FROM cases WHERE name = ?", (case,)).fetchone()
            stored = entry_from_json(row[0]) if row else LedgerEntry()
            kept, answer = change(stored)
            if kept != stored:
                _store(connection, case, kept)
        return answer

    def forget_lapsed(self, now: datetime | None = None) -> int:
        """Forgets what has lapsed, when nobody clicks; says in how many cases something had.

        Args:
            now: What time it is, with a zone; by default, what the clock says.
        """
        with self._transaction() as connection:
            return _forget(connection, now or utc_now())

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Holds the file, against all threads and processes. What raises in it, or before it is on the disk, is undone.

        Each has a connection of its own: none goes from one thread to another, or through a fork.
        """
        with closing(sqlite3.connect(self._uri, timeout=_PATIENCE, isolation_level=None, uri=True)) as connection:
            self._when_free(connection, _BEGIN)
            yield connection
            self._when_free(connection, ("COMMIT",))

    def _when_free(self, connection: sqlite3.Connection, statements: Iterable[str]) -> None:
        """Executes statements as soon as nobody else holds the file.

        The longer SQLite waits, the less often it looks, until a lucky few keep the file among themselves. So it is made
        to begin anew.
        """
        until = monotonic() + self._timeout
        while True:
            try:
                for statement in statements:
                    connection.execute(statement)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or monotonic() > until:
                    raise
            else:
                return


def _file_at(path: str | os.PathLike[str]) -> Path:
    """Finds the file, or creates it; where it exists, it is never opened by hand, for the sake of the locks on it.

    Who may read a file that exists is not changed here: what was readable may have been read.
    """
    name = os.fspath(path)
    if name in ("", ":memory:"):
        problem = "names no file: calls are kept in a file, or with InMemoryCallLedger in memory"
        raise _refused(problem, "no name of a file")
    file = Path(name).absolute()
    try:
        with _CREATING, suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        # The error of the system shows the path.
        raise _refused("is in a directory that does not exist: create it first", "no directory") from None
    if not stat.S_ISREG(mode):
        found = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise _refused(f"is {found}", found)
    # Other systems say of every file that all may read it.
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        found = f"mode {stat.S_IMODE(mode):04o}"
        raise _refused(f"is a file with {found}, but it keeps links: set mode 0600", found)
    return file


def _refused(problem: str, found: str) -> InvalidValueError:
    return InvalidValueError(
        Fault("path", problem, found=found, accepted="a file of calls with mode 0600, or a new one")
    )


def _lay_out(connection: sqlite3.Connection) -> None:
    """Makes the tables where there are none; refuses what is not ours."""
    of, layout = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if (of, layout) == (0, 0) and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        for statement in _LAY_OUT:
            connection.execute(statement)
    elif of != _APPLICATION:
        raise _refused("is the database of another application", "another application's database")
    elif layout != _LAYOUT:
        problem = f"is a file of calls of layout {layout}, but this release reads layout {_LAYOUT} only"
        raise _refused(problem, f"layout {layout}")


def _store(connection: sqlite3.Connection, name: str, case: LedgerEntry) -> None:
    lapses = [attempt.lapses_at for attempt in case.attempts.values()]
    lapses += [case.recorded.lapses_at] if case.recorded else []
    if not lapses:
        connection.execute("DELETE FROM cases WHERE name = ?", (name,))
    else:
        row = (name, entry_to_json(case), _number(min(lapses)))
        connection.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?)", row)


def _forget(connection: sqlite3.Connection, now: datetime) -> int:
    """Forgets of all cases what has lapsed, and keeps the rest of them."""
    rows = connection.execute("SELECT name, stored FROM cases WHERE lapses_at <= ?", (_number(now),)).fetchall()
    for name, stored in rows:
        with suppress(InvalidPayloadError):  # whoever clicks on that case is told
            _store(connection, name, entry_from_json(stored).at(now))
    return len(rows)


def _number(at: datetime) -> int:
    """Counts the microseconds since 1970: numbers keep the order of times, whatever their zones."""
    return (at - _EPOCH) // _MICROSECOND
