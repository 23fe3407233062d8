"""The provider and the ledger in memory."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Final

import attrs
import pytest

from escalation_policy._calls.entries import Claim, RecordedCall
from escalation_policy.exceptions import ProviderUnavailableError
from escalation_policy.testing import a_request
from escalation_policy.video import CallRequest, InMemoryCallLedger, InMemoryVideoProvider, LedgerEntry, escalate

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
REQUEST: Final = CallRequest(key="case-agent", account_id="1", extension_id="2")


class TestInMemoryVideoProvider:
    """It behaves as any provider, but nobody can join its calls."""

    def test_creates_and_remembers_calls(self) -> None:
        """Each call has its own id and link, and the host of the request."""
        provider = InMemoryVideoProvider(now=lambda: NOW)
        calls = [provider.create_call(REQUEST) for _ in range(3)]
        assert provider.calls == tuple(calls)
        assert len({call.id for call in calls}) == len({call.join_url for call in calls}) == 3
        assert all(call.hosted_as(REQUEST) and call.created_at == NOW for call in calls)

    def test_uses_the_clock_by_default(self) -> None:
        """The time has a zone."""
        before = datetime.now(UTC)
        assert before <= InMemoryVideoProvider().create_call(REQUEST).created_at <= datetime.now(UTC)

    def test_raises_its_errors_first(self) -> None:
        """No call is created for them."""
        provider = InMemoryVideoProvider(errors=[ProviderUnavailableError("one"), ProviderUnavailableError("two")])
        for text in ("one", "two"):
            with pytest.raises(ProviderUnavailableError, match=text):
                provider.create_call(REQUEST)
        assert provider.create_call(REQUEST).id == "call-1"

    def test_knows_whether_its_calls_are_open(self) -> None:
        """It does not know it of other calls."""
        provider = InMemoryVideoProvider()
        one, two = provider.create_call(REQUEST), provider.create_call(REQUEST)
        provider.end(one)
        assert provider.is_open(one) is False
        assert provider.is_open(two) is True
        assert provider.is_open(attrs.evolve(two, id="other")) is None
        assert provider.is_open(attrs.evolve(two, join_url="https://video.example/other")) is None

    def test_can_be_shared_by_threads(self) -> None:
        """Two threads that could meet while each creates a call would give both calls one id."""
        barrier = Barrier(2)

        def now() -> datetime:
            with suppress(BrokenBarrierError):
                barrier.wait(0.2)
            return NOW

        provider = InMemoryVideoProvider(now=now)
        with ThreadPoolExecutor(2) as threads:
            calls = list(threads.map(provider.create_call, [REQUEST] * 2))
        assert ["call-1", "call-2"] == sorted(call.id for call in calls)


class TestInMemoryCallLedger:
    """It remembers calls until the process ends."""

    def test_deletes_lapsed_entries_as_it_grows(self) -> None:
        """Its size depends on the entries that still count."""
        ledger, provider, request = InMemoryCallLedger(), InMemoryVideoProvider(), a_request()
        assert request.intervention
        latest = request
        for number in range(3000):
            case_id = f"case {number}"
            message = attrs.evolve(request.message, intervention_id=case_id)
            intervention = attrs.evolve(request.intervention, id=case_id)
            latest = attrs.evolve(request, message=message, intervention=intervention)
            escalate(latest, provider=provider, ledger=ledger, now=NOW + timedelta(hours=number))
        assert len(ledger._entries) < 1100
        assert escalate(latest, provider=provider, ledger=ledger, now=NOW + timedelta(hours=2999.5)).outcome == "reused"

    def test_deletes_the_lapsed_part_of_an_entry(self) -> None:
        """A link goes, though a doubt stays."""
        ledger = InMemoryCallLedger()
        call = InMemoryVideoProvider().create_call(REQUEST)
        doubt = {"k": Claim("t", None, NOW + timedelta(days=30))}
        entry = LedgerEntry(RecordedCall("k", call, None, NOW), doubt)
        for number in range(1024):
            ledger.update(f"{number}", lambda _: (entry, None), now=NOW + timedelta(days=1))
        assert all(stored == LedgerEntry(None, doubt) for stored in ledger._entries.values())

    def test_keeps_for_a_day_what_has_lapsed(self) -> None:
        """A click under a wrong clock changes no other case."""
        ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider()
        ledger._sweep_at = 1
        escalate(a_request(), provider=provider, ledger=ledger, now=NOW)
        escalate(a_request(intervention_id="i2"), provider=provider, ledger=ledger, now=NOW + timedelta(hours=24))
        assert escalate(a_request(), provider=provider, ledger=ledger, now=NOW).outcome == "reused"

    def test_stores_no_empty_entry(self) -> None:
        """Whether or not something was stored before."""
        ledger = InMemoryCallLedger()
        assert not ledger.end("k")
        key = escalate(a_request(), provider=InMemoryVideoProvider(), ledger=ledger).key
        assert key
        assert ledger.end(key)
        assert {} == ledger._entries

    def test_deletes_nothing_without_a_time(self) -> None:
        """It has no clock."""
        ledger = InMemoryCallLedger()
        doubt = LedgerEntry(None, {"k": Claim("t", None, NOW)})
        for number in range(2000):
            ledger.update(f"{number}", lambda _: (doubt, None))
        assert len(ledger._entries) == 2000

    def test_changes_nothing_if_a_change_raises(self) -> None:
        """It is not locked afterwards."""
        ledger = InMemoryCallLedger()

        def fail(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
            raise ValueError(entry)

        with pytest.raises(ValueError, match="LedgerEntry"):
            ledger.update("id", fail)
        assert ledger.update("id", lambda entry: (entry, entry)) == LedgerEntry()
