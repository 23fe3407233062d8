"""Clicks: what they decide, which call they give, and what they say when there is none."""

import asyncio
import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import Mock

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    EscalationRequest,
    Intervention,
    InterventionState,
    Login,
)
from escalation_policy.exceptions import (
    CallInDoubtError,
    CallInProgressError,
    InvalidValueError,
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    CallRequest,
    Escalation,
    EscalationOutcome,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    VideoCall,
    escalate,
    escalate_async,
)

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
ALLOWED: Final = a_request()
DENIED: Final = a_request(login=Login.PASSWORD)


class Desk:
    """A provider, a ledger, and a clock that somebody sets."""

    def __init__(self, *errors: BaseException) -> None:
        self.provider = InMemoryVideoProvider(errors=errors)
        self.ledger = InMemoryCallLedger()
        self.now = NOW

    def click(self, request: EscalationRequest = ALLOWED, **options: Any) -> Escalation:
        """Clicks."""
        return escalate(request, provider=self.provider, ledger=self.ledger, now=self.now, **options)

    def given(self, request: EscalationRequest = ALLOWED, **options: Any) -> VideoCall:
        """Clicks, and takes the call."""
        call = self.click(request, **options).call
        assert call
        return call


def handed_to(agent_id: str, extension_id: str) -> EscalationRequest:
    """Gives the case to another agent, with another extension."""
    agent = attrs.evolve(ALLOWED.agent, id=agent_id)
    assert agent.ringcentral
    agent = attrs.evolve(agent, ringcentral=attrs.evolve(agent.ringcentral, extension_id=extension_id))
    assert ALLOWED.intervention
    return attrs.evolve(ALLOWED, agent=agent, intervention=attrs.evolve(ALLOWED.intervention, agent_id=agent_id))


class Untouchable:
    """Fails whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


class TestDenied:
    """Where the answer is no, nothing happens."""

    def test_touches_neither_provider_nor_ledger(self) -> None:
        """There is no link, no key and nothing to end."""
        nobody: Any = Untouchable()
        escalation = escalate(DENIED, provider=nobody, ledger=nobody)
        assert escalation == Escalation(decision=ESCALATE_TO_VIDEO.decide(DENIED), outcome=EscalationOutcome.DENIED)
        assert not escalation
        assert asyncio.run(escalate_async(DENIED, provider=nobody, ledger=nobody)) == escalation

    def test_reuses_nothing(self) -> None:
        """A call that is there is not shown to somebody who may not have it."""
        desk = Desk()
        desk.click()
        assert desk.click(DENIED).call is None

    def test_holds_for_what_is_no_request(self) -> None:
        """As with any decision."""
        anything: Any = "a request"
        assert Desk().click(anything).outcome is EscalationOutcome.DENIED

    def test_is_said_by_the_policy_that_is_given(self) -> None:
        """A host's own."""
        desk = Desk()
        policy = ESCALATE_TO_VIDEO.without("ringcentral_sso")
        assert desk.click(DENIED, policy=policy).outcome is EscalationOutcome.CREATED


