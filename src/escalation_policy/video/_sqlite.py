"""A ledger in a file of SQLite, for all processes of one machine."""

import os
import sqlite3
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar, final

from .._calls.entries import LedgerEntry
from .._calls.rows import MARGIN, Row, change_row, cutoff_of, sweep_row
from .._fields import figure_of, require
from .._locks import ForkGate, ForkSafeLock
from ..exceptions import Fault, InvalidValueError, LedgerError
from ..typing import CallLedger

T = TypeVar("T")
#: SQLite's application id of our files: "EPCL".
_APPLICATION_ID: Final = 0x4550434C
#: The version of the tables. Version 1 had one table, `cases`, without `last_lapse`.
_LAYOUT: Final = 2
#: The columns are those of `Row`.
_CREATE_TABLES: Final = (
    """CREATE TABLE entries (
        entry_id TEXT PRIMARY KEY, entry TEXT NOT NULL, first_lapse INTEGER NOT NULL, last_lapse INTEGER NOT NULL)""",
    "CREATE INDEX entries_by_first_lapse ON entries (first_lapse)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_LAYOUT}",
)
#: An older release that has the file open finds no table any more, and grants nothing. Of what it stored last, only the first
#: lapse is known: a sweep after the longest lapse deletes what cannot be read.
_MIGRATE_1: Final = (
    *_CREATE_TABLES,
    "INSERT INTO entries SELECT name, stored, lapses_at, lapses_at + 2 * 366 * 86400 * 1000000 FROM cases",
    "DROP TABLE cases",
)
#: With synchronous = FULL, a power cut could remove a granted claim, and a second call would be created. Secure deletion
#: leaves no link behind in free pages.
_BEGIN: Final = ("PRAGMA synchronous = EXTRA", "PRAGMA secure_delete = ON", "BEGIN IMMEDIATE")
#: How long SQLite itself waits for a lock, in seconds.
_BUSY_TIMEOUT: Final = 0.05
_TIMEOUT: Final = timedelta(seconds=5)
#: If a process closes a file, it loses all its locks on it. So no thread may connect while another one creates a file.
_CREATION_LOCK: Final = ForkSafeLock()
#: SQLite has locks of its own, which a fork could leave locked in the child.
_GATE: Final = ForkGate(timeout=10)


@final
class SQLiteCallLedger(CallLedger):
    """Remembers calls for all processes of one machine, in a file on a local disk that only its owner may read.

    Stored entries survive the end of the process, `kill -9` and a power cut. What has lapsed is deleted by the next click on
    its case. A day later, an update of any entry deletes it, or `forget_lapsed()`.

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
            LedgerError: A newer release has changed the layout of the file since this process opened it.
            InvalidPayloadError: The stored entry cannot be read, and has not lapsed.
        """
        with self._transaction() as connection:
            _check_layout(connection)
            if now is not None:
                _sweep(connection, cutoff_of(now, MARGIN))
            stored = _load(connection, "WHERE entry_id = ?", entry_id)
            row = stored[0] if stored else None
            new_row, answer = change_row(entry_id, row, change, now)
            _replace(connection, entry_id, row, new_row)
        return answer

    def forget_lapsed(self, now: datetime | None = None, margin: timedelta = MARGIN) -> int:
        """Delete what has lapsed, for times when nobody clicks. Return the number of entries that changed.

        Args:
            now: The current time, with a zone. By default, the time of the system's clock.
            margin: How long ago it must have lapsed, a timedelta of 0 or more. If the clock may be wrong, the margin should be
                longer than its error.

        Raises:
            InvalidValueError: An argument is invalid.
            sqlite3.Error: As for `update()`; so is `LedgerError`.
        """
        cutoff = cutoff_of(now, margin)
        with self._transaction() as connection:
            _check_layout(connection)
            return _sweep(connection, cutoff)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Lock the file against all threads and processes. If anything raises, nothing is stored.

        Each transaction has its own connection, since a connection must not be shared by threads or survive a fork.
        """
        with (
            _GATE,
            closing(sqlite3.connect(self._uri, timeout=_BUSY_TIMEOUT, isolation_level=None, uri=True)) as connection,
        ):
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
    """Create the tables in an empty database, or update older ones. Refuse a database that is not a ledger of this version."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    layout = _layout_of(connection)
    has_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    statements: Iterable[str] = ()
    if (application_id, layout) == (0, 0) and not has_tables:
        statements = _CREATE_TABLES
    elif application_id != _APPLICATION_ID:
        raise _path_error("is the database of another application", "another application's database")
    elif layout == 1:
        statements = _MIGRATE_1
    elif layout != _LAYOUT:
        problem = f"is a file of calls of layout {layout}, but this release reads layouts 1 to {_LAYOUT} only"
        raise _path_error(problem, f"layout {layout}")
    for statement in statements:
        connection.execute(statement)


def _layout_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_layout(connection: sqlite3.Connection) -> None:
    """Check that no newer release has changed the layout since the file was opened: the tables may mean something else."""
    if (layout := _layout_of(connection)) != _LAYOUT:
        problem = f"the file of calls has layout {layout} by now, but this release reads layout {_LAYOUT} only"
        raise LedgerError(f"{problem}: update this process too")


def _load(connection: sqlite3.Connection, condition: str, value: object) -> list[Row]:
    columns = ", ".join(Row._fields)
    rows = connection.execute(f"SELECT {columns} FROM entries {condition}", (value,))  # noqa: S608  our own words
    return [Row(*row) for row in rows]


def _replace(connection: sqlite3.Connection, entry_id: str, row: Row | None, new_row: Row | None) -> None:
    """Replace a row with another one, if they differ. None stands for no row."""
    if new_row == row:
        return
    if new_row is None:
        connection.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))
    else:
        connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", new_row)


def _sweep(connection: sqlite3.Connection, cutoff: int) -> int:
    """Delete the parts of all entries that had lapsed at the cutoff. Return how many entries changed."""
    changes = [(row, sweep_row(row, cutoff)) for row in _load(connection, "WHERE first_lapse <= ?", cutoff)]
    for row, new_row in changes:
        _replace(connection, row.entry_id, row, new_row)
    return sum(row != new_row for row, new_row in changes)
