"""What a click costs with the ledgers in PostgreSQL, beside a ledger that is written by hand.

Run it with the interpreter to measure: `PYTHONPATH=tests python tests/benchmarks/ledgers.py`. It starts a PostgreSQL server of
its own, which does not wait for the disk. The ledgers take turns, and every figure is a median: on a shared machine, only
differences within one run mean anything.
"""

import platform
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, TypeVar, final

import django
import psycopg
import psycopg_pool
import sqlalchemy
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from escalation_policy.ledgers.django import DjangoCallLedger
from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    CallRequest,
    InMemoryVideoProvider,
    LedgerEntry,
    VideoCall,
    entry_from_json,
    entry_to_json,
    escalate,
)
from postgresql import server

T = TypeVar("T")
CASES: Final = 300
_CALL: Final = InMemoryVideoProvider().create_call(
    CallRequest(key="key", account_id="664287016", extension_id="664307016")
)


class _Provider:
    """Returns the same call at once."""

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Return the call."""
        return _CALL


@final
class _HandWritten(CallLedger):
    """The least that a ledger in PostgreSQL can do: an advisory lock, a read and a write. It never sweeps."""

    def __init__(self, connect: Callable[[], AbstractContextManager["psycopg.Connection[Any]"]]) -> None:
        self._connect: Final = connect

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry."""
        with self._connect() as transaction:
            transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [entry_id])
            row = transaction.execute("SELECT entry FROM by_hand WHERE entry_id = %s", [entry_id]).fetchone()
            stored = entry_from_json(row[0]) if row else LedgerEntry()
            entry, answer = change(stored)
            if entry != stored:
                statement = (
                    "INSERT INTO by_hand VALUES (%s, %s) ON CONFLICT (entry_id) DO UPDATE SET entry = EXCLUDED.entry"
                )
                transaction.execute(statement, [entry_id, entry_to_json(entry)])
        return answer


def main() -> None:
    """Print the figures."""
    with server() as variables:
        address = f"host={variables['PGHOST']} user=postgres"
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE by_hand (entry_id text PRIMARY KEY, entry text NOT NULL)")
        database = {"ENGINE": "django.db.backends.postgresql", "HOST": variables["PGHOST"], "USER": "postgres"}
        database |= {"NAME": "postgres"}
        aliases = {"default": database, "none": database, "pool": {**database, "OPTIONS": {"pool": True}}}
        settings.configure(DATABASES=aliases, INSTALLED_APPS=["escalation_policy.ledgers.django"])
        django.setup()
        call_command("migrate", verbosity=0)
        connections["default"].ensure_connection()
        engine = sqlalchemy.create_engine(f"postgresql+psycopg://postgres@/postgres?host={variables['PGHOST']}")
        with psycopg_pool.ConnectionPool(address, min_size=1, open=True) as pool:
            time_all(
                {
                    "by hand, a connection for each update": _HandWritten(lambda: psycopg.connect(address)),
                    "by hand, with a pool": _HandWritten(pool.connection),
                    "SQLAlchemyCallLedger": SQLAlchemyCallLedger(engine),
                    "DjangoCallLedger, an open connection": DjangoCallLedger(),
                    "DjangoCallLedger, with a pool": DjangoCallLedger("pool"),
                    "DjangoCallLedger, no connection": DjangoCallLedger("none"),
                }
            )
        engine.dispose()
        connections.close_all()
        connections["pool"].close_pool()  # type: ignore[attr-defined]


def time_all(ledgers: dict[str, CallLedger]) -> None:
    """Click twice in each case, with each ledger, and print the medians."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ledgers}
    for number in range(CASES):
        for name, ledger in ledgers.items():
            request = a_request(intervention_id=f"{name} {number}")
            for results in times[name]:
                start = time.perf_counter()
                escalate(request, provider=_Provider(), ledger=ledger)
                results.append(time.perf_counter() - start)
    print(f"CPython {platform.python_version()}, medians of {CASES} cases, ms per click")
    for name, (created, reused) in times.items():
        print(
            f"  {name:40} created {statistics.median(created) * 1e3:6.2f}, reused {statistics.median(reused) * 1e3:6.2f}"
        )


if __name__ == "__main__":
    main()