class TestAllowed:
    """Where it is yes, there is one call."""

    def test_gives_the_call_with_its_decision_and_key(self) -> None:
        """Its host is the agent."""
        desk = Desk()
        escalation = desk.click()
        assert escalation
        assert escalation.outcome is EscalationOutcome.CREATED
        (call,) = desk.provider.calls
        assert escalation.call == call
        assert escalation.decision == ESCALATE_TO_VIDEO.decide(ALLOWED)
        assert ALLOWED.agent.ringcentral
        assert call.extension_id == ALLOWED.agent.ringcentral.extension_id
        assert escalation.supersedes is None

    def test_asks_for_it_by_its_key_and_title(self) -> None:
        """A customer's words are in neither."""
        asked: list[CallRequest] = []

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                asked.append(call)
                return InMemoryVideoProvider().create_call(call)

        escalation = escalate(ALLOWED, provider=Provider(), ledger=InMemoryCallLedger(), title="Support")
        assert [(each.key, each.title) for each in asked] == [(escalation.key, "Support")]

    def test_gives_the_same_call_for_another_message_of_the_case(self) -> None:
        """Two messages, one customer, one call."""
        desk = Desk()
        first = desk.given()
        other = attrs.evolve(ALLOWED, message=attrs.evolve(ALLOWED.message, id="another"))
        again = desk.click(other)
        assert (again.outcome, again.call) == (EscalationOutcome.REUSED, first)

    def test_gives_the_same_call_for_an_hour(self) -> None:
        """Then a new one, which supersedes nothing: the old one has lapsed."""
        desk = Desk()
        first = desk.given()
        desk.now += HOUR - timedelta(seconds=1)
        assert desk.given() == first
        desk.now += timedelta(seconds=1)
        assert desk.click().supersedes is None
        assert len(desk.provider.calls) == 2

    def test_gives_a_new_call_where_the_host_is_another(self) -> None:
        """The same agent with another extension; the old one is to be ended."""
        desk = Desk()
        first = desk.given()
        escalation = desk.click(handed_to(ALLOWED.agent.id, "5"))
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)

    def test_gives_a_new_call_again(self) -> None:
        """The room is dead."""
        desk = Desk()
        first = desk.given()
        escalation = desk.click(again=True)
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)
        assert desk.given() == escalation.call

    def test_gives_a_new_call_after_it_was_ended(self) -> None:
        """By the key that the first click gave."""
        desk = Desk()
        key = desk.click().key
        assert key
        assert desk.ledger.end(key)
        assert not desk.ledger.end(key)
        assert desk.click().outcome is EscalationOutcome.CREATED

    def test_takes_the_clock_where_no_time_is_given(self) -> None:
        """Or what tells the time."""
        provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
        later = datetime.now(UTC) + HOUR * 2
        for now, outcome in ((None, "created"), (None, "reused"), (lambda: later, "created")):
            assert escalate(ALLOWED, provider=provider, ledger=ledger, now=now).outcome == outcome


class TestHandedOver:
    """A case that another agent has now."""

    def test_supersedes_the_call_of_the_agent_before(self) -> None:
        """As often as the new agent asks, so that a host that failed to end it can do so later."""
        desk = Desk()
        first = desk.given()
        for outcome in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
            escalation = desk.click(handed_to("u2", "5"))
            assert (escalation.outcome, escalation.supersedes) == (outcome, first)

    def test_gives_the_first_agent_a_new_call_when_it_comes_back(self) -> None:
        """The first one was superseded, and ended by now."""
        desk = Desk()
        desk.click()
        second = desk.given(handed_to("u2", "5"))
        escalation = desk.click()
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, second)

    def test_supersedes_nothing_where_no_call_comes_of_it(self) -> None:
        """The first agent's call is still there."""
        desk = Desk()
        first = desk.given()
        failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
        with pytest.raises(ProviderUnavailableError):
            escalate(handed_to("u2", "5"), provider=failing, ledger=desk.ledger, now=NOW)
        assert desk.given() == first


class TestIsOpen:
    """A provider that knows whether a room is still there."""

    def test_gives_a_new_call_where_the_room_is_gone(self) -> None:
        """The old one is named all the same."""
        desk = Desk()
        first = desk.given()
        desk.provider.end(first)
        escalation = desk.click()
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)

    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize("answer", [True, None, 0, "no", ValueError("broken"), "missing"], ids=str)
    def test_reuses_the_call_whatever_else_it_says(self, mode: str, answer: Any) -> None:
        """Only a plain no counts."""

        def is_open(_: VideoCall) -> Any:
            if isinstance(answer, ValueError):
                raise answer
            return answer

        provider: Any = SimpleNamespace(create_call=InMemoryVideoProvider().create_call, is_open=is_open)
        if answer == "missing":
            del provider.is_open
        ledger = InMemoryCallLedger()
        for outcome in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
            if mode == "sync":
                escalation = escalate(ALLOWED, provider=provider, ledger=ledger)
            else:
                escalation = asyncio.run(escalate_async(ALLOWED, provider=provider, ledger=ledger))
            assert escalation.outcome is outcome

    def test_is_not_asked_twice_of_the_call_that_has_taken_its_place(self) -> None:
        """Another click was quicker."""
        desk = Desk()
        desk.provider.end(desk.given())

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                raise AssertionError(call)

            def is_open(self, call: VideoCall, /) -> bool:
                desk.click()
                return False

        escalation = escalate(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW)
        assert (escalation.outcome, escalation.call) == (EscalationOutcome.REUSED, desk.provider.calls[1])


