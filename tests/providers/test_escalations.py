"""Clicks, from end to end: whatever the network does, one click sends one POST, and its claim ends as it should."""

import asyncio
from threading import Event
from typing import Any

import httpx
import pytest

from escalation_policy.exceptions import (
    CallInDoubtError,
    EscalationPolicyError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, RingCentralVideo
from escalation_policy.testing import a_request
from escalation_policy.video import Escalation, EscalationOutcome, InMemoryCallLedger, escalate, escalate_async
from providers.callers import IMPATIENT, Caller, SyncCaller, assert_silent, both, client, options
from providers.loopback import (
    ACCOUNT,
    EXTENSION,
    LINK,
    Action,
    Loopback,
    ReceivedRequest,
    Script,
    a_bridge,
    response,
    ringcentral,
)

REQUEST = a_request(ringcentral_account_id=ACCOUNT, account_id=ACCOUNT, extension_id=EXTENSION)
HEAD, BODY = response(201, a_bridge())


def click(caller: Caller, url: str, ledger: InMemoryCallLedger, **changes: Any) -> Escalation:
    """Clicks once, with a client of its own that waits not long for an answer."""
    again = changes.pop("again", False)
    timeout = changes.pop("timeout", httpx.Timeout(60))
    if caller is SyncCaller:
        with client(url, timeout=timeout) as each:
            return escalate(REQUEST, provider=RingCentralVideo(each), ledger=ledger, again=again)

    async def clicking() -> Escalation:
        async with httpx.AsyncClient(base_url=url, **options(timeout=timeout)) as each:
            return await escalate_async(REQUEST, provider=AsyncRingCentralVideo(each), ledger=ledger, again=again)

    return asyncio.run(clicking())


#: Every way in which nothing comes into being, and it is known.
RELEASED: dict[str, tuple[Script, type[EscalationPolicyError]]] = {
    "refused": (response(403), ProviderRejectedError),
    "redirected": (response(307, Location="/elsewhere"), ProviderRejectedError),
    "put off": (response(429), ProviderUnavailableError),
    "wrong, and deleted": (response(201, a_bridge(host=None)), ProviderRejectedError),
}
#: Every way in which nobody knows what came into being.
IN_DOUBT: dict[str, Script] = {
    "cut before the answer": [],
    "reset before the answer": [Action.RESET],
    "cut in the body": [HEAD, b"{"],
    "slow headers": [b"HTTP/1.1 201", Action.STALL],
    "slow body": [HEAD, b"{", Action.STALL],
    "broken": response(500),
    "unreadable": response(201, b"{"),
    "huge": response(201, a_bridge(padding="x" * 70_000)),
    "another type": response(201, a_bridge(type="PMI")),
}


@both
class TestAClick:
    """One click sends one POST, and what is known of it afterwards is in the ledger."""

    def test_makes_a_call_once(self, server: Loopback, caller: Caller) -> None:
        """The second click gets the same call, once its room has been request about."""
        ledger = InMemoryCallLedger()
        first, second = click(caller, server.url, ledger), click(caller, server.url, ledger)
        assert (EscalationOutcome.CREATED, EscalationOutcome.REUSED) == (first.outcome, second.outcome)
        assert first.call is not None
        assert (first.call, LINK) == (second.call, first.call.join_url)
        assert ["POST", "GET"] == server.methods()

    def test_makes_another_call_where_the_room_is_gone(self, server: Loopback, caller: Caller) -> None:
        """The old one is superseded."""
        ledger = InMemoryCallLedger()
        first = click(caller, server.url, ledger)
        server.script = lambda request: response(404) if request.method == "GET" else ringcentral(request)
        second = click(caller, server.url, ledger)
        assert EscalationOutcome.CREATED is second.outcome
        assert first.call == second.supersedes
        assert ["POST", "GET", "POST"] == server.methods()

    @pytest.mark.parametrize(("script", "error"), RELEASED.values(), ids=list(RELEASED))
    def test_that_made_nothing_may_be_repeated(
        self, server: Loopback, caller: Caller, script: Script, error: type[EscalationPolicyError]
    ) -> None:
        """The claim is released: the next click asks again, once."""
        ledger = InMemoryCallLedger()
        server.script = lambda request: script if request.method == "POST" else response(204)
        with pytest.raises(EscalationPolicyError) as caught:
            click(caller, server.url, ledger)
        assert error is type(caught.value)
        assert 1 == server.methods().count("POST")
        server.script = ringcentral
        assert EscalationOutcome.CREATED is click(caller, server.url, ledger).outcome
        assert 2 == server.methods().count("POST")

    @pytest.mark.parametrize("script", IN_DOUBT.values(), ids=list(IN_DOUBT))
    def test_that_may_have_made_a_call_is_in_doubt(self, server: Loopback, caller: Caller, script: Script) -> None:
        """The next click sends nothing, until somebody takes it upon themselves."""
        ledger = InMemoryCallLedger()
        server.script = lambda _: script
        with pytest.raises(ProviderOutcomeUnknownError) as caught:
            click(caller, server.url, ledger, timeout=IMPATIENT)
        assert_silent(caught.value)
        assert ["POST"] == server.methods()
        server.script = ringcentral
        with pytest.raises(CallInDoubtError):
            click(caller, server.url, ledger)
        assert ["POST"] == server.methods()
        assert EscalationOutcome.CREATED is click(caller, server.url, ledger, again=True).outcome
        assert ["POST", "POST"] == server.methods()


class TestACancelledClick:
    """A task that ends while RingCentral is request leaves its call in doubt."""

    def test_is_in_doubt(self, server: Loopback) -> None:
        """The request had come."""
        came = Event()

        def stalling(_: ReceivedRequest) -> Script:
            came.set()
            return [Action.STALL]

        async def clicking(ledger: InMemoryCallLedger) -> None:
            async with httpx.AsyncClient(base_url=server.url, **options()) as each:
                provider = AsyncRingCentralVideo(each)
                task = asyncio.ensure_future(escalate_async(REQUEST, provider=provider, ledger=ledger))
                await asyncio.to_thread(came.wait)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        server.script = stalling
        ledger = InMemoryCallLedger()
        asyncio.run(clicking(ledger))
        with pytest.raises(CallInDoubtError):
            click(SyncCaller, server.url, ledger)
        assert ["POST"] == server.methods()
