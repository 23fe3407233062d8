"""Ledgers on engines of SQLAlchemy: real PostgreSQL and files of SQLite, each with the drivers that hosts use."""

import asyncio
import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, TypeVar

import pytest

from escalation_policy._threads import start_in_thread
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError, LedgerError
from escalation_policy.testing import check_call_ledger
from escalation_policy.video import EscalationOutcome, InMemoryVideoProvider, LedgerEntry, escalate
from ledgers.databases import (
    CALL,
    DAY,
    DEADLOCKS,
    ENTRY_ID,
    HOUR,
    RECORDED,
    claim_if_free,
    get,
    grants,
    put,
)
from postgresql import needs_postgresql
from video.clicks import AT, request_of

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, SingletonThreadPool, StaticPool

from escalation_policy.ledgers import _repeating
from escalation_policy.ledgers import sqlalchemy as alchemy
from escalation_policy.ledgers.sqlalchemy import (
    AsyncSQLAlchemyCallLedger,
    SQLAlchemyCallLedger,
    call_table,
)

T = TypeVar("T")
TABLE: Final = "escalation_policy_calls"
#: What hosts set for their own transactions. No setting may let two updates of one entry overlap.
OPTIONS: Final[list[dict[str, Any]]] = [
    {},
    {"isolation_level": "AUTOCOMMIT"},
    {"isolation_level": "SERIALIZABLE"},
    {"poolclass": NullPool},
]
ASYNC_DRIVERS: Final = [
    "sqlite+aiosqlite",
    pytest.param("postgresql+asyncpg", marks=needs_postgresql),
    pytest.param("postgresql+psycopg", marks=needs_postgresql),
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def database(request: pytest.FixtureRequest) -> str:
    """Return the name of each database that the ledgers support."""
    return str(request.param)


@pytest.fixture
def url(database: str, new_file: Callable[[], Path], request: pytest.FixtureRequest) -> sa.URL:
    """Return the URL of an empty database."""
    if database == "sqlite":
        return sa.URL.create("sqlite", database=str(new_file()))
    name, server = request.getfixturevalue("new_database")(), request.getfixturevalue("postgresql")
    return sa.URL.create("postgresql+psycopg", "postgres", database=name, query={"host": server["PGHOST"]})


@pytest.fixture
def new_engine(url: sa.URL) -> Generator[Callable[..., sa.Engine], None, None]:
    """Return a function that makes an engine for the database."""
    engines: list[sa.Engine] = []

    def make(**options: Any) -> sa.Engine:
        engines.append(sa.create_engine(url, **options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(new_engine: Callable[..., sa.Engine]) -> sa.Engine:
    """Return an engine for the database."""
    return new_engine()


@pytest.fixture
def ledger(engine: sa.Engine) -> SQLAlchemyCallLedger:
    """Return a ledger in the database, with its table."""
    ledger = SQLAlchemyCallLedger(engine)
    ledger.forget_lapsed(AT)
    return ledger


def execute(engine: sa.Engine, *statements: str) -> None:
    """Execute statements, and commit."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def rows(engine: sa.Engine) -> list[Any]:
    """Return the stored rows."""
    with engine.connect() as connection:
        return list(connection.execute(sa.text(f"SELECT entry_id, entry FROM {TABLE} ORDER BY entry_id")))  # noqa: S608


class TestUpdate:
    """Nobody reads an entry before the last update of it has ended."""

    @pytest.mark.slow
    @pytest.mark.once
    def test_keeps_the_promises_of_a_ledger(self, new_engine: Callable[..., sa.Engine]) -> None:
        """Across two engines, in a forked child, and in a transaction of the host."""
        check_call_ledger(lambda: SQLAlchemyCallLedger(new_engine()), inside=new_engine().begin)

    @pytest.mark.parametrize("options", OPTIONS, ids=lambda options: str([*options.values()]))
    def test_grants_one_of_four_claims(
        self, options: dict[str, Any], new_engine: Callable[..., sa.Engine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whether the entry exists or not, no matter how the engine of the host isolates or commits. None is repeated."""
        monkeypatch.setattr(_repeating, "_PAUSES", [])
        ledger = SQLAlchemyCallLedger(new_engine(**options))
        assert 1 == grants(lambda change: ledger.update(ENTRY_ID, change))
        put(ledger, ENTRY_ID, RECORDED)
        assert 1 == grants(lambda change: ledger.update(ENTRY_ID, change))

    def test_grants_one_of_four_claims_when_the_host_begins_transactions_of_sqlite(self, tmp_path: Path) -> None:
        """SQLAlchemy's recipe for savepoints."""
        engine = sa.create_engine(f"sqlite:///{tmp_path}/calls.db")

        @event.listens_for(engine, "connect")
        def _(connection: Any, _: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        ledger = SQLAlchemyCallLedger(engine)
        assert 1 == grants(lambda change: ledger.update(ENTRY_ID, change))
        engine.dispose()

    def test_is_refused_if_sqlite_commits_every_statement(self, tmp_path: Path) -> None:
        """Python 3.12 can turn off transactions in a way that SQLAlchemy does not turn on again."""
        engine = sa.create_engine(f"sqlite:///{tmp_path}/calls.db")
        ledger = SQLAlchemyCallLedger(engine)
        ledger.forget_lapsed(AT)

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def _(connection: Any, cursor: Any, statement: str, *rest: Any) -> tuple[str, Any]:
            connection.connection.driver_connection.isolation_level = None  # as autocommit=True does
            return statement, rest[0]

        for job in (lambda: get(ledger, ENTRY_ID), ledger.forget_lapsed):
            with pytest.raises(
                LedgerError, match=r"^the engine commits every statement at once, .* without autocommit=True$"
            ):
                job()
        engine.dispose()

    def test_leaves_the_connections_of_the_host_as_they_were(self, new_engine: Callable[..., sa.Engine]) -> None:
        """The pool gives the same connection to the host."""
        engine = new_engine(isolation_level="AUTOCOMMIT", pool_size=1)
        put(SQLAlchemyCallLedger(engine), ENTRY_ID, RECORDED)
        with engine.connect() as connection:
            connection.execute(sa.text(f"DELETE FROM {TABLE}"))  # noqa: S608
            connection.rollback()  # nothing to roll back
        assert [] == rows(engine)

    def test_is_stored_no_matter_what_the_host_rolls_back(self, ledger: SQLAlchemyCallLedger, engine: Any) -> None:
        """The click is one of several things in a request that fails in the end."""
        provider = InMemoryVideoProvider()
        for expected in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
            with suppress(ZeroDivisionError), Session(engine) as session, session.begin():
                session.execute(sa.text("SELECT 1"))
                assert expected is escalate(request_of(1), provider=provider, ledger=ledger, now=AT).outcome
                raise ZeroDivisionError

    def test_waits_for_a_connection_of_the_pool(self, new_engine: Callable[..., sa.Engine]) -> None:
        """If every request holds a connection of the same pool, none goes on. So the ledger needs a pool of its own."""
        engine = new_engine(pool_size=1, max_overflow=0, pool_timeout=0.1)
        ledger = SQLAlchemyCallLedger(engine)
        with Session(engine) as session:
            session.execute(sa.text("SELECT 1"))
            with pytest.raises(PoolTimeoutError):
                get(ledger, ENTRY_ID)

    def test_in_a_forked_child_uses_a_connection_of_its_own(
        self, ledger: SQLAlchemyCallLedger, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The parent goes on to use those in the pool."""
        put(ledger, ENTRY_ID, RECORDED)
        pools = [engine.pool]
        monkeypatch.setattr(os, "getpid", lambda: -1)
        for _ in range(2):
            assert RECORDED == get(ledger, ENTRY_ID)
            pools.append(engine.pool)
        assert [False, True] == [pools[1] is pool for pool in (pools[0], pools[2])]
        pools[0].dispose()

    def test_that_changes_nothing_stores_nothing(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """Neither of an entry that does not exist, nor of one that does."""
        get(ledger, ENTRY_ID)
        assert [] == rows(engine)
        put(ledger, ENTRY_ID, RECORDED)
        before = rows(engine)
        get(ledger, ENTRY_ID)
        assert before == rows(engine)

    def test_that_empties_an_entry_deletes_it(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """The link is gone."""
        put(ledger, ENTRY_ID, RECORDED)
        put(ledger, ENTRY_ID, LedgerEntry())
        assert [] == rows(engine)

    def test_shows_no_link(self, ledger: SQLAlchemyCallLedger, url: sa.URL, caplog: pytest.LogCaptureFixture) -> None:
        """Neither in the log of the engine, nor in an error of the database."""
        caplog.set_level(logging.INFO)
        engine = sa.create_engine(url, echo=True)
        put(SQLAlchemyCallLedger(engine), ENTRY_ID, RECORDED)
        assert "UPDATE" in caplog.text
        execute(engine, f"ALTER TABLE {TABLE} DROP COLUMN last_lapse")
        with pytest.raises(DBAPIError) as caught:
            put(ledger, ENTRY_ID, RECORDED)
        assert CALL.join_url not in caplog.text + str(caught.value)
        engine.dispose()


@needs_postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
class TestRepetition:
    """PostgreSQL may roll back an update at any time, for others or for itself."""

    def attempts(self, failures: int, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> int:
        """Update an entry while the first attempts deadlock. Return the number of attempts."""
        execute(engine, *DEADLOCKS, f"INSERT INTO failures VALUES ({failures})")  # noqa: S608
        try:
            put(ledger, ENTRY_ID, RECORDED)
        finally:
            with engine.connect() as connection:
                attempts = int(connection.execute(sa.text("SELECT last_value FROM attempts")).scalar_one())
        return attempts

    def test_follows_a_deadlock(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """Nothing of the attempt was stored."""
        assert 3 == self.attempts(2, ledger, engine)
        assert RECORDED == get(ledger, ENTRY_ID)

    def test_ends_after_six(
        self, ledger: SQLAlchemyCallLedger, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Something is wrong with the database, and the click must end."""
        monkeypatch.setattr(_repeating, "_PAUSES", [0.0] * 6)
        with pytest.raises(OperationalError):
            self.attempts(99, ledger, engine)
        execute(engine, "UPDATE failures SET number = 0")
        assert LedgerEntry() == get(ledger, ENTRY_ID)


class TestTable:
    """The ledger creates its table, or the host does."""

    @needs_postgresql
    @pytest.mark.parametrize("database", ["postgresql"], indirect=True)
    def test_is_created_once_by_four_processes_that_start_together(
        self, new_engine: "Callable[..., sa.Engine]"
    ) -> None:
        """All have seen that it does not exist before one of them creates it."""
        engine = new_engine()
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(4994565982117784684)"))
            jobs = [start_in_thread(SQLAlchemyCallLedger(new_engine()).forget_lapsed) for _ in range(4)]
            deadline = monotonic() + 60
            while connection.execute(waiting).scalar_one() < len(jobs):
                assert monotonic() < deadline
                sleep(0.01)
            connection.execute(sa.text("SELECT pg_advisory_unlock(4994565982117784684)"))
            assert [0] * 4 == [job.result() for job in jobs]

    def test_is_found_by_the_next_process(self, ledger: SQLAlchemyCallLedger, new_engine: Any) -> None:
        """Which needs no right to create tables."""
        put(ledger, ENTRY_ID, RECORDED)
        assert RECORDED == get(SQLAlchemyCallLedger(new_engine()), ENTRY_ID)

    def test_has_an_index_for_what_lapses(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """A sweep reads no other rows."""
        assert [["first_lapse"]] == [index["column_names"] for index in sa.inspect(engine).get_indexes(TABLE)]

    def test_may_be_the_host_s(self, engine: sa.Engine) -> None:
        """Its migrations create it, and the ledger does not."""
        metadata = sa.MetaData()
        ledger = SQLAlchemyCallLedger(engine, table=call_table(metadata, "video_calls"))
        with pytest.raises(DBAPIError):
            get(ledger, ENTRY_ID)
        metadata.create_all(engine)
        put(ledger, ENTRY_ID, RECORDED)
        assert RECORDED == get(ledger, ENTRY_ID)
        assert ["video_calls"] == sa.inspect(engine).get_table_names()

    def test_has_the_columns_of_call_table(self, engine: sa.Engine) -> None:
        """Under any name."""
        problem = r"^table must be a table from call_table\(\), got a table with other columns$"
        with pytest.raises(InvalidValueError, match=problem):
            SQLAlchemyCallLedger(engine, table=sa.Table("t", sa.MetaData(), sa.Column("entry_id", sa.String)))
        with pytest.raises(InvalidValueError, match=r"^table must be a Table, got a MetaData$"):
            SQLAlchemyCallLedger(engine, table=sa.MetaData())  # type: ignore[arg-type]


class TestLapsing:
    """What has lapsed is deleted a day later, with the next update of any entry or by `forget_lapsed()`."""

    def test_happens_in_an_update_of_any_entry_a_day_later(
        self, ledger: SQLAlchemyCallLedger, engine: "sa.Engine"
    ) -> None:
        """One wrong clock does not empty the ledger."""
        put(ledger, ENTRY_ID, RECORDED)
        for margin, expected in ((timedelta(hours=23), 2), (DAY, 1)):
            now = AT + HOUR + margin
            put(ledger, "1" * 32, LedgerEntry(RECORDED.recorded._replace(lapses_at=now + HOUR)), now=now)  # type: ignore[union-attr]
            assert expected == len(rows(engine))

    def test_happens_in_forget_lapsed(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """The rest of an entry stays."""
        entry, _ = claim_if_free(RECORDED)
        put(ledger, ENTRY_ID, RECORDED)
        put(ledger, "1" * 32, entry._replace(recorded=RECORDED.recorded._replace(lapses_at=AT)))  # type: ignore[union-attr]
        assert [0, 1, 0] == [ledger.forget_lapsed(AT, margin) for margin in (HOUR, timedelta(0), timedelta(0))]
        assert [False, True] == [CALL.join_url in entry for _, entry in reversed(rows(engine))]
        assert [2, 0] == [ledger.forget_lapsed() for _ in range(2)]

    def test_waits_for_the_last_time_in_an_entry_that_cannot_be_read(
        self, ledger: SQLAlchemyCallLedger, engine: "sa.Engine"
    ) -> None:
        """It goes with its link."""
        entry, _ = claim_if_free(RECORDED)
        put(ledger, ENTRY_ID, entry._replace(recorded=RECORDED.recorded._replace(lapses_at=AT)))  # type: ignore[union-attr]
        execute(engine, f"UPDATE {TABLE} SET entry = 'damaged'")  # noqa: S608
        with pytest.raises(InvalidPayloadError):
            get(ledger, ENTRY_ID)
        assert [0, 1] == [ledger.forget_lapsed(AT + at, timedelta(0)) for at in (timedelta(0), HOUR)]

    @needs_postgresql
    @pytest.mark.parametrize("database", ["postgresql"], indirect=True)
    def test_leaves_out_what_others_have_locked(self, ledger: SQLAlchemyCallLedger, engine: sa.Engine) -> None:
        """Two updates that sweep never wait for each other."""
        put(ledger, ENTRY_ID, RECORDED)
        answers: list[int] = []

        def sweep(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
            answers.append(ledger.forget_lapsed(AT + 2 * DAY))
            return entry, None

        ledger.update(ENTRY_ID, sweep)
        assert ([0], 1) == (answers, ledger.forget_lapsed(AT + 2 * DAY))


class TestEngine:
    """What a host could roll back, and what not all its processes share, is refused."""

    def test_is_no_connection_and_no_session(self, tmp_path: Path) -> None:
        """The host could roll it back after the call was created."""
        pytest.importorskip("aiosqlite")
        engine = sa.create_engine(f"sqlite:///{tmp_path}/calls.db")
        async_engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/calls.db")
        with engine.connect() as connection, Session(engine) as session:
            for value in (connection, session, async_engine, "sqlite:///calls.db"):
                with pytest.raises(InvalidValueError, match=r"^engine must be an Engine, got an? \w+$"):
                    SQLAlchemyCallLedger(value)  # type: ignore[arg-type]
        for other in (engine, async_engine.connect()):
            with pytest.raises(InvalidValueError, match=r"^engine must be an AsyncEngine, got an? \w+$"):
                AsyncSQLAlchemyCallLedger(other)  # type: ignore[arg-type]
        engine.dispose()

    @pytest.mark.parametrize(
        "name", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:calls?mode=memory&cache=shared&uri=true"]
    )
    def test_is_not_in_memory(self, name: str) -> None:
        """No other process would see the calls."""
        problem = "^engine must be an engine for PostgreSQL or for a file of SQLite, got SQLite in memory$"
        with pytest.raises(InvalidValueError, match=problem):
            SQLAlchemyCallLedger(sa.create_engine(name, poolclass=NullPool))

    @pytest.mark.parametrize("pool", [StaticPool, SingletonThreadPool])
    def test_does_not_share_its_connections(self, pool: Any, tmp_path: Path) -> None:
        """A rollback of the host's would undo a claim."""
        engine = sa.create_engine(f"sqlite:///{tmp_path}/calls.db", poolclass=pool)
        problem = f"^engine has a {pool.__name__}, whose connection other transactions use too: use a QueuePool or a NullPool$"
        with pytest.raises(InvalidValueError, match=problem):
            SQLAlchemyCallLedger(engine)

    def test_is_for_a_database_that_is_tested(self) -> None:
        """The locks of others differ."""
        problem = "^engine must be an engine for PostgreSQL or for a file of SQLite, got another database$"
        with pytest.raises(InvalidValueError, match=problem):
            SQLAlchemyCallLedger(sa.create_engine("mysql+pymysql://", module=FakeDriver()))


class FakeDriver:
    """A driver that nobody has to install."""

    paramstyle = "format"


@pytest.fixture(params=ASYNC_DRIVERS)
def async_url(request: pytest.FixtureRequest, new_file: Callable[[], Path]) -> sa.URL:
    """Return the URL of an empty database for each async driver."""
    driver = str(request.param)
    pytest.importorskip(driver.partition("+")[2])
    if driver == "sqlite+aiosqlite":
        return sa.URL.create(driver, database=str(new_file()))
    name, server = request.getfixturevalue("new_database")(), request.getfixturevalue("postgresql")
    return sa.URL.create(driver, "postgres", database=name, query={"host": server["PGHOST"]})


def run(url: sa.URL, test: Callable[[AsyncEngine], Coroutine[Any, Any, T]], **options: Any) -> T:
    """Run a test with an engine in an event loop."""

    async def main() -> T:
        engine = create_async_engine(url, **options)
        try:
            return await test(engine)
        finally:
            await engine.dispose()

    return asyncio.run(main())


class TestAsync:
    """The same updates, for asyncio."""

    @pytest.mark.slow
    @pytest.mark.once
    @pytest.mark.parametrize("async_url", ASYNC_DRIVERS[:2], indirect=True)
    def test_keeps_the_promises_of_a_ledger(self, async_url: sa.URL) -> None:
        """In tasks, across two engines and in a forked child."""
        engines: list[AsyncEngine] = []

        def make() -> AsyncSQLAlchemyCallLedger:
            engines.append(create_async_engine(async_url))
            return AsyncSQLAlchemyCallLedger(engines[-1])

        async def dispose() -> None:
            for engine in engines:
                await engine.dispose()

        check_call_ledger(make, thread_ends=dispose)

    @pytest.mark.parametrize("options", OPTIONS, ids=lambda options: str([*options.values()]))
    def test_grants_one_of_four_claims(self, options: dict[str, Any], async_url: sa.URL) -> None:
        """Whether the entry exists or not."""

        async def test(engine: AsyncEngine) -> list[int]:
            ledger, counts = AsyncSQLAlchemyCallLedger(engine), list[int]()
            for _ in range(2):
                counts.append(sum(await asyncio.gather(*(ledger.update(ENTRY_ID, claim_if_free) for _ in range(4)))))
                await ledger.update(ENTRY_ID, lambda _: (RECORDED, None))
            return counts

        assert [1, 1] == run(async_url, test, **options)

    def test_forgets_what_has_lapsed(self, async_url: sa.URL) -> None:
        """As the other ledger does."""

        async def test(engine: AsyncEngine) -> list[int]:
            ledger = AsyncSQLAlchemyCallLedger(engine)
            await ledger.update(ENTRY_ID, lambda _: (RECORDED, None))
            return [await ledger.forget_lapsed(AT + HOUR, margin) for margin in (HOUR, timedelta(0))]

        assert [0, 1] == run(async_url, test)

    @needs_postgresql
    @pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "postgresql+psycopg"], indirect=True)
    def test_follows_a_deadlock(self, async_url: sa.URL) -> None:
        """Nothing of the attempt was stored."""

        async def test(engine: AsyncEngine) -> LedgerEntry:
            ledger = AsyncSQLAlchemyCallLedger(engine)
            await ledger.forget_lapsed(AT)
            async with engine.begin() as connection:
                for statement in [*DEADLOCKS, "INSERT INTO failures VALUES (2)"]:
                    await connection.execute(sa.text(statement))
            await ledger.update(ENTRY_ID, lambda _: (RECORDED, None))
            return await ledger.update(ENTRY_ID, lambda entry: (entry, entry))

        assert RECORDED == run(async_url, test)

    def test_that_is_cancelled_stores_all_or_nothing(self, async_url: sa.URL) -> None:
        """The next update does not wait for it."""

        async def test(engine: AsyncEngine) -> set[LedgerEntry]:
            ledger, entries = AsyncSQLAlchemyCallLedger(engine), set[LedgerEntry]()
            for steps in range(0, 40, 3):
                entry_id = f"{steps:032}"
                task = asyncio.create_task(ledger.update(entry_id, lambda _: (RECORDED, None)))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                entries.add(await ledger.update(entry_id, lambda entry: (entry, entry)))
            return entries

        assert {RECORDED, LedgerEntry()} >= run(async_url, test)


class TestExtra:
    """SQLAlchemy comes with an extra."""

    def test_is_named_in_the_error_if_it_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one sentence."""
        monkeypatch.setitem(sys.modules, "sqlalchemy", None)
        message = "escalation_policy.ledgers.sqlalchemy needs SQLAlchemy 2: pip install 'escalation_policy[sqlalchemy]'"
        with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
            importlib.reload(alchemy)