class TestReplyPrivately:
    """Where a link must not be posted for all to see."""

    @pytest.mark.parametrize(
        ("kind", "private", "expected"),
        [
            (ChannelKind.WHATSAPP, None, False),
            (ChannelKind.WHATSAPP, False, False),
            (ChannelKind.WHATSAPP, True, True),
            (ChannelKind.TWITTER, True, True),
            (ChannelKind.TWITTER, False, True),
            (ChannelKind.TWITTER, None, True),
            (ChannelKind.DIMELO_SDK, None, True),
            (ChannelKind.CHANNEL_SDK, None, True),
            (ChannelKind.CHANNEL_SDK, False, False),
            (ChannelKind.FACEBOOK, None, True),
            (ChannelKind.FACEBOOK, False, False),
            (ChannelKind.UNKNOWN, None, True),
        ],
        ids=str,
    )
    def test_follows_the_message_and_the_channel(
        self, *, kind: ChannelKind, private: bool | None, expected: bool
    ) -> None:
        """A channel that has both is taken for private where nobody said."""
        channel = attrs.evolve(ALLOWED.message.channel, kind=kind)
        request = attrs.evolve(ALLOWED, message=attrs.evolve(ALLOWED.message, channel=channel, private=private))
        policy = ESCALATE_TO_VIDEO.without("twitter_private", "channel_supported")
        assert Desk().click(request, policy=policy).reply_privately is expected


class TestProviderErrors:
    """What a provider says, and what it leaves behind."""

    @pytest.mark.parametrize(
        "error",
        [ProviderUnavailableError("later", retry_after=MINUTE), ProviderRejectedError("no", code="X-1")],
        ids=lambda error: type(error).__name__,
    )
    def test_leave_nothing_where_nothing_was_made(self, error: ProviderError) -> None:
        """The very error comes out, and the next click is free."""
        desk = Desk(error)
        with pytest.raises(type(error)) as caught:
            desk.click()
        assert caught.value is error
        assert desk.click().key == error.key

    @pytest.mark.parametrize(
        "error", [ProviderOutcomeUnknownError("who knows"), ValueError("secret"), ProviderError("a base")], ids=repr
    )
    def test_leave_a_doubt_where_nobody_knows(self, error: Exception) -> None:
        """Until it is settled, again is said, or it lapses."""
        desk = Desk(error)
        with pytest.raises(ProviderOutcomeUnknownError) as caught:
            desk.click()
        assert "secret" not in str(caught.value)
        assert caught.value is error or caught.value.__cause__ is error
        with pytest.raises(CallInDoubtError) as doubt:
            desk.click()
        assert (doubt.value.key, doubt.value.call) == (caught.value.key, None)
        assert desk.click(again=True).outcome is EscalationOutcome.CREATED

    def test_leave_a_doubt_that_lapses(self) -> None:
        """After an hour, as calls do; or after as long as is said."""
        said: list[tuple[dict[str, Any], timedelta]] = [({}, HOUR), ({"reuse_for": MINUTE}, MINUTE)]
        for options, after in said:
            desk = Desk(ProviderOutcomeUnknownError("who knows"))
            with pytest.raises(ProviderOutcomeUnknownError):
                desk.click(**options)
            desk.now += after - timedelta(seconds=1)
            with pytest.raises(CallInDoubtError):
                desk.click(**options)
            desk.now += timedelta(seconds=1)
            assert desk.click().outcome is EscalationOutcome.CREATED

    def test_leave_a_doubt_that_somebody_settles(self) -> None:
        """With the call, or with the word that there is none."""
        for settle_with_call in (True, False):
            desk = Desk(ProviderOutcomeUnknownError("who knows"))
            with pytest.raises(ProviderOutcomeUnknownError):
                desk.click()
            with pytest.raises(CallInDoubtError) as doubt:
                desk.click()
            call = desk.provider.create_call(CallRequest(key="k", account_id="664287016", extension_id="664307016"))
            assert desk.ledger.resolve(doubt.value.key, call if settle_with_call else None)
            assert not desk.ledger.resolve(doubt.value.key, None)
            assert desk.click().outcome is (EscalationOutcome.REUSED if settle_with_call else EscalationOutcome.CREATED)

    def test_keep_the_call_before_when_again_was_said(self) -> None:
        """Nothing has taken its place."""
        desk = Desk()
        first = desk.given()
        failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
        with pytest.raises(ProviderUnavailableError):
            escalate(ALLOWED, provider=failing, ledger=desk.ledger, now=NOW, again=True)
        assert desk.given() == first

    def test_name_a_call_that_cannot_be_used(self) -> None:
        """That of another host."""

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                return InMemoryVideoProvider().create_call(attrs.evolve(call, extension_id="1"))

        with pytest.raises(ProviderOutcomeUnknownError, match="a call of another host") as caught:
            escalate(ALLOWED, provider=Provider(), ledger=InMemoryCallLedger())
        assert caught.value.call_id == "call-1"

    def test_say_what_came_in_place_of_a_call(self) -> None:
        """Its kind, not what it holds."""

        class Provider:
            def create_call(self, call: CallRequest, /) -> Any:
                return {"join_url": "https://video.example/secret"}

        with pytest.raises(ProviderOutcomeUnknownError) as caught:
            escalate(ALLOWED, provider=Provider(), ledger=InMemoryCallLedger())
        assert str(caught.value) == "the provider must return a VideoCall, got a dict"

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (ProviderUnavailableError("later", retry_after=MINUTE), "later"),
            (ProviderRejectedError("no", code="X-1"), "no"),
            (ProviderOutcomeUnknownError("who knows", call_id="b1"), "who knows"),
            (CallInProgressError("k"), "the call k is being created"),
            (CallInDoubtError("k"), "the call k was possibly created, but not recorded"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_survive_pickling(self, error: Exception, text: str) -> None:
        """With what they know."""
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), vars(again)) == (text, vars(error))


