"""Call ledgers in PostgreSQL or SQLite through SQLAlchemy 2. They need the extra `sqlalchemy`.

An update is one transaction on a connection of its own. Its first statement inserts the row of the entry or locks the one
that exists, and returns what is stored: there is no moment in which two updates have read and none has locked.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final, TypeVar, final

try:
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import SingletonThreadPool, StaticPool
    from sqlalchemy.schema import CreateIndex, CreateTable
except ImportError as error:  # also if greenlet is missing, which its asyncio needs
    raise ImportError(f"{__name__} needs SQLAlchemy 2: pip install 'escalation_policy[sqlalchemy]'") from error

from .._calls.entries import LedgerEntry
from .._calls.rows import MARGIN, Row, change_row, cutoff_of, sweep_row
from .._fields import check_types, kind_of, require
from ..exceptions import Fault, InvalidValueError, LedgerError
from ..typing import AsyncCallLedger, CallLedger
from ._repeating import pause_after

__all__ = ["AsyncSQLAlchemyCallLedger", "SQLAlchemyCallLedger", "call_table"]

T = TypeVar("T")
#: The isolation of an update. That of the engine does not matter. In PostgreSQL, a statement then sees what the last
#: transaction that it waited for has stored. SQLite has one level; to name it turns off the driver's autocommit.
_ISOLATION: Final = {"postgresql": "READ COMMITTED", "sqlite": "SERIALIZABLE"}
#: The key of the advisory lock for the creation of the table: "EPCL" and "call" as a number.
_CREATION_LOCK: Final = 0x4550434C_63616C6C
_SHARED_POOLS: Final = (SingletonThreadPool, StaticPool)


def call_table(metadata: sa.MetaData, name: str = "escalation_policy_calls") -> sa.Table:
    """Add the table of calls to the metadata of an application, for its migrations.

    Args:
        metadata: The metadata.
        name: The name of the table.
    """
    return sa.Table(
        name,
        metadata,
        sa.Column("entry_id", sa.String(32), primary_key=True),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("first_lapse", sa.BigInteger, nullable=False, index=True),
        sa.Column("last_lapse", sa.BigInteger, nullable=False),
    )


@final
class SQLAlchemyCallLedger(CallLedger):
    """Remembers calls for all processes that share a database: PostgreSQL, or a file of SQLite.

    Each update opens a connection of its own, and commits. So a claim is stored before the provider is asked, no matter what
    the application does with its own transactions.

    Args:
        engine: The engine. It should have a pool that no request of the application uses: if each of them held a connection
            and waited for a second one, none would go on.
        table: The table, from `call_table()`. The application's migrations create it. By default, the table is
            `escalation_policy_calls`, and the ledger creates it when it is first used, if it does not exist.

    Raises:
        InvalidValueError: An argument is invalid: a connection or a session, which the application could roll back; a
            database that not all threads and processes share; or a database other than PostgreSQL and SQLite.
    """

    def __init__(self, engine: sa.Engine, *, table: sa.Table | None = None) -> None:
        check_types(sa.Engine, engine=engine)
        self._calls: Final = _Calls(engine, table)

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry; see `CallLedger.update()`. Deadlocks and serialization failures repeat it, up to six times.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database cannot be used.
            LedgerError: The engine commits every statement at once, no matter what the ledger asks for.
            InvalidPayloadError: The stored entry cannot be read, and has not lapsed.
        """
        return self._run(lambda connection: self._calls.update(connection, entry_id, change, now))

    def forget_lapsed(self, now: datetime | None = None, margin: timedelta = MARGIN) -> int:
        """Delete what has lapsed, for times when nobody clicks. Return the number of entries that changed.

        Args:
            now: The current time, with a zone. By default, the time of the system's clock.
            margin: How long ago it must have lapsed, a timedelta of 0 or more. If the clock may be wrong, the margin should be
                longer than its error.

        Raises:
            InvalidValueError: An argument is invalid.
            sqlalchemy.exc.SQLAlchemyError: The database cannot be used; so is `LedgerError`, as for `update()`.
        """
        cutoff = cutoff_of(now, margin)
        return self._run(lambda connection: self._calls.forget(connection, cutoff))

    def _run(self, job: Callable[[sa.Connection], T]) -> T:
        attempt = 0
        while True:
            try:
                self._calls.leave_parent()
                with self._calls.engine.connect() as connection:
                    return job(connection)
            except DBAPIError as error:
                pause = pause_after(error, error.orig, attempt)
            sleep(pause)
            attempt += 1


