"""A ledger on one of Django's database connections."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final, TypeVar, final

try:
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
except ModuleNotFoundError as error:
    raise ImportError(f"{__package__} needs Django: pip install 'escalation_policy[django]'") from error

from ..._calls.entries import LedgerEntry
from ..._calls.rows import MARGIN, Row, change_row, cutoff_of, sweep_row
from ..._fields import check_types, require
from ...exceptions import LedgerError
from ...typing import CallLedger
from .._repeating import pause_after

T = TypeVar("T")
_APP: Final = "escalation_policy.ledgers.django"
_VENDORS: Final = frozenset({"postgresql", "sqlite"})
_READ_COMMITTED: Final = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
#: Setting a column to itself changes nothing, but locks the row and returns it.
_INSERT_OR_LOCK: Final = """
    INSERT INTO escalation_policy_calls (entry_id, entry, first_lapse, last_lapse) VALUES (%s, %s, %s, %s)
    ON CONFLICT (entry_id) DO UPDATE SET last_lapse = escalation_policy_calls.last_lapse
    RETURNING entry_id, entry, first_lapse, last_lapse
"""
_UPDATE: Final = "UPDATE escalation_policy_calls SET entry = %s, first_lapse = %s, last_lapse = %s WHERE entry_id = %s"
_DELETE: Final = "DELETE FROM escalation_policy_calls WHERE entry_id = %s"
_DELETE_LAPSED: Final = """
    DELETE FROM escalation_policy_calls WHERE entry_id IN (
        SELECT entry_id FROM escalation_policy_calls WHERE first_lapse <= %s AND last_lapse <= %s {skip_locked}
    )
"""
_SELECT_LAPSED: Final = """
    SELECT entry_id, entry, first_lapse, last_lapse FROM escalation_policy_calls WHERE first_lapse <= %s {skip_locked}
"""
_OPEN_TRANSACTION: Final = (
    "the application has an open transaction on the connection of the ledger, and could roll back what the ledger stores: "
    "with ATOMIC_REQUESTS, decorate the view with transaction.non_atomic_requests; otherwise, click outside of atomic() and "
    "with autocommit on"
)


@final
class DjangoCallLedger(CallLedger):
    """Remembers calls for all processes that share a database of Django's: PostgreSQL or SQLite.

    Each update is a transaction of its own on the connection of the current thread. If the thread has none, the ledger opens
    one and closes it again. The ledger works inside `django.test.TestCase`, in the thread of the test; tests that click in
    other threads, which includes `escalate_async()`, need a `TransactionTestCase`.

    Args:
        using: The alias of the database. Its table comes from the migration of the app `escalation_policy.ledgers.django`.

    Raises:
        InvalidValueError: The database is neither PostgreSQL nor SQLite.
        django.core.exceptions.ImproperlyConfigured: The app is not in `INSTALLED_APPS`.
        django.utils.connection.ConnectionDoesNotExist: There is no database with this alias.
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        check_types(str, using=using)
        require(
            connections[using].vendor in _VENDORS, "using", "another database", "a database in PostgreSQL or SQLite"
        )
        if apps.ready and not apps.is_installed(_APP):
            raise ImproperlyConfigured(f"add '{_APP}' to INSTALLED_APPS, and run migrate")
        self._using: Final = using

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry; see `CallLedger.update()`. Deadlocks and serialization failures repeat it, up to six times.

        Raises:
            LedgerError: The application has an open transaction on the connection, and it is not that of a `TestCase`.
            django.db.DatabaseError: The database cannot be used.
            InvalidPayloadError: The stored entry cannot be read, and has not lapsed.
        """

        def job(cursor: Any) -> T:
            inserted = Row(entry_id, "", 0, 0)
            cursor.execute(_INSERT_OR_LOCK, inserted)
            [locked] = map(Row._make, cursor.fetchall())
            row = None if locked == inserted else locked
            new_row, answer = change_row(entry_id, row, change, now)
            if new_row == row:
                # Faster than to commit, and removes the row that was inserted.
                transaction.set_rollback(True, using=self._using)
                return answer
            _store(cursor, entry_id, new_row)
            if now is not None:
                self._sweep(cursor, cutoff_of(now, MARGIN))
            return answer

        return self._run(job)

    def forget_lapsed(self, now: datetime | None = None, margin: timedelta = MARGIN) -> int:
        """Delete what has lapsed, for times when nobody clicks. Return the number of entries that changed.

        Args:
            now: The current time, with a zone. By default, the time of the system's clock.
            margin: How long ago it must have lapsed, a timedelta of 0 or more. If the clock may be wrong, the margin should be
                longer than its error.

        Raises:
            InvalidValueError: An argument is invalid.
            django.db.DatabaseError: The database cannot be used; so is `LedgerError`, as for `update()`.
        """
        cutoff = cutoff_of(now, margin)
        return self._run(lambda cursor: self._sweep(cursor, cutoff))

    def _run(self, job: Callable[[Any], T]) -> T:
        """Do a job in a transaction. Repeat it if the database has rolled it back."""
        attempt = 0
        while True:
            try:
                with self._transaction(), connections[self._using].cursor() as cursor:
                    return job(cursor)
            except DatabaseError as error:
                pause = pause_after(error, error.__cause__, attempt)
            sleep(pause)
            attempt += 1

    @contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        connection = connections[self._using]
        is_closed = connection.connection is None
        try:
            with ExitStack() as stack:
                is_outermost = not connection.in_atomic_block
                if is_outermost and not connection.get_autocommit():
                    raise LedgerError(_OPEN_TRANSACTION)
                try:
                    stack.enter_context(transaction.atomic(using=self._using, durable=True))
                except RuntimeError:
                    raise LedgerError(_OPEN_TRANSACTION) from None
                if is_outermost and connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute(_READ_COMMITTED)
                yield
        finally:
            if is_closed:
                connection.close()

    def _sweep(self, cursor: Any, cutoff: int) -> int:
        """Delete what has lapsed from all entries. Return how many changed. Entries that others have locked are left out.

        In SQLite, the first statement of a transaction must write: it is the lock.
        """
        skip_locked = "FOR UPDATE SKIP LOCKED" if connections[self._using].vendor == "postgresql" else ""
        cursor.execute(_DELETE_LAPSED.format(skip_locked=skip_locked), [cutoff, cutoff])
        changes = int(cursor.rowcount)
        cursor.execute(_SELECT_LAPSED.format(skip_locked=skip_locked), [cutoff])
        for row in map(Row._make, cursor.fetchall()):
            new_row = sweep_row(row, cutoff)
            if new_row != row:
                _store(cursor, row.entry_id, new_row)
                changes += 1
        return changes


def _store(cursor: Any, entry_id: str, row: Row | None) -> None:
    if row is None:
        cursor.execute(_DELETE, [entry_id])
    else:
        cursor.execute(_UPDATE, [row.entry, row.first_lapse, row.last_lapse, entry_id])