class Asynchronous:
    """An asynchronous provider whose rooms are gone as soon as they are made."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes a call."""
        return InMemoryVideoProvider().create_call(call)

    async def is_open(self, call: VideoCall, /) -> bool:
        """Says no."""
        return False


def run_async(*args: Any, **options: Any) -> Escalation:
    """Clicks in a loop of its own."""
    return asyncio.run(escalate_async(*args, **options))


class TestTheWrongKindOfProvider:
    """A coroutine function where none is awaited, and the other way round."""

    def test_is_refused_before_it_has_done_anything(self) -> None:
        """The claim is given up; what is there already is given all the same."""
        wrong: Any = Asynchronous()
        desk = Desk()
        with pytest.raises(ProviderRejectedError, match=r"is a coroutine function: use escalate_async\(\)$"):
            escalate(ALLOWED, provider=wrong, ledger=desk.ledger, now=NOW)
        assert desk.click().outcome is EscalationOutcome.CREATED
        assert escalate(ALLOWED, provider=wrong, ledger=desk.ledger, now=NOW).outcome is EscalationOutcome.REUSED

    def test_leaves_a_doubt_where_it_may_have_done_something(self) -> None:
        """What answers with a coroutine has run, and may have made a call before that."""

        async def parse() -> None:
            """Would read the answer."""

        class Half:
            def create_call(self, call: CallRequest, /) -> Any:
                return parse()

        desk = Desk()
        with pytest.raises(ProviderOutcomeUnknownError, match="must return a VideoCall, got a coroutine"):
            escalate(ALLOWED, provider=Half(), ledger=desk.ledger, now=NOW)
        with pytest.raises(CallInDoubtError):
            desk.click()

    @pytest.mark.parametrize("mode", ["sync", "async"])
    def test_is_told_from_its_class(self, mode: str) -> None:
        """Nothing is claimed."""
        wrong: Any = InMemoryVideoProvider
        desk = Desk()
        click: Any = escalate if mode == "sync" else run_async
        with pytest.raises(
            TypeError,
            match=r"^provider must be an object with a method create_call\(\), got the class InMemoryVideoProvider$",
        ):
            click(ALLOWED, provider=wrong, ledger=desk.ledger, now=NOW)
        assert desk.click().outcome is EscalationOutcome.CREATED

    def test_does_not_hang_the_loop(self) -> None:
        """No future takes a StopIteration."""

        class Empty:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                return next(iter(()))

        with pytest.raises(ProviderOutcomeUnknownError, match="the provider raised RuntimeError"):
            asyncio.run(asyncio.wait_for(escalate_async(ALLOWED, provider=Empty(), ledger=InMemoryCallLedger()), 10))

    def test_works_in_a_thread_where_it_is_not_async(self) -> None:
        """The loop goes on meanwhile."""
        ticked = Event()

        async def clicks() -> Escalation:
            loop = asyncio.get_running_loop()

            class Slow:
                def create_call(self, call: CallRequest, /) -> VideoCall:
                    loop.call_soon_threadsafe(ticked.set)
                    assert ticked.wait(10)
                    return InMemoryVideoProvider().create_call(call)

            return await escalate_async(ALLOWED, provider=Slow(), ledger=InMemoryCallLedger())

        assert asyncio.run(clicks()).outcome is EscalationOutcome.CREATED

    def test_is_asked_whether_it_is_open_in_the_loop(self) -> None:
        """Here its room is always gone."""

        async def clicks() -> list[EscalationOutcome]:
            ledger, provider = InMemoryCallLedger(), Asynchronous()
            return [(await escalate_async(ALLOWED, provider=provider, ledger=ledger)).outcome for _ in range(2)]

        assert asyncio.run(clicks()) == [EscalationOutcome.CREATED, EscalationOutcome.CREATED]