@final
class AsyncSQLAlchemyCallLedger(AsyncCallLedger):
    """A `SQLAlchemyCallLedger` for asyncio.

    Args:
        engine: The async engine, with the same advice.
        table: The table, as for `SQLAlchemyCallLedger`.

    Raises:
        InvalidValueError: An argument is invalid.
    """

    def __init__(self, engine: AsyncEngine, *, table: sa.Table | None = None) -> None:
        check_types(AsyncEngine, engine=engine)
        self._calls: Final = _Calls(engine.sync_engine, table)
        self._engine: Final = AsyncEngine(self._calls.engine)

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry, as `SQLAlchemyCallLedger.update()` does."""
        return await self._run(lambda connection: self._calls.update(connection, entry_id, change, now))

    async def forget_lapsed(self, now: datetime | None = None, margin: timedelta = MARGIN) -> int:
        """Delete what has lapsed, as `SQLAlchemyCallLedger.forget_lapsed()` does."""
        cutoff = cutoff_of(now, margin)
        return await self._run(lambda connection: self._calls.forget(connection, cutoff))

    async def _run(self, job: Callable[[sa.Connection], T]) -> T:
        attempt = 0
        while True:
            try:
                # A thread of the driver for SQLite goes on with a statement after its task was cancelled. Nobody would wait
                # for it, close the connection and give back the lock.
                is_sqlite = self._engine.dialect.name == "sqlite"
                return await (_run_to_the_end(self._connect(job)) if is_sqlite else self._connect(job))
            except DBAPIError as error:
                pause = pause_after(error, error.orig, attempt)
            await asyncio.sleep(pause)
            attempt += 1

    async def _connect(self, job: Callable[[sa.Connection], T]) -> T:
        self._calls.leave_parent()
        async with self._engine.connect() as connection:
            return await connection.run_sync(job)


async def _run_to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run work in a task of its own. If this task is cancelled, wait for the end of the work nevertheless."""
    task = asyncio.create_task(work)
    cancellation = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation:
        task.exception()  # mark it as retrieved: asyncio would log it otherwise
        raise cancellation
    return task.result()


