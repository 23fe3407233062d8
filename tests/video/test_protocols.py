"""What every ledger inherits: ending a call or a case, and settling a doubt, in threads and in asyncio."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast, final

import pytest

from escalation_policy import EscalationRequest
from escalation_policy.exceptions import InvalidValueError, ProviderOutcomeUnknownError
from escalation_policy.testing import a_request
from escalation_policy.typing import AsyncCallLedger, CallLedger
from escalation_policy.video import (
    EscalationOutcome,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    LedgerEntry,
    escalate,
    escalate_async,
)

T = TypeVar("T")
NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALLOWED: Final = a_request()
CASE: Final = {"domain_id": ALLOWED.domain.id, "intervention_id": cast("str", ALLOWED.message.intervention_id)}


@final
class Asynchronous(AsyncCallLedger):
    """An asynchronous ledger that keeps its entries in a synchronous one."""

    def __init__(self, inner: CallLedger) -> None:
        self._inner: Final = inner

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry of the other ledger."""
        await asyncio.sleep(0)
        return self._inner.update(entry_id, change, now=now)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[[CallLedger, str], Callable[..., Any]]:
    """Return a function that finds a method of a ledger, or of an asynchronous one over the same entries."""

    def method(ledger: CallLedger, name: str) -> Callable[..., Any]:
        if request.param == "sync":
            return cast("Callable[..., Any]", getattr(ledger, name))
        of_async: Callable[..., Awaitable[Any]] = getattr(Asynchronous(ledger), name)

        async def wait(*args: Any, **options: Any) -> Any:
            return await of_async(*args, **options)

        return lambda *args, **options: asyncio.run(wait(*args, **options))

    return method


_Run = Callable[[CallLedger, str], Callable[..., Any]]


class TestEndCase:
    """A case is closed."""

    def test_forgets_the_call_of_any_agent(self, run: _Run) -> None:
        """Once. The key need not be stored anywhere."""
        ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider()
        for request in (ALLOWED, a_request(agent_id="u2", extension_id="5")):
            escalate(request, provider=provider, ledger=ledger, now=NOW)
            assert [True, False] == [run(ledger, "end_case")(**CASE) for _ in range(2)]
            assert escalate(request, provider=provider, ledger=ledger, now=NOW).outcome is EscalationOutcome.CREATED

    @pytest.mark.parametrize("name", CASE)
    def test_forgets_no_other_case(self, name: str, run: _Run) -> None:
        """Of another domain, or with another id."""
        ledger = InMemoryCallLedger()
        escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger)
        assert not run(ledger, "end_case")(**CASE | {name: "another"})

    def test_keeps_a_doubt(self, run: _Run) -> None:
        """Somebody has to settle it."""
        ledger, key = with_doubt()
        assert not run(ledger, "end_case")(**CASE)
        assert ledger.resolve(key, None)

    @pytest.mark.parametrize("name", CASE)
    @pytest.mark.parametrize("value", [None, 7, ""])
    def test_refuses_an_id_that_is_no_text(self, name: str, value: Any, run: _Run) -> None:
        """An integer of a webhook would name no case."""
        with pytest.raises(InvalidValueError, match=f"^{name} must be a non-empty str, got "):
            run(InMemoryCallLedger(), "end_case")(**CASE | {name: value})


class TestEndAndResolve:
    """A call that has ended, and a doubt that is settled."""

    def test_end_forgets_the_call_of_a_key(self, run: _Run) -> None:
        """Once."""
        ledger = InMemoryCallLedger()
        key = escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger).key
        assert [True, False] == [run(ledger, "end")(key) for _ in range(2)]

    def test_resolve_settles_a_doubt(self, run: _Run) -> None:
        """Once."""
        ledger, key = with_doubt()
        assert [True, False] == [run(ledger, "resolve")(key, None, now=NOW) for _ in range(2)]

    def test_resolve_accepts_only_a_video_call(self, run: _Run) -> None:
        """The id of a call is not enough."""
        with pytest.raises(InvalidValueError, match="call must be a VideoCall or None, got a str"):
            run(InMemoryCallLedger(), "resolve")("key", "call-1")


def with_doubt() -> tuple[CallLedger, str]:
    """Return a ledger with a doubt, and its key."""
    ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider(errors=[ProviderOutcomeUnknownError("who knows")])
    with pytest.raises(ProviderOutcomeUnknownError) as caught:
        escalate(ALLOWED, provider=provider, ledger=ledger, now=NOW)
    assert caught.value.key
    return ledger, caught.value.key


class TestAsyncCallLedger:
    """A ledger for `escalate_async()` only."""

    def test_serves_escalate_async(self) -> None:
        """With a provider of either kind."""

        async def clicks(request: EscalationRequest) -> list[EscalationOutcome]:
            ledger, provider = Asynchronous(InMemoryCallLedger()), InMemoryVideoProvider()
            return [(await escalate_async(request, provider=provider, ledger=ledger)).outcome for _ in range(2)]

        assert asyncio.run(clicks(ALLOWED)) == [EscalationOutcome.CREATED, EscalationOutcome.REUSED]

    def test_is_refused_by_escalate(self) -> None:
        """Before anything is stored."""
        inner, provider, wrong = InMemoryCallLedger(), InMemoryVideoProvider(), cast("Any", Asynchronous)
        with pytest.raises(InvalidValueError, match=r"^ledger is an AsyncCallLedger: use escalate_async\(\)$"):
            escalate(ALLOWED, provider=provider, ledger=wrong(inner))
        assert ((), {}) == (provider.calls, inner._entries)