class TestInProgress:
    """A click while another one's call is being created."""

    def test_is_told_so(self) -> None:
        """Whatever it says; then it gets that call."""
        desk = Desk()
        seen: list[BaseException] = []

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                for again in (False, True):
                    with pytest.raises(CallInProgressError) as caught:
                        desk.click(again=again)
                    seen.append(caught.value)
                return InMemoryVideoProvider().create_call(call)

        escalation = escalate(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW)
        assert [str(error) for error in seen] == [f"the call {escalation.key} is being created"] * 2
        assert desk.given() == escalation.call
        assert desk.provider.calls == ()

    @pytest.mark.parametrize(("options", "after"), [({}, MINUTE), ({"claim_timeout": HOUR}, HOUR)], ids=["", "said"])
    def test_becomes_a_doubt_when_the_time_is_out(self, options: dict[str, Any], after: timedelta) -> None:
        """The first click is still there, but nobody waits for it any more."""
        desk = Desk()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                desk.now += after - timedelta(seconds=1)
                with pytest.raises(CallInProgressError):
                    desk.click()
                desk.now += timedelta(seconds=1)
                with pytest.raises(CallInDoubtError):
                    desk.click()
                return InMemoryVideoProvider().create_call(call)

        first = escalate(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW, **options)
        assert first.outcome is EscalationOutcome.CREATED
        desk.now = NOW
        assert desk.given() == first.call


class TestAbandoned:
    """A coroutine that is closed while it waits for the provider: nobody is there to wait for the ledger."""

    def test_leaves_its_claim_which_is_in_doubt_when_its_time_is_out(self) -> None:
        """As that of a process that died."""
        desk = Desk()
        asked: list[CallRequest] = []

        class Provider:
            async def create_call(self, call: CallRequest, /) -> VideoCall:
                asked.append(call)
                await asyncio.sleep(60)
                raise AssertionError

        async def abandon() -> None:
            click = escalate_async(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW)
            while not asked:
                future: Any = click.send(None)
                future._asyncio_future_blocking = False
                if not asked:
                    await asyncio.wait([future])
            click.close()

        asyncio.run(abandon())
        with pytest.raises(CallInProgressError):
            desk.click()
        desk.now += MINUTE
        with pytest.raises(CallInDoubtError):
            desk.click()


