"""Clicks from end to end: each sends one POST and settles its claim, even if the network fails."""

import asyncio
from datetime import timedelta
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
from providers.test_deadlines import Hanging

REQUEST = a_request(ringcentral_account_id=ACCOUNT, account_id=ACCOUNT, extension_id=EXTENSION)
HEAD, BODY = response(201, a_bridge())


def click(caller: Caller, url: str, ledger: InMemoryCallLedger, **changes: Any) -> Escalation:
    """Click once, with a new client."""
    terms = {name: changes.pop(name) for name in ("again", "claim_timeout") if name in changes}
    if caller is SyncCaller:
        with client(url, **changes) as new_client:
            return escalate(REQUEST, provider=RingCentralVideo(new_client), ledger=ledger, **terms)

    async def run() -> Escalation:
        async with httpx.AsyncClient(base_url=url, **options(**changes)) as new_client:
            return await escalate_async(REQUEST, provider=AsyncRingCentralVideo(new_client), ledger=ledger, **terms)

    return asyncio.run(run())


#: Every way in which it is certain that no call was created.
RELEASED: dict[str, tuple[Script, type[EscalationPolicyError]]] = {
    "refused": (response(403), ProviderRejectedError),
    "redirected": (response(307, Location="/elsewhere"), ProviderRejectedError),
    "put off": (response(429), ProviderUnavailableError),
    "wrong, and deleted": (response(201, a_bridge(discovery=None)), ProviderRejectedError),
}
#: Every way in which nobody knows whether a call was created.
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
    "another host's": response(201, a_bridge(host={"accountId": ACCOUNT, "extensionId": "1"})),
}


@both
class TestClick:
    """One click sends one POST, and the ledger stores what is known afterwards."""

    def test_creates_a_call_once(self, server: Loopback, caller: Caller) -> None:
        """The second click gets the same call, after the provider has looked at its room."""
        ledger = InMemoryCallLedger()
        first, second = click(caller, server.url, ledger), click(caller, server.url, ledger)
        assert (EscalationOutcome.CREATED, EscalationOutcome.REUSED) == (first.outcome, second.outcome)
        assert first.call is not None
        assert (first.call, LINK) == (second.call, first.call.join_url)
        assert ["POST", "GET"] == server.methods()

    def test_creates_another_call_if_the_room_is_gone(self, server: Loopback, caller: Caller) -> None:
        """It supersedes the old one."""
        ledger = InMemoryCallLedger()
        first = click(caller, server.url, ledger)
        server.script = lambda request: response(404) if request.method == "GET" else ringcentral(request)
        second = click(caller, server.url, ledger)
        assert EscalationOutcome.CREATED is second.outcome
        assert first.call == second.supersedes
        assert ["POST", "GET", "POST"] == server.methods()

    @pytest.mark.parametrize(("script", "error"), RELEASED.values(), ids=list(RELEASED))
    def test_may_be_repeated_if_it_created_nothing(
        self, server: Loopback, caller: Caller, script: Script, error: type[EscalationPolicyError]
    ) -> None:
        """The claim is released: the next click sends one request again."""
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
    def test_is_in_doubt_if_it_may_have_created_a_call(self, server: Loopback, caller: Caller, script: Script) -> None:
        """The next click sends nothing, unless it has `again=True`."""
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


class TestCancelledClick:
    """A click goes on without its caller. If the event loop ends meanwhile, the provider knows how far it got."""

    def test_is_in_doubt(self, server: Loopback) -> None:
        """If the request had arrived."""
        arrived = Event()

        def stall(_: ReceivedRequest) -> Script:
            arrived.set()
            return [Action.STALL]

        async def cancel_click(ledger: InMemoryCallLedger) -> None:
            async with httpx.AsyncClient(base_url=server.url, **options()) as new_client:
                provider = AsyncRingCentralVideo(new_client)
                task = asyncio.ensure_future(escalate_async(REQUEST, provider=provider, ledger=ledger))
                await asyncio.to_thread(arrived.wait)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        server.script = stall
        ledger = InMemoryCallLedger()
        asyncio.run(cancel_click(ledger))
        with pytest.raises(CallInDoubtError):
            click(SyncCaller, server.url, ledger)
        assert ["POST"] == server.methods()

    def test_may_be_repeated_if_the_loop_ends_before_anything_was_sent(self, server: Loopback) -> None:
        """The click goes on without its caller, until the end of the loop cancels it. Then the claim is released."""
        auth = Hanging()

        async def cancel_click(ledger: InMemoryCallLedger) -> None:
            async with httpx.AsyncClient(base_url=server.url, **options(auth=auth)) as new_client:
                provider = AsyncRingCentralVideo(new_client)
                task = asyncio.ensure_future(escalate_async(REQUEST, provider=provider, ledger=ledger))
                await asyncio.to_thread(auth.began.wait)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        ledger = InMemoryCallLedger()
        asyncio.run(cancel_click(ledger))
        assert EscalationOutcome.CREATED is click(SyncCaller, server.url, ledger).outcome
        assert ["POST"] == server.methods()


@both
class TestDeadlineOfAClick:
    """The claim's time-out lowers the provider's."""

    def test_is_its_claim_timeout(self, server: Loopback, caller: Caller) -> None:
        """The click ends before others take it for lost, and nothing is sent later."""
        ledger = InMemoryCallLedger()
        auth = Hanging()
        with pytest.raises(ProviderUnavailableError, match=r"\(not within 0\.2 s\)$"):
            click(caller, server.url, ledger, auth=auth, claim_timeout=timedelta(seconds=0.2))
        auth.release()
        assert EscalationOutcome.CREATED is click(caller, server.url, ledger).outcome
        assert ["POST"] == server.methods()
