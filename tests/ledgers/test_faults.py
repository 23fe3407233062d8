"""Everything that can go wrong with a click has the same results with every ledger, in PostgreSQL too."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import faults
from postgresql import needs_postgresql

pytest.importorskip("asyncpg", reason="needs asyncpg")
pytest.importorskip("django", reason="needs Django")
pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
import sqlalchemy as sa
from django.db import connections
from sqlalchemy.ext.asyncio import create_async_engine

from escalation_policy.ledgers.django import DjangoCallLedger
from escalation_policy.ledgers.sqlalchemy import AsyncSQLAlchemyCallLedger, SQLAlchemyCallLedger

pytestmark = [needs_postgresql, pytest.mark.once, pytest.mark.usefixtures("django")]


def empty(make: Callable[[], Any], _: Path) -> Callable[[], Any]:
    """Delete all entries, and return the function that makes a ledger."""
    with connections["pooled"].cursor() as cursor:
        cursor.execute("DELETE FROM escalation_policy_calls")
    connections["pooled"].close()
    return make


@pytest.fixture(autouse=True)
def ledgers(django: None, monkeypatch: pytest.MonkeyPatch) -> Generator[None, None, None]:
    """Compare the ledgers in PostgreSQL with the one in memory."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the tests look into the ledger in the event loop
    database = connections["postgresql"].settings_dict
    url = sa.URL.create("postgresql+psycopg", "postgres", database=database["NAME"], query={"host": database["HOST"]})
    engine = sa.create_engine(url)
    # Each event loop needs connections of its own.
    async_engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=sa.NullPool)
    shared = {
        "SQLAlchemyCallLedger": partial(empty, partial(SQLAlchemyCallLedger, engine)),
        "DjangoCallLedger": partial(empty, partial(DjangoCallLedger, "pooled")),
    }
    asynchronous = {"AsyncSQLAlchemyCallLedger": partial(empty, partial(AsyncSQLAlchemyCallLedger, async_engine))}
    in_memory = {name: faults.LEDGERS[name] for name in ["InMemoryCallLedger"]}
    monkeypatch.setattr(faults, "LEDGERS", in_memory | shared)
    monkeypatch.setattr(faults, "ASYNC_LEDGERS", asynchronous)
    yield
    engine.dispose()


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_faults_never_lead_to_a_second_call(fault: faults.Fault) -> None:
    """Neither in this click nor in the next one. The ledgers do not differ."""
    for result in faults.results_of(fault).values():
        assert result.calls <= result.calls_in_the_end <= 1