class TestLate:
    """A click that comes back when nobody waits for it any more."""

    def test_is_told_that_its_call_is_not_the_one(self) -> None:
        """It has the call, to end it; the other one stands."""
        desk = Desk()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                desk.now += MINUTE
                desk.click(again=True)
                return attrs.evolve(InMemoryVideoProvider().create_call(call), id="late")

        with pytest.raises(CallInDoubtError, match="was created, but not recorded") as caught:
            escalate(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW)
        assert caught.value.call.id == "late"
        assert desk.click().outcome is EscalationOutcome.REUSED

    @pytest.mark.parametrize("what", ["settled", "again, in vain"])
    def test_has_the_call_where_nobody_else_has_one(self, what: str) -> None:
        """Somebody said that there is none, or tried to make another."""
        desk = Desk()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                desk.now += MINUTE
                if what == "settled":
                    assert desk.ledger.resolve(call.key, None, now=desk.now)
                else:
                    failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
                    with pytest.raises(ProviderUnavailableError):
                        escalate(ALLOWED, provider=failing, ledger=desk.ledger, now=desk.now, again=True)
                return desk.provider.create_call(call)

        first = escalate(ALLOWED, provider=Provider(), ledger=desk.ledger, now=NOW)
        assert first.outcome is EscalationOutcome.CREATED
        desk.now = NOW
        assert desk.given() == first.call
        assert len(desk.provider.calls) == 1

    def test_asks_again_what_time_it_is(self) -> None:
        """A doubt lasts from when it began, and a call from when it was made."""
        desk = Desk()
        later: list[BaseException] = [ProviderOutcomeUnknownError("who knows")]

        class Slow:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                desk.now += MINUTE
                if later:
                    raise later.pop()
                return desk.provider.create_call(call)

        def click(**options: Any) -> Escalation:
            return escalate(
                ALLOWED, provider=Slow(), ledger=desk.ledger, now=lambda: desk.now, reuse_for=MINUTE / 2, **options
            )

        with pytest.raises(ProviderOutcomeUnknownError):
            click()
        with pytest.raises(CallInDoubtError):
            click()
        assert click(again=True).outcome is EscalationOutcome.CREATED
        assert click().outcome is EscalationOutcome.REUSED

    def test_has_its_call_though_the_clock_breaks(self) -> None:
        """As where the ledger fails."""
        times = [NOW]

        with pytest.raises(CallInDoubtError) as caught:
            escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger(), now=times.pop)
        assert caught.value.call.id == "call-1"


class Held(CallLedger):
    """A ledger that waits, before it does anything, until it may go on."""

    def __init__(self, inner: CallLedger) -> None:
        self.begun, self.go_on = Event(), Event()
        self._inner = inner

    def update(self, case: str, change: Any, /, now: datetime | None = None) -> Any:
        """Waits, and has the other ledger do it."""
        self.begun.set()
        assert self.go_on.wait(10)
        return self._inner.update(case, change, now=now)


class TestCancelled:
    """A task that is cancelled while the ledger works: what it does is seen through."""

    @pytest.mark.parametrize("cancels", [1, 2, 3])
    def test_leaves_nothing_where_nothing_was_asked(self, cancels: int) -> None:
        """However often it is cancelled."""
        desk = Desk()
        held = Held(desk.ledger)

        async def clicks() -> None:
            click = asyncio.create_task(escalate_async(ALLOWED, provider=desk.provider, ledger=held, now=NOW))
            await asyncio.to_thread(held.begun.wait, 10)
            for _ in range(cancels):
                click.cancel()
                await asyncio.sleep(0)
            held.go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await click

        asyncio.run(clicks())
        assert desk.provider.calls == ()
        assert desk.click().outcome is EscalationOutcome.CREATED

    def test_leaves_nothing_where_the_loop_is_ended(self) -> None:
        """That cancels every task there is."""
        desk = Desk()
        held = Held(desk.ledger)

        async def leave() -> None:
            click = asyncio.create_task(escalate_async(ALLOWED, provider=desk.provider, ledger=held, now=NOW))
            await asyncio.to_thread(held.begun.wait, 10)
            asyncio.get_running_loop().call_later(0.3, held.go_on.set)
            assert not click.done()

        asyncio.run(leave())
        assert desk.provider.calls == ()
        assert desk.click().outcome is EscalationOutcome.CREATED


class TestBrokenLedger:
    """A ledger that does not answer as it has to grants nothing."""

    @pytest.mark.parametrize("answer", [None, True, "granted"], ids=repr)
    def test_is_refused(self, answer: object) -> None:
        """The provider is not asked."""
        provider = InMemoryVideoProvider()
        ledger: Any = Mock(update=Mock(return_value=answer))
        with pytest.raises(
            TypeError, match=r"update\(\) of the ledger must return the second value that change\(\) returned"
        ):
            escalate(ALLOWED, provider=provider, ledger=ledger)
        assert provider.calls == ()

    def test_takes_no_call_but_a_call(self) -> None:
        """The id of one is none."""
        wrong: Any = "call-1"
        with pytest.raises(InvalidValueError, match="call must be a VideoCall or None, got a str"):
            InMemoryCallLedger().resolve("key", wrong)


