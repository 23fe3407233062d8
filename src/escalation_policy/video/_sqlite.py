"""A ledger in a file of SQLite, for all processes of one machine."""

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

from .._calls.entries import LedgerEntry, lapse_times
from .._calls.entry_json import entry_from_json, entry_to_json
from .._calls.values import utc_now
from .._fields import figure_of, require
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from ..typing import CallLedger

T = TypeVar("T")
#: SQLite's application id of our files: "EPCL".
_APPLICATION_ID: Final = 0x4550434C
#: The version of the tables.
_LAYOUT: Final = 1
#: `name` is the entry's id, `stored` its JSON. `lapses_at` is when the first part of it lapses.
_CREATE_TABLES: Final = (
    "CREATE TABLE cases (name TEXT PRIMARY KEY, stored TEXT NOT NULL, lapses_at INTEGER NOT NULL)",
    "CREATE INDEX cases_by_lapse ON cases (lapses_at)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_LAYOUT}",
)
#: With synchronous = FULL, a power cut could remove a granted claim, and a second call would be created. Secure deletion
#: leaves no link behind in free pages.
_BEGIN: Final = ("PRAGMA synchronous = EXTRA", "PRAGMA secure_delete = ON", "BEGIN IMMEDIATE")
#: How long SQLite itself waits for a lock, in seconds.
_BUSY_TIMEOUT: Final = 0.05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMEOUT: Final = timedelta(seconds=5)
#: If a process closes a file, it loses all its locks on it. So no thread may connect while another one creates a file.
_CREATION_LOCK: Final = Lock()


@final
class SQLiteCallLedger(CallLedger):
    """Remembers calls for all processes of one machine, in a file on a local disk that only its owner may read.

    Stored entries survive the end of the process, `kill -9` and a power cut. A link is deleted when it lapses: with the
    next update of any entry, or by `forget_lapsed()`.

    Args:
        path: The file. If it does not exist, it is created with mode 0600. Its directory must exist.
        timeout: How long an update waits for other processes. After that it raises `sqlite3.OperationalError`, and nothing
            has changed.

    Raises:
        InvalidValueError: The path does not lead to a file, other users may read the file, or it is the database of another
            application or of another version of this library. Nothing was written.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta = _TIMEOUT) -> None:
        is_timeout = isinstance(timeout, timedelta) and timeout >= timedelta(0)  # pyright: ignore[reportUnnecessaryIsInstance]
        require(is_timeout, "timeout", figure_of(timeout), "a timedelta of 0 or more")
        file = _prepare_file(path)
        # A URI means a file under any name, and with mode=rw SQLite does not create one that others may read.
        self._uri: Final = f"{file.as_uri()}?mode=rw"
        self._timeout: Final = timeout.total_seconds()
        try:
            with self._transaction() as connection:
                _check_tables(connection)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise _path_error("is a file that SQLite cannot read", "a file of another kind") from error

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry; see `CallLedger.update()`.

        Raises:
            sqlite3.Error: The file cannot be used, or was in use for too long. Nothing has changed.
        """
        with self._transaction() as connection:
            if now is not None:
                _delete_lapsed(connection, now)
            row = connection.execute("SELECT stored FROM cases WHERE name = ?", (entry_id,)).fetchone()
            entry = entry_from_json(row[0]) if row else LedgerEntry()
            new_entry, answer = change(entry)
            if new_entry != entry:
                _store(connection, entry_id, new_entry)
        return answer

    def forget_lapsed(self, now: datetime | None = None) -> int:
        """Delete what has lapsed, for times when nobody clicks. Return in how many entries something had lapsed.

        Args:
            now: The current time, with a zone. By default, the time of the system's clock.
        """
        with self._transaction() as connection:
            return _delete_lapsed(connection, now or utc_now())

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Lock the file against all threads and processes. If anything raises, nothing is stored.

        Each transaction has its own connection, since a connection must not be shared by threads or survive a fork.
        """
        with closing(sqlite3.connect(self._uri, timeout=_BUSY_TIMEOUT, isolation_level=None, uri=True)) as connection:
            self._execute_when_free(connection, _BEGIN)
            yield connection
            self._execute_when_free(connection, ("COMMIT",))

    def _execute_when_free(self, connection: sqlite3.Connection, statements: Iterable[str]) -> None:
        """Execute statements as soon as nobody else locks the file.

        SQLite's busy handler backs off, so waiting processes starve. Retry with a short timeout instead.
        """
        deadline = monotonic() + self._timeout
        while True:
            try:
                for statement in statements:
                    connection.execute(statement)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or monotonic() > deadline:
                    raise
            else:
                return


def _prepare_file(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of the file, which is created if it does not exist.

    An existing file is never opened here, since closing it would release SQLite's locks on it. Its mode is not changed
    either: others may have read it already, and somebody should know.
    """
    name = os.fspath(path)
    if name in ("", ":memory:"):
        problem = "names no file: calls are kept in a file, or with InMemoryCallLedger in memory"
        raise _path_error(problem, "no name of a file")
    file = Path(name).absolute()
    try:
        with _CREATION_LOCK, suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        # The system's own error shows the path.
        raise _path_error("is in a directory that does not exist: create it first", "no directory") from None
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise _path_error(f"is {kind}", kind)
    # On other systems, the mode says that all users may read every file.
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode_text = f"mode {stat.S_IMODE(mode):04o}"
        raise _path_error(f"is a file with {mode_text}, but it keeps links: set mode 0600", mode_text)
    return file


def _path_error(problem: str, kind: str) -> InvalidValueError:
    return InvalidValueError(
        Fault("path", problem, found=kind, accepted="a file of calls with mode 0600, or a new one")
    )


def _check_tables(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty database. Refuse a database that is not a ledger of this version."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    has_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    if (application_id, layout) == (0, 0) and not has_tables:
        for statement in _CREATE_TABLES:
            connection.execute(statement)
    elif application_id != _APPLICATION_ID:
        raise _path_error("is the database of another application", "another application's database")
    elif layout != _LAYOUT:
        problem = f"is a file of calls of layout {layout}, but this release reads layout {_LAYOUT} only"
        raise _path_error(problem, f"layout {layout}")


def _store(connection: sqlite3.Connection, entry_id: str, entry: LedgerEntry) -> None:
    if times := lapse_times(entry):
        row = (entry_id, entry_to_json(entry), _microseconds(min(times)))
        connection.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?)", row)
    else:
        connection.execute("DELETE FROM cases WHERE name = ?", (entry_id,))


def _delete_lapsed(connection: sqlite3.Connection, now: datetime) -> int:
    """Delete the lapsed parts of all entries. Return how many entries had any."""
    rows = connection.execute("SELECT name, stored FROM cases WHERE lapses_at <= ?", (_microseconds(now),)).fetchall()
    for entry_id, text in rows:
        with suppress(InvalidPayloadError):  # a click on that case raises it
            _store(connection, entry_id, entry_from_json(text).at(now))
    return len(rows)


def _microseconds(at: datetime) -> int:
    """Return the microseconds since 1970. Numbers sort like times in any zone; texts would not."""
    return (at - _EPOCH) // _MICROSECOND
