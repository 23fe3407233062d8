"""The call that a click would reuse, for the message that an agent has open."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest
from escalation_policy.exceptions import InvalidValueError, LedgerError, ProviderOutcomeUnknownError
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    CallRequest,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    VideoCall,
    call_for,
    call_for_async,
    escalate,
)
from faults import Asynchronous

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
ALLOWED: Final = a_request()
_Find = Callable[..., VideoCall | None]


def _async(request: EscalationRequest, **options: Any) -> VideoCall | None:
    return asyncio.run(call_for_async(request, **options))


def _async_ledger(request: EscalationRequest, *, ledger: CallLedger, **options: Any) -> VideoCall | None:
    return asyncio.run(call_for_async(request, ledger=Asynchronous(ledger), **options))


each_way: Final = pytest.mark.parametrize("find", [call_for, _async, _async_ledger], ids=["sync", "thread", "async"])


@each_way
class TestCallFor:
    """In threads and in asyncio."""

    def test_returns_the_recorded_call(self, find: _Find) -> None:
        """For another message of the case too, until it lapses."""
        ledger, provider = InMemoryCallLedger(), InMemoryVideoProvider()
        assert find(ALLOWED, ledger=ledger, now=NOW) is None
        call = escalate(ALLOWED, provider=provider, ledger=ledger, now=NOW).call
        assert call == find(a_request(message_id="another"), ledger=ledger, now=lambda: NOW)
        assert call == find(ALLOWED, ledger=ledger, now=NOW + HOUR - timedelta(seconds=1))
        assert find(ALLOWED, ledger=ledger, now=NOW + HOUR) is None

    def test_returns_nothing_if_the_request_is_denied(self, find: _Find) -> None:
        """A denied request never returns a link. The policy is the host's."""
        ledger, denied = InMemoryCallLedger(), a_request(enabled=False)
        escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, now=NOW)
        assert find(denied, ledger=ledger, now=NOW) is None
        assert find(denied, ledger=ledger, now=NOW, policy=ESCALATE_TO_VIDEO.without("agent_enabled"))

    @pytest.mark.parametrize("other", [{"agent_id": "u2"}, {"extension_id": "5"}], ids=["agent", "host"])
    def test_returns_nothing_of_another_agent_or_host(self, other: dict[str, Any], find: _Find) -> None:
        """As a click would not."""
        ledger = InMemoryCallLedger()
        escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, now=NOW)
        assert find(a_request(**other), ledger=ledger, now=NOW) is None

    def test_returns_nothing_of_a_call_that_is_being_created_or_in_doubt(self, find: _Find) -> None:
        """Even if an older call is recorded."""
        ledger = InMemoryCallLedger()
        escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, now=NOW)
        answers: list[VideoCall | None] = []

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                answers.append(find(ALLOWED, ledger=ledger, now=NOW))
                raise ProviderOutcomeUnknownError("who knows")

        with pytest.raises(ProviderOutcomeUnknownError):
            escalate(ALLOWED, provider=Provider(), ledger=ledger, now=NOW, again=True)
        answers.append(find(ALLOWED, ledger=ledger, now=NOW))
        assert answers == [None, None]

    def test_changes_nothing(self, find: _Find) -> None:
        """It claims no call."""
        ledger = InMemoryCallLedger()
        find(ALLOWED, ledger=ledger)
        assert ledger._entries == {}

    def test_raises_the_error_of_a_click_if_the_ledger_fails(self, find: _Find) -> None:
        """With key and decision, and without the ledger's words."""

        class Broken(CallLedger):
            def update(self, entry_id: str, change: Any, /, now: datetime | None = None) -> Any:
                raise OSError("https://video.example/secret")

        with pytest.raises(LedgerError, match=r"^the ledger failed: OSError at .*test_call_for\.py:\d+$") as caught:
            find(ALLOWED, ledger=Broken(), now=NOW)
        error = caught.value
        assert (error.decision, error.__cause__, error.__context__) == (ESCALATE_TO_VIDEO.decide(ALLOWED), None, None)
        assert error.key == escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger()).key

    def test_refuses_a_time_without_a_zone(self, find: _Find) -> None:
        """As a click does."""
        with pytest.raises(
            InvalidValueError, match=r"^now must be a datetime with a zone, got a datetime without one$"
        ):
            find(ALLOWED, ledger=InMemoryCallLedger(), now=NOW.replace(tzinfo=None))


def test_call_for_refuses_an_asynchronous_ledger() -> None:
    """The message names the function that takes it."""
    wrong: Any = Asynchronous(InMemoryCallLedger())
    with pytest.raises(InvalidValueError, match=r"^ledger is an AsyncCallLedger: use call_for_async\(\)$"):
        call_for(ALLOWED, ledger=wrong)
