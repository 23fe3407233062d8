"""The ledger on Django's connections: real PostgreSQL and a file of SQLite, in threads, requests and tests."""

import asyncio
import importlib
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic, sleep
from typing import Any, Final

import pytest

from escalation_policy._threads import start_in_thread
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError, LedgerError
from escalation_policy.testing import check_call_ledger
from escalation_policy.video import (
    CallRequest,
    EscalationOutcome,
    InMemoryVideoProvider,
    LedgerEntry,
    VideoCall,
    escalate,
    escalate_async,
)
from ledgers.databases import CALL, DAY, DEADLOCKS, ENTRY_ID, HOUR, RECORDED, claim_if_free, get, grants, put
from postgresql import needs_postgresql
from video.clicks import AT, request_of

pytest.importorskip("django", reason="needs Django")
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.connection import ConnectionDoesNotExist

from escalation_policy.ledgers import _repeating
from escalation_policy.ledgers.django import DjangoCallLedger, _ledger

pytestmark = [needs_postgresql, pytest.mark.usefixtures("django")]

OPEN: Final = (
    "the application has an open transaction on the connection of the ledger, and could roll back what the ledger stores: "
    "with ATOMIC_REQUESTS, decorate the view with transaction.non_atomic_requests; otherwise, click outside of atomic() and "
    "with autocommit on"
)


@pytest.fixture(params=["default", "postgresql"], ids=["sqlite", "postgresql"])
def alias(request: pytest.FixtureRequest) -> str:
    """Return the alias of each database that the ledger supports."""
    return str(request.param)


@pytest.fixture(autouse=True)
def clean(django: None) -> Generator[None, None, None]:
    """Delete all entries, and close all connections."""
    yield
    for alias in ("default", "postgresql"):
        execute(alias, "DELETE FROM escalation_policy_calls")
    connections.close_all()


@pytest.fixture
def ledger(alias: str) -> DjangoCallLedger:
    """Return a ledger in the database."""
    return DjangoCallLedger(alias)


def execute(alias: str, *statements: str) -> list[Any]:
    """Execute statements, and return the rows of the last one."""
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def entries(alias: str) -> list[str]:
    """Return the stored entries."""
    return [entry for (entry,) in execute(alias, "SELECT entry FROM escalation_policy_calls ORDER BY entry_id")]