class TestBadArguments:
    """What makes no sense is said before anything is done."""

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"now": datetime(2026, 1, 5)}, "now must be a datetime with a zone, got a datetime without one"),  # noqa: DTZ001
            ({"now": "2026-01-05"}, "now must be a datetime with a zone, got a str"),
            ({"now": lambda: 5}, "now must be a datetime with a zone, got an int"),
            (
                {"reuse_for": timedelta(0)},
                "reuse_for must be between 1 µs and 366 days, got 0:00:00",
            ),
            ({"reuse_for": 3600}, "reuse_for must be a timedelta between 1 µs and 366 days, got 3600"),
            (
                {"claim_timeout": -MINUTE},
                "claim_timeout must be between 1 µs and 366 days, got -1 day, 23:59:00",
            ),
            (
                {"reuse_for": timedelta.max},
                "reuse_for must be between 1 µs and 366 days, got 999999999 days, 23:59:59.999999",
            ),
            ({"again": "false"}, "again must be True or False, got a str"),
            ({"title": ""}, "CallRequest.title must be a non-empty str, got an empty str"),
        ],
        ids=lambda value: "" if isinstance(value, dict) else value,
    )
    def test_are_refused(self, options: dict[str, Any], text: str) -> None:
        """The message says which, and what is accepted."""
        desk = Desk()
        with pytest.raises(InvalidValueError) as caught:
            escalate(ALLOWED, provider=desk.provider, ledger=desk.ledger, **options)
        assert str(caught.value) == text
        assert desk.provider.calls == ()


class TestLog:
    """What is written where the ledger fails when a click has failed already."""

    def test_names_the_key_and_nothing_else(self, caplog: pytest.LogCaptureFixture) -> None:
        """The error of the provider is the one that comes out."""
        desk = Desk(ProviderUnavailableError("later"))
        calls: list[object] = []

        def update(*args: Any, **kwargs: Any) -> Any:
            calls.append(args)
            if len(calls) == 2:
                raise OSError("disk full")
            return desk.ledger.update(*args, **kwargs)

        ledger: Any = SimpleNamespace(update=update)
        with caplog.at_level(logging.WARNING), pytest.raises(ProviderUnavailableError):
            escalate(ALLOWED, provider=desk.provider, ledger=ledger, now=NOW)
        with pytest.raises(CallInProgressError) as caught:
            desk.click()
        (record,) = caplog.records
        assert record.name == "escalation_policy.video"
        assert record.getMessage() == f"the ledger failed, so a claim was not settled: {caught.value.key}"
        assert record.exc_info


class TestManyClicks:
    """Everybody clicks at once."""

    def test_make_one_call_a_case(self) -> None:
        """8 threads, 1,000 clicks each, 50 cases."""
        requests = [in_case(f"case {number}") for number in range(50)]
        desk, start = Desk(), Barrier(8)

        def clicks(first: int) -> int:
            start.wait()
            refused = 0
            for number in range(1000):
                try:
                    desk.click(requests[(first * 7 + number) % 50])
                except CallInProgressError:
                    refused += 1
            return refused

        with ThreadPoolExecutor(8) as threads:
            refused = sum(threads.map(clicks, range(8)))
        assert len(desk.provider.calls) == 50
        assert refused < 8000

    def test_make_one_call_among_tasks(self) -> None:
        """Of a hundred, one creates it; the others are told, or given it."""
        desk = Desk()

        async def click() -> str:
            try:
                escalation = await escalate_async(ALLOWED, provider=desk.provider, ledger=desk.ledger, now=NOW)
            except CallInProgressError:
                return "in progress"
            return escalation.outcome.value

        async def clicks() -> list[str]:
            return await asyncio.gather(*[click() for _ in range(100)])

        outcomes = asyncio.run(clicks())
        assert outcomes.count("created") == 1
        assert len(desk.provider.calls) == 1


def in_case(case_id: str) -> EscalationRequest:
    """Moves the request to another case."""
    return attrs.evolve(
        ALLOWED,
        message=attrs.evolve(ALLOWED.message, intervention_id=case_id),
        intervention=Intervention(id=case_id, agent_id=ALLOWED.agent.id, state=InterventionState.OPEN),
    )