@final
class _Calls:
    """The table of calls: what both ledgers do on a connection."""

    def __init__(self, engine: sa.Engine, table: sa.Table | None) -> None:
        _check_engine(engine)
        if table is not None:
            check_types(sa.Table, table=table)
            has_columns = set(Row._fields) <= set(table.columns.keys())
            require(has_columns, "table", "a table with other columns", "a table from call_table()")
        self.engine: Final = engine.execution_options(isolation_level=_ISOLATION[engine.dialect.name])
        # Parameters hold links. Without them, neither logs nor errors show any.
        self.engine.hide_parameters = True
        self._process = os.getpid()
        self._has_table = table is not None
        self._table: Final = call_table(sa.MetaData()) if table is None else table
        # The statements are made once: to put one together takes SQLAlchemy longer than to execute it.
        columns = self._table.columns
        row = [columns[name] for name in Row._fields]
        is_entry = columns.entry_id == sa.bindparam("id")
        cutoff = sa.bindparam("cutoff", type_=sa.BigInteger)
        insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        #: Setting a column to itself changes nothing, but locks the row and returns it.
        self._insert_or_lock: Final = (
            insert(self._table)
            .on_conflict_do_update(index_elements=["entry_id"], set_={"last_lapse": columns.last_lapse})
            .returning(*row)
        )
        self._update: Final = sa.update(self._table).where(is_entry)
        self._delete: Final = sa.delete(self._table).where(is_entry)
        # Two updates that sweep never wait for each other.
        self._select_lapsed: Final = (
            sa.select(*row).where(columns.first_lapse <= cutoff).with_for_update(skip_locked=True)
        )
        lapsed = self._select_lapsed.with_only_columns(columns.entry_id).where(columns.last_lapse <= cutoff)
        self._delete_lapsed: Final = sa.delete(self._table).where(columns.entry_id.in_(lapsed))

    def leave_parent(self) -> None:
        """In a forked child, give up the connections of the parent. Two processes on one connection read each other's answers."""
        if self._process != os.getpid():
            self.engine.dispose(close=False)
            self._process = os.getpid()

    def update(
        self,
        connection: sa.Connection,
        entry_id: str,
        change: Callable[[LedgerEntry], tuple[LedgerEntry, T]],
        now: datetime | None,
    ) -> T:
        """Change an entry in a transaction."""
        self._create_table(connection)
        inserted = Row(entry_id, "", 0, 0)
        locked = Row._make(connection.execute(self._insert_or_lock, inserted._asdict()).one())
        _check_transaction(connection)
        row = None if locked == inserted else locked
        new_row, answer = change_row(entry_id, row, change, now)
        if new_row == row:
            connection.rollback()  # faster than to commit, and removes the row that was inserted
            return answer
        self._store(connection, entry_id, new_row)
        if now is not None:
            self._sweep(connection, cutoff_of(now, MARGIN))
        connection.commit()
        return answer

    def forget(self, connection: sa.Connection, cutoff: int) -> int:
        """Delete what has lapsed at a cutoff, in a transaction."""
        self._create_table(connection)
        changes = self._sweep(connection, cutoff)
        connection.commit()
        return changes

    def _create_table(self, connection: sa.Connection) -> None:
        """Create the table if nobody has. Processes that start together do so one after the other."""
        if self._has_table:
            return
        has_table = sa.inspect(connection).has_table(self._table.name)
        connection.rollback()  # in SQLite, a transaction that has read may be too late to write
        if not has_table:
            if connection.dialect.name == "postgresql":  # its IF NOT EXISTS fails if two do it at once
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))
            connection.execute(CreateTable(self._table, if_not_exists=True))
            for index in self._table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
            connection.commit()
        self._has_table = True

    def _sweep(self, connection: sa.Connection, cutoff: int) -> int:
        """Delete what has lapsed from all entries. Return how many changed. Entries that others have locked are left out.

        In SQLite, the first statement of a transaction must write: it is the lock.
        """
        changes = connection.execute(self._delete_lapsed, {"cutoff": cutoff}).rowcount
        _check_transaction(connection)
        for row in map(Row._make, connection.execute(self._select_lapsed, {"cutoff": cutoff}).all()):
            new_row = sweep_row(row, cutoff)
            if new_row != row:
                self._store(connection, row.entry_id, new_row)
                changes += 1
        return changes

    def _store(self, connection: sa.Connection, entry_id: str, row: Row | None) -> None:
        if row is None:
            connection.execute(self._delete, {"id": entry_id})
        else:
            connection.execute(self._update, {"id": entry_id, **row._asdict()})


def _check_transaction(connection: sa.Connection) -> None:
    """Check that SQLite's lock has not been given back: `autocommit=True` of Python 3.12 turns off all transactions.

    Raises:
        LedgerError: It has.
    """
    if not getattr(connection.connection.driver_connection, "in_transaction", True):
        problem = "the engine commits every statement at once, so two clicks could claim one call"
        raise LedgerError(f"{problem}: create it without autocommit=True")


def _check_engine(engine: sa.Engine) -> None:
    accepted = "an engine for PostgreSQL or for a file of SQLite"
    require(engine.dialect.name in _ISOLATION, "engine", "another database", accepted)
    database = str(engine.url.database or ":memory:")
    is_in_memory = ":memory:" in database or engine.url.query.get("mode") == "memory"
    require(engine.dialect.name != "sqlite" or not is_in_memory, "engine", "SQLite in memory", accepted)
    if isinstance(engine.pool, _SHARED_POOLS):
        pool = kind_of(engine.pool)
        problem = f"has {pool}, whose connection other transactions use too: use a QueuePool or a NullPool"
        raise InvalidValueError(Fault("engine", problem, found=pool, accepted=accepted))