class TestUpdate:
    """Nobody reads an entry before the last update of it has ended."""

    @pytest.mark.slow
    @pytest.mark.once
    @pytest.mark.parametrize("alias", ["default", "pooled"], indirect=True)
    def test_keeps_the_promises_of_a_ledger(self, ledger: DjangoCallLedger, alias: str) -> None:
        """In threads, each with a connection of its own, in a forked child, and in a transaction of the host."""
        inside = partial(transaction.atomic, using=alias)
        check_call_ledger(lambda: ledger, inside=inside, thread_ends=connections.close_all)

    @pytest.mark.parametrize("alias", ["default", "postgresql", "repeatable"], indirect=True)
    def test_grants_one_of_four_claims(self, ledger: DjangoCallLedger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether the entry exists or not, no matter how the connection isolates transactions. None has to be repeated."""
        monkeypatch.setattr(_repeating, "_PAUSES", [])
        assert 1 == grants(lambda change: ledger.update(ENTRY_ID, change))
        put(ledger, ENTRY_ID, RECORDED)
        assert 1 == grants(lambda change: ledger.update(ENTRY_ID, change))

    def test_that_changes_nothing_stores_nothing(self, ledger: DjangoCallLedger, alias: str) -> None:
        """Neither of an entry that does not exist, nor of one that does."""
        get(ledger, ENTRY_ID)
        assert [] == entries(alias)
        put(ledger, ENTRY_ID, RECORDED)
        before = entries(alias)
        get(ledger, ENTRY_ID)
        assert before == entries(alias)

    def test_that_empties_an_entry_deletes_it(self, ledger: DjangoCallLedger, alias: str) -> None:
        """The link is gone."""
        put(ledger, ENTRY_ID, RECORDED)
        put(ledger, ENTRY_ID, LedgerEntry())
        assert [] == entries(alias)


@pytest.mark.parametrize("alias", ["postgresql"], indirect=True)
class TestRepetition:
    """PostgreSQL may roll back an update at any time, for others or for itself."""

    @pytest.fixture(autouse=True)
    def deadlocks(self, django: None) -> Generator[None, None, None]:
        """Have the table deadlock, without end by default."""
        execute("postgresql", *DEADLOCKS, "INSERT INTO failures VALUES (99)")
        yield
        execute("postgresql", "DROP TABLE failures", "DROP SEQUENCE attempts", "DROP FUNCTION fail CASCADE")

    def test_follows_a_deadlock(self, ledger: DjangoCallLedger) -> None:
        """Nothing of the attempt was stored."""
        execute("postgresql", "UPDATE failures SET number = 2")
        put(ledger, ENTRY_ID, RECORDED)
        assert RECORDED == get(ledger, ENTRY_ID)

    def test_ends_after_six(self, ledger: DjangoCallLedger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Something is wrong with the database, and the click must end."""
        monkeypatch.setattr(_repeating, "_PAUSES", [0.0] * 6)
        with pytest.raises(DatabaseError):
            put(ledger, ENTRY_ID, RECORDED)
        assert [(7,)] == execute("postgresql", "SELECT last_value FROM attempts")


class TestTransactions:
    """What the application could roll back after the call was created is refused before the provider is asked."""

    def test_of_the_application_are_refused(self, ledger: DjangoCallLedger, alias: str) -> None:
        """Whether it uses `atomic()` or turns autocommit off."""
        with transaction.atomic(using=alias), pytest.raises(LedgerError, match=f"^{OPEN.replace('()', '..')}$"):
            get(ledger, ENTRY_ID)
        transaction.set_autocommit(False, using=alias)
        with pytest.raises(LedgerError) as caught:
            get(ledger, ENTRY_ID)
        transaction.rollback(using=alias)
        transaction.set_autocommit(True, using=alias)
        assert OPEN == str(caught.value)
        assert LedgerEntry() == get(ledger, ENTRY_ID)

    def test_on_another_connection_do_not_matter(self) -> None:
        """An alias of its own serves a ledger even if the view is atomic."""
        ledger = DjangoCallLedger("calls")
        with suppress(ZeroDivisionError), transaction.atomic(using="postgresql"):
            put(ledger, ENTRY_ID, RECORDED)
            raise ZeroDivisionError
        assert RECORDED == get(ledger, ENTRY_ID)


def click(request: HttpRequest) -> HttpResponse:
    """Click in a view, which fails afterwards."""
    PROVIDER.outcomes.append(
        escalate(request_of(1), provider=PROVIDER.inner, ledger=DjangoCallLedger(), now=AT).outcome
    )
    raise ZeroDivisionError


@transaction.non_atomic_requests
def click_alone(request: HttpRequest) -> HttpResponse:
    """Click in a view that is no transaction."""
    return click(request)


class Provider:
    """A provider for views."""

    def __init__(self) -> None:
        self.inner: Final = InMemoryVideoProvider()
        self.outcomes: Final[list[EscalationOutcome]] = []


PROVIDER: Provider = Provider()


class TestAtomicRequests:
    """With ATOMIC_REQUESTS, a view is one transaction, which is rolled back if the view fails."""

    @pytest.fixture(autouse=True)
    def client(self, django: None, monkeypatch: pytest.MonkeyPatch) -> Generator[Client, None, None]:
        """Turn it on, and return a client for the views above."""
        monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
        monkeypatch.setattr(f"{__name__}.PROVIDER", Provider())
        with override_settings(ROOT_URLCONF=__name__):
            yield Client(raise_request_exception=False)

    def test_refuse_the_click_and_create_no_call(self, client: Client) -> None:
        """The ledger that everybody writes first makes two calls here."""
        assert [500, 500] == [client.get("/atomic/").status_code for _ in range(2)]
        assert () == PROVIDER.inner.calls

    def test_are_left_out_by_a_decorator_of_the_view(self, client: Client) -> None:
        """The call stays recorded although the view fails."""
        assert [500, 500] == [client.get("/").status_code for _ in range(2)]
        assert [EscalationOutcome.CREATED, EscalationOutcome.REUSED] == PROVIDER.outcomes


async def click_async(request: HttpRequest) -> HttpResponse:
    """Click in an async view."""
    await escalate_async(request_of(1), provider=SLOW, ledger=DjangoCallLedger("pooled"), wait=HOUR)
    return HttpResponse()


class SlowProvider:
    """A provider that takes until it may go on."""

    def __init__(self) -> None:
        self.inner: Final = InMemoryVideoProvider()
        self.is_asked: Final = asyncio.Event()
        self.may_go_on: Final = asyncio.Event()

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call."""
        self.is_asked.set()
        await self.may_go_on.wait()
        return self.inner.create_call(call)


SLOW: SlowProvider = SlowProvider()
urlpatterns = [path("atomic/", click), path("", click_alone), path("async/", click_async)]


class TestAsgi:
    """Django's ASGI handler cancels an async view when the browser hangs up."""

    def test_leaves_no_call_in_doubt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The call is recorded, and the next click gets it."""

        async def request(*, hangs_up: bool) -> list[int]:
            messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])
            statuses: list[int] = []

            async def receive() -> dict[str, str]:
                message = next(messages)
                if message["type"] == "http.disconnect":
                    await (SLOW.is_asked.wait() if hangs_up else asyncio.Event().wait())
                return message

            async def send(message: Mapping[str, Any]) -> None:
                statuses.extend([message["status"]] if "status" in message else [])

            scope: dict[str, Any] = {
                "type": "http",
                "method": "POST",
                "path": "/async/",
                "headers": [],
                "query_string": b"",
            }
            await ASGIHandler()(scope, receive, send)
            return statuses

        async def test() -> list[list[int]]:
            monkeypatch.setattr(f"{__name__}.SLOW", SlowProvider())
            first = await request(hangs_up=True)
            SLOW.may_go_on.set()
            return [first, await request(hangs_up=False)]

        with override_settings(ROOT_URLCONF=__name__):
            assert [[], [200]] == asyncio.run(test())
        assert 1 == len(SLOW.inner.calls)


class TestConnections:
    """The ledger closes the connections that it opens, and no others."""

    def servers(self) -> set[int]:
        """Return the processes that serve connections to the database."""
        return {
            pid
            for (pid,) in execute("postgresql", "SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        }

    def test_of_threads_are_closed(self) -> None:
        """Otherwise `escalate_async()` would leave one open in each thread, and no test database could be dropped."""
        ledger, before = DjangoCallLedger("postgresql"), self.servers()
        for job in [start_in_thread(lambda: put(ledger, ENTRY_ID, RECORDED)) for _ in range(3)]:
            job.result()
        deadline = monotonic() + 10
        while not self.servers() <= before:  # a server ends a moment after its connection
            assert monotonic() < deadline
            sleep(0.01)

    def test_of_the_application_stay_open(self) -> None:
        """With what it has set on them."""
        execute("postgresql", "SET application_name = 'host'")
        put(DjangoCallLedger("postgresql"), ENTRY_ID, RECORDED)
        assert [("host",)] == execute("postgresql", "SHOW application_name")

    def test_are_closed_after_an_error_too(self) -> None:
        """The thread may never come back."""
        connections.close_all()
        with pytest.raises(ZeroDivisionError):
            DjangoCallLedger("postgresql").update(ENTRY_ID, lambda _: 1 // 0)  # type: ignore[arg-type,return-value]
        assert connections["postgresql"].connection is None


class TestLapsing:
    """What has lapsed is deleted a day later, with the next update of any entry or by `forget_lapsed()`."""

    def test_happens_in_an_update_of_any_entry_a_day_later(self, ledger: DjangoCallLedger, alias: str) -> None:
        """One wrong clock does not empty the ledger."""
        put(ledger, ENTRY_ID, RECORDED)
        for margin, expected in ((timedelta(hours=23), 2), (DAY, 1)):
            now = AT + HOUR + margin
            put(ledger, "1" * 32, LedgerEntry(RECORDED.recorded._replace(lapses_at=now + HOUR)), now=now)  # type: ignore[union-attr]
            assert expected == len(entries(alias))

    def test_happens_in_forget_lapsed(self, ledger: DjangoCallLedger, alias: str) -> None:
        """The rest of an entry stays."""
        entry, _ = claim_if_free(LedgerEntry(RECORDED.recorded._replace(lapses_at=AT)))  # type: ignore[union-attr]
        put(ledger, ENTRY_ID, RECORDED)
        put(ledger, "1" * 32, entry)
        assert [0, 1, 0] == [ledger.forget_lapsed(AT, margin) for margin in (HOUR, timedelta(0), timedelta(0))]
        assert [False, True] == [CALL.join_url in entry for entry in reversed(entries(alias))]
        assert [2, 0] == [ledger.forget_lapsed() for _ in range(2)]

    def test_waits_for_the_last_time_in_an_entry_that_cannot_be_read(
        self, ledger: DjangoCallLedger, alias: str
    ) -> None:
        """It goes with its link."""
        entry, _ = claim_if_free(LedgerEntry(RECORDED.recorded._replace(lapses_at=AT)))  # type: ignore[union-attr]
        put(ledger, ENTRY_ID, entry)
        execute(alias, "UPDATE escalation_policy_calls SET entry = 'damaged'")
        with pytest.raises(InvalidPayloadError):
            get(ledger, ENTRY_ID)
        assert [0, 1] == [ledger.forget_lapsed(AT + at, timedelta(0)) for at in (timedelta(0), HOUR)]

    @pytest.mark.parametrize("alias", ["postgresql"], indirect=True)
    def test_leaves_out_what_others_have_locked(self, ledger: DjangoCallLedger) -> None:
        """Two updates that sweep never wait for each other."""
        put(ledger, ENTRY_ID, RECORDED)
        answers: list[int] = []

        def sweep(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
            answers.append(start_in_thread(lambda: ledger.forget_lapsed(AT + 2 * DAY)).result())
            return entry, None

        ledger.update(ENTRY_ID, sweep)
        assert ([0], 1) == (answers, ledger.forget_lapsed(AT + 2 * DAY))


class TestSetup:
    """The app has the table, and the ledger needs the app."""

    def test_has_a_migration_for_the_whole_model(self) -> None:
        """Django would make another one in the library's folder otherwise."""
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)

    def test_needs_the_app(self) -> None:
        """Its migration creates the table."""
        with (
            override_settings(INSTALLED_APPS=[]),
            pytest.raises(
                ImproperlyConfigured,
                match=r"^add 'escalation_policy.ledgers.django' to INSTALLED_APPS, and run migrate$",
            ),
        ):
            DjangoCallLedger()

    def test_needs_a_database_that_is_tested(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The locks of others differ."""
        monkeypatch.setattr(connections["default"], "vendor", "mysql")
        with pytest.raises(
            InvalidValueError, match=r"^using must be a database in PostgreSQL or SQLite, got another database$"
        ):
            DjangoCallLedger()

    def test_needs_an_alias(self) -> None:
        """Of a database that exists."""
        with pytest.raises(ConnectionDoesNotExist):
            DjangoCallLedger("other")
        with pytest.raises(InvalidValueError, match=r"^using must be a non-empty str, got None$"):
            DjangoCallLedger(None)  # type: ignore[arg-type]

    def test_shows_no_link_of_an_entry(self) -> None:
        """Neither in the admin nor in a debugger."""
        put(DjangoCallLedger(), ENTRY_ID, RECORDED)
        from escalation_policy.ledgers.django.models import StoredEntry  # noqa: PLC0415  needs the settings

        assert "<StoredEntry: an entry>" == repr(StoredEntry.objects.get())

    @pytest.mark.parametrize("alias", ["postgresql"], indirect=True)
    def test_has_the_table_of_the_ledger_for_sqlalchemy(self, ledger: DjangoCallLedger) -> None:
        """So a service without Django may share the calls."""
        sa: Any = pytest.importorskip("sqlalchemy")
        from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger  # noqa: PLC0415  if it is installed

        database = connections["postgresql"].settings_dict
        engine = sa.create_engine(f"postgresql+psycopg://postgres@/{database['NAME']}?host={database['HOST']}")
        put(SQLAlchemyCallLedger(engine), ENTRY_ID, RECORDED)
        assert RECORDED == get(ledger, ENTRY_ID)
        engine.dispose()


class TestExtra:
    """Django comes with an extra."""

    def test_is_named_in_the_error_if_it_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one sentence."""
        monkeypatch.setitem(sys.modules, "django.db", None)
        message = "escalation_policy.ledgers.django needs Django: pip install 'escalation_policy[django]'"
        with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
            importlib.reload(_ledger)
