"""The provider that makes calls up, and the ledger that forgets them with the process."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import pytest

from escalation_policy._calls.values import entry_id_of
from escalation_policy.exceptions import ProviderUnavailableError
from escalation_policy.testing import a_request
from escalation_policy.video import CallRequest, InMemoryCallLedger, InMemoryVideoProvider, LedgerEntry, escalate

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
WANTED: Final = CallRequest(key="case-agent", account_id="1", extension_id="2")


class TestInMemoryVideoProvider:
    """A provider like any other, but that nobody can join its calls."""

    def test_makes_calls_and_remembers_them(self) -> None:
        """Each with an id and a link of its own, hosted by whom the request names."""
        provider = InMemoryVideoProvider(now=lambda: NOW)
        calls = [provider.create_call(WANTED) for _ in range(3)]
        assert provider.calls == tuple(calls)
        assert len({call.id for call in calls}) == len({call.join_url for call in calls}) == 3
        assert all(call.hosted_as(WANTED) and call.created_at == NOW for call in calls)

    def test_takes_the_clock_where_nothing_else_tells_the_time(self) -> None:
        """With a zone."""
        before = datetime.now(UTC)
        assert before <= InMemoryVideoProvider().create_call(WANTED).created_at <= datetime.now(UTC)

    def test_fails_as_it_is_told_and_then_no_more(self) -> None:
        """Before it has made a call."""
        provider = InMemoryVideoProvider(errors=[ProviderUnavailableError("one"), ProviderUnavailableError("two")])
        for text in ("one", "two"):
            with pytest.raises(ProviderUnavailableError, match=text):
                provider.create_call(WANTED)
        assert provider.create_call(WANTED).id == "call-1"

    def test_knows_which_of_its_calls_are_open(self) -> None:
        """And of no others."""
        provider = InMemoryVideoProvider()
        one, two = provider.create_call(WANTED), provider.create_call(WANTED)
        provider.end(one)
        assert provider.is_open(one) is False
        assert provider.is_open(two) is True
        assert provider.is_open(attrs.evolve(two, id="other")) is None
        assert provider.is_open(attrs.evolve(two, join_url="https://video.example/other")) is None

    def test_serves_threads(self) -> None:
        """No two get the same call."""
        provider = InMemoryVideoProvider()
        with ThreadPoolExecutor(8) as threads:
            calls = list(threads.map(provider.create_call, [WANTED] * 500))
        assert len({call.id for call in calls}) == 500


class TestInMemoryCallLedger:
    """A ledger for one process."""

    def test_forgets_what_has_lapsed_before_it_grows(self) -> None:
        """Memory is bounded by what counts."""
        ledger, provider, request = InMemoryCallLedger(), InMemoryVideoProvider(), a_request()
        assert request.intervention
        one = request
        for number in range(3000):
            case = f"case {number}"
            message = attrs.evolve(request.message, intervention_id=case)
            intervention = attrs.evolve(request.intervention, id=case)
            one = attrs.evolve(request, message=message, intervention=intervention)
            escalate(one, provider=provider, ledger=ledger, now=NOW + timedelta(minutes=number))
        assert len(ledger._entries) < 1100
        assert escalate(one, provider=provider, ledger=ledger, now=NOW + timedelta(minutes=3000)).outcome == "reused"

    def test_forgets_nothing_where_no_time_is_given(self) -> None:
        """It has no clock."""
        ledger, key = InMemoryCallLedger(), ""
        for number in range(2000):
            key = f"case{number}-agent"
            ledger.update(entry_id_of(key), lambda case: (case, None))
        assert len(ledger._entries) == 2000

    def test_changes_nothing_where_a_change_raises(self) -> None:
        """Nor does it stay locked."""
        ledger = InMemoryCallLedger()

        def fails(case: LedgerEntry) -> tuple[LedgerEntry, None]:
            raise ValueError(case)

        with pytest.raises(ValueError, match="LedgerEntry"):
            ledger.update("case", fails)
        assert ledger.update("case", lambda case: (case, case)) == LedgerEntry()
