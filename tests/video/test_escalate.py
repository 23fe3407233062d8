"""Clicks: the decision, the call that is created or reused, and the errors."""

import asyncio
import logging
import pickle
import traceback
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Event
from time import monotonic
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
    ClickError,
    InvalidValueError,
    LedgerError,
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


class Backend:
    """A provider, a ledger and a clock."""

    def __init__(self, *errors: BaseException) -> None:
        self.provider = InMemoryVideoProvider(errors=errors)
        self.ledger = InMemoryCallLedger()
        self.now = NOW

    def click(self, request: EscalationRequest = ALLOWED, **options: Any) -> Escalation:
        """Click."""
        return escalate(request, provider=self.provider, ledger=self.ledger, now=self.now, **options)

    def call_of_click(self, request: EscalationRequest = ALLOWED, **options: Any) -> VideoCall:
        """Click and return the call."""
        call = self.click(request, **options).call
        assert call
        return call


def handed_to(agent_id: str, extension_id: str) -> EscalationRequest:
    """Return the request of another agent who has the case now, with another extension."""
    agent = attrs.evolve(ALLOWED.agent, id=agent_id)
    assert agent.ringcentral
    agent = attrs.evolve(agent, ringcentral=attrs.evolve(agent.ringcentral, extension_id=extension_id))
    assert ALLOWED.intervention
    return attrs.evolve(ALLOWED, agent=agent, intervention=attrs.evolve(ALLOWED.intervention, agent_id=agent_id))


class Untouchable:
    """Raises an error if anything is read."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


class TestDenied:
    """A denied click has no effects."""

    def test_uses_neither_provider_nor_ledger(self) -> None:
        """There is no link and no key."""
        untouchable: Any = Untouchable()
        escalation = escalate(DENIED, provider=untouchable, ledger=untouchable)
        assert escalation == Escalation(decision=ESCALATE_TO_VIDEO.decide(DENIED), outcome=EscalationOutcome.DENIED)
        assert not escalation
        assert asyncio.run(escalate_async(DENIED, provider=untouchable, ledger=untouchable)) == escalation

    def test_reuses_nothing(self) -> None:
        """An agent who is denied does not get a recorded call."""
        backend = Backend()
        backend.click()
        assert backend.click(DENIED).call is None

    def test_is_the_answer_to_an_invalid_request(self) -> None:
        """As in any decision."""
        text: Any = "a request"
        assert Backend().click(text).outcome is EscalationOutcome.DENIED

    def test_depends_on_the_policy(self) -> None:
        """A host may pass its own."""
        backend = Backend()
        policy = ESCALATE_TO_VIDEO.without("ringcentral_sso")
        assert backend.click(DENIED, policy=policy).outcome is EscalationOutcome.CREATED


class TestAllowed:
    """An allowed click gets the one call."""

    def test_returns_the_call_with_its_decision_and_key(self) -> None:
        """The agent is the host of the call."""
        backend = Backend()
        escalation = backend.click()
        assert escalation
        assert escalation.outcome is EscalationOutcome.CREATED
        (call,) = backend.provider.calls
        assert escalation.call == call
        assert escalation.decision == ESCALATE_TO_VIDEO.decide(ALLOWED)
        assert ALLOWED.agent.ringcentral
        assert call.extension_id == ALLOWED.agent.ringcentral.extension_id
        assert escalation.supersedes is None

    def test_passes_key_title_and_time_limit_to_the_provider(self) -> None:
        """Nothing quotes the customer."""
        requests: list[CallRequest] = []

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                requests.append(call)
                return InMemoryVideoProvider().create_call(call)

        ledger = InMemoryCallLedger()
        escalation = escalate(ALLOWED, provider=Provider(), ledger=ledger, title="Support", claim_timeout=HOUR)
        (request,) = requests
        assert (request.key, request.title, request.time_limit) == (escalation.key, "Support", HOUR)

    def test_reuses_the_call_for_another_message_of_the_case(self) -> None:
        """Two messages, one customer, one call."""
        backend = Backend()
        first = backend.call_of_click()
        other = attrs.evolve(ALLOWED, message=attrs.evolve(ALLOWED.message, id="another"))
        again = backend.click(other)
        assert (again.outcome, again.call) == (EscalationOutcome.REUSED, first)

    def test_reuses_the_call_for_an_hour(self) -> None:
        """Then it creates one, which supersedes nothing: the first one has lapsed."""
        backend = Backend()
        first = backend.call_of_click()
        backend.now += HOUR - timedelta(seconds=1)
        assert backend.call_of_click() == first
        backend.now += timedelta(seconds=1)
        assert backend.click().supersedes is None
        assert len(backend.provider.calls) == 2

    def test_creates_a_new_call_if_the_extension_is_another(self) -> None:
        """The call with the extension from before should be ended."""
        backend = Backend()
        first = backend.call_of_click()
        escalation = backend.click(handed_to(ALLOWED.agent.id, "5"))
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)

    def test_creates_a_new_call_if_again_is_true(self) -> None:
        """For example, because the room does not work."""
        backend = Backend()
        first = backend.call_of_click()
        escalation = backend.click(again=True)
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)
        assert backend.call_of_click() == escalation.call

    def test_creates_a_new_call_after_the_end_of_the_first(self) -> None:
        """`end()` takes the key of the first click."""
        backend = Backend()
        key = backend.click().key
        assert key
        assert backend.ledger.end(key)
        assert not backend.ledger.end(key)
        assert backend.click().outcome is EscalationOutcome.CREATED

    def test_uses_the_clock_by_default(self) -> None:
        """`now` may also be a function."""
        provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
        later = datetime.now(UTC) + HOUR * 2
        for now, outcome in ((None, "created"), (None, "reused"), (lambda: later, "created")):
            assert escalate(ALLOWED, provider=provider, ledger=ledger, now=now).outcome == outcome


class TestHandedOver:
    """Another agent has the case now."""

    def test_supersedes_the_call_of_the_agent_before(self) -> None:
        """At every click of the new agent, so that a host that failed to end the call can do so later."""
        backend = Backend()
        first = backend.call_of_click()
        for outcome in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
            escalation = backend.click(handed_to("u2", "5"))
            assert (escalation.outcome, escalation.supersedes) == (outcome, first)

    def test_creates_a_new_call_if_the_first_agent_gets_the_case_back(self) -> None:
        """The first call was superseded, and should have ended."""
        backend = Backend()
        backend.click()
        second = backend.call_of_click(handed_to("u2", "5"))
        escalation = backend.click()
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, second)

    def test_supersedes_nothing_if_no_call_is_created(self) -> None:
        """The first agent's call stays recorded."""
        backend = Backend()
        first = backend.call_of_click()
        failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
        with pytest.raises(ProviderUnavailableError):
            escalate(handed_to("u2", "5"), provider=failing, ledger=backend.ledger, now=NOW)
        assert backend.call_of_click() == first


class TestIsOpen:
    """The provider knows whether a room still exists."""

    def test_creates_a_new_call_if_the_room_is_gone(self) -> None:
        """`supersedes` still names the first call."""
        backend = Backend()
        first = backend.call_of_click()
        backend.provider.end(first)
        escalation = backend.click()
        assert (escalation.outcome, escalation.supersedes) == (EscalationOutcome.CREATED, first)

    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize("answer", [True, None, 0, "no", ValueError("broken"), "missing"], ids=str)
    def test_reuses_the_call_unless_the_answer_is_false(self, mode: str, answer: Any) -> None:
        """Other answers, errors and a missing method do not count."""

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

    def test_is_not_called_for_a_call_that_another_click_has_just_created(self) -> None:
        """That call is reused."""
        backend = Backend()
        backend.provider.end(backend.call_of_click())

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                raise AssertionError(call)

            def is_open(self, call: VideoCall, /) -> bool:
                backend.click()
                return False

        escalation = escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW)
        assert (escalation.outcome, escalation.call) == (EscalationOutcome.REUSED, backend.provider.calls[1])


class TestReplyPrivately:
    """Whether the link must not be posted publicly."""

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
        """If the message may be private, the link must be private on channels that have public messages."""
        channel = attrs.evolve(ALLOWED.message.channel, kind=kind)
        request = attrs.evolve(ALLOWED, message=attrs.evolve(ALLOWED.message, channel=channel, private=private))
        policy = ESCALATE_TO_VIDEO.without("twitter_private", "channel_supported")
        assert Backend().click(request, policy=policy).reply_privately is expected


class TestProviderErrors:
    """The errors of a provider, and what is left in the ledger."""

    @pytest.mark.parametrize(
        "error",
        [ProviderUnavailableError("later", retry_after=MINUTE), ProviderRejectedError("no", code="X-1")],
        ids=lambda error: type(error).__name__,
    )
    def test_leave_nothing_if_no_call_was_created(self, error: ProviderError) -> None:
        """The same error is raised, and the next click may create a call."""
        backend = Backend(error)
        with pytest.raises(type(error)) as caught:
            backend.click()
        assert caught.value is error
        assert backend.click().key == error.key

    @pytest.mark.parametrize(
        "error", [ProviderOutcomeUnknownError("who knows"), ValueError("secret"), ProviderError("a base")], ids=repr
    )
    def test_leave_a_doubt_if_nobody_knows(self, error: Exception) -> None:
        """Until it is resolved, a click has `again=True`, or it lapses."""
        backend = Backend(error)
        with pytest.raises(ProviderOutcomeUnknownError) as caught:
            backend.click()
        assert "secret" not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(CallInDoubtError) as doubt:
            backend.click()
        assert (doubt.value.key, doubt.value.call) == (caught.value.key, None)
        assert backend.click(again=True).outcome is EscalationOutcome.CREATED

    def test_leave_a_doubt_that_lapses(self) -> None:
        """After `reuse_for`, as calls do."""
        periods: list[tuple[dict[str, Any], timedelta]] = [({}, HOUR), ({"reuse_for": MINUTE}, MINUTE)]
        for options, after in periods:
            backend = Backend(ProviderOutcomeUnknownError("who knows"))
            with pytest.raises(ProviderOutcomeUnknownError):
                backend.click(**options)
            backend.now += after - timedelta(seconds=1)
            with pytest.raises(CallInDoubtError):
                backend.click(**options)
            backend.now += timedelta(seconds=1)
            assert backend.click().outcome is EscalationOutcome.CREATED

    def test_leave_a_doubt_that_can_be_resolved(self) -> None:
        """With the call, or with None."""
        for has_call in (True, False):
            backend = Backend(ProviderOutcomeUnknownError("who knows"))
            with pytest.raises(ProviderOutcomeUnknownError):
                backend.click()
            with pytest.raises(CallInDoubtError) as doubt:
                backend.click()
            call = backend.provider.create_call(CallRequest(key="k", account_id="664287016", extension_id="664307016"))
            assert backend.ledger.resolve(doubt.value.key, call if has_call else None)
            assert not backend.ledger.resolve(doubt.value.key, None)
            assert backend.click().outcome is (EscalationOutcome.REUSED if has_call else EscalationOutcome.CREATED)

    def test_keep_the_recorded_call_if_again_was_true(self) -> None:
        """No call has replaced it."""
        backend = Backend()
        first = backend.call_of_click()
        failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
        with pytest.raises(ProviderUnavailableError):
            escalate(ALLOWED, provider=failing, ledger=backend.ledger, now=NOW, again=True)
        assert backend.call_of_click() == first

    def test_have_the_id_of_a_call_that_cannot_be_used(self) -> None:
        """Here, it has another host."""

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                return InMemoryVideoProvider().create_call(attrs.evolve(call, extension_id="1"))

        with pytest.raises(ProviderOutcomeUnknownError, match="a call of another host") as caught:
            escalate(ALLOWED, provider=Provider(), ledger=InMemoryCallLedger())
        assert caught.value.call_id == "call-1"

    def test_name_the_type_of_an_answer_that_is_no_call(self) -> None:
        """They do not show its contents."""

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
        """With their attributes."""
        copy = pickle.loads(pickle.dumps(error))
        assert (str(copy), vars(copy)) == (text, vars(error))


class Asynchronous:
    """An asynchronous provider whose rooms never exist."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call."""
        return InMemoryVideoProvider().create_call(call)

    async def is_open(self, call: VideoCall, /) -> bool:
        """Return False."""
        return False


def run_async(*args: Any, **options: Any) -> Escalation:
    """Click in a new event loop."""
    return asyncio.run(escalate_async(*args, **options))


class TestKindsOfProviders:
    """Synchronous and asynchronous providers, with the right and the wrong function."""

    def test_escalate_refuses_an_asynchronous_provider(self) -> None:
        """It releases the claim. It still returns a recorded call."""
        wrong: Any = Asynchronous()
        backend = Backend()
        with pytest.raises(ProviderRejectedError, match=r"is a coroutine function: use escalate_async\(\)$"):
            escalate(ALLOWED, provider=wrong, ledger=backend.ledger, now=NOW)
        assert backend.click().outcome is EscalationOutcome.CREATED
        assert escalate(ALLOWED, provider=wrong, ledger=backend.ledger, now=NOW).outcome is EscalationOutcome.REUSED

    def test_a_function_that_returns_a_coroutine_leaves_a_doubt(self) -> None:
        """The function has run, and may have created a call."""

        async def parse() -> None:
            """Read the response."""

        class Half:
            def create_call(self, call: CallRequest, /) -> Any:
                return parse()

        backend = Backend()
        with pytest.raises(ProviderOutcomeUnknownError, match="must return a VideoCall, got a coroutine"):
            escalate(ALLOWED, provider=Half(), ledger=backend.ledger, now=NOW)
        with pytest.raises(CallInDoubtError):
            backend.click()

    @pytest.mark.parametrize("mode", ["sync", "async"])
    def test_a_class_is_refused(self, mode: str) -> None:
        """The call is not claimed."""
        wrong: Any = InMemoryVideoProvider
        backend = Backend()
        click: Any = escalate if mode == "sync" else run_async
        with pytest.raises(
            TypeError,
            match=r"^provider must be an object with a method create_call\(\), got the class InMemoryVideoProvider$",
        ):
            click(ALLOWED, provider=wrong, ledger=backend.ledger, now=NOW)
        assert backend.click().outcome is EscalationOutcome.CREATED

    def test_a_stop_iteration_does_not_block_the_event_loop(self) -> None:
        """A future cannot raise it."""

        class Empty:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                return next(iter(()))

        with pytest.raises(ProviderOutcomeUnknownError, match="the provider raised RuntimeError"):
            asyncio.run(asyncio.wait_for(escalate_async(ALLOWED, provider=Empty(), ledger=InMemoryCallLedger()), 10))

    def test_a_synchronous_provider_runs_in_a_thread(self) -> None:
        """It does not block the event loop."""
        ticked = Event()

        async def click() -> Escalation:
            loop = asyncio.get_running_loop()

            class Slow:
                def create_call(self, call: CallRequest, /) -> VideoCall:
                    loop.call_soon_threadsafe(ticked.set)
                    assert ticked.wait(10)
                    return InMemoryVideoProvider().create_call(call)

            return await escalate_async(ALLOWED, provider=Slow(), ledger=InMemoryCallLedger())

        assert asyncio.run(click()).outcome is EscalationOutcome.CREATED

    def test_is_open_may_be_a_coroutine_function(self) -> None:
        """Here, the room never exists."""

        async def clicks() -> list[EscalationOutcome]:
            ledger, provider = InMemoryCallLedger(), Asynchronous()
            return [(await escalate_async(ALLOWED, provider=provider, ledger=ledger)).outcome for _ in range(2)]

        assert asyncio.run(clicks()) == [EscalationOutcome.CREATED, EscalationOutcome.CREATED]


class TestInProgress:
    """A click while another click is creating the call."""

    def test_raises_an_error(self) -> None:
        """With `again=True` too. Later, it gets that call."""
        backend = Backend()
        errors: list[BaseException] = []

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                for again in (False, True):
                    with pytest.raises(CallInProgressError) as caught:
                        backend.click(again=again)
                    errors.append(caught.value)
                return InMemoryVideoProvider().create_call(call)

        escalation = escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW)
        assert [str(error) for error in errors] == [f"the call {escalation.key} is being created"] * 2
        assert backend.call_of_click() == escalation.call
        assert backend.provider.calls == ()

    @pytest.mark.parametrize(
        ("options", "after"), [({}, MINUTE), ({"claim_timeout": HOUR}, HOUR)], ids=["default", "an hour"]
    )
    def test_is_in_doubt_after_the_claim_timeout(self, options: dict[str, Any], after: timedelta) -> None:
        """The first click may still record its call."""
        backend = Backend()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                backend.now += after - timedelta(seconds=1)
                with pytest.raises(CallInProgressError):
                    backend.click()
                backend.now += timedelta(seconds=1)
                with pytest.raises(CallInDoubtError):
                    backend.click()
                return InMemoryVideoProvider().create_call(call)

        first = escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW, **options)
        assert first.outcome is EscalationOutcome.CREATED
        backend.now = NOW
        assert backend.call_of_click() == first.call


class TestLate:
    """A click that comes back after its claim has expired."""

    def test_raises_an_error_if_another_call_is_recorded(self) -> None:
        """The error has its call, so that the host can end it."""
        backend = Backend()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                backend.now += MINUTE
                backend.click(again=True)
                return attrs.evolve(InMemoryVideoProvider().create_call(call), id="late")

        with pytest.raises(CallInDoubtError, match="was created, but not recorded") as caught:
            escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW)
        assert caught.value.call.id == "late"
        assert backend.click().outcome is EscalationOutcome.REUSED

    @pytest.mark.parametrize("event", ["resolved", "again=True without a call"])
    def test_records_its_call_if_no_other_is_recorded(self, event: str) -> None:
        """Somebody has resolved the doubt, or another click has failed to create a call."""
        backend = Backend()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                backend.now += MINUTE
                if event == "resolved":
                    assert backend.ledger.resolve(call.key, None, now=backend.now)
                else:
                    failing = InMemoryVideoProvider(errors=[ProviderUnavailableError("later")])
                    with pytest.raises(ProviderUnavailableError):
                        escalate(ALLOWED, provider=failing, ledger=backend.ledger, now=backend.now, again=True)
                return backend.provider.create_call(call)

        first = escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW)
        assert first.outcome is EscalationOutcome.CREATED
        backend.now = NOW
        assert backend.call_of_click() == first.call
        assert len(backend.provider.calls) == 1

    def test_reads_the_clock_again(self) -> None:
        """A doubt lasts from its beginning, and a call from its creation."""
        backend = Backend()
        later: list[BaseException] = [ProviderOutcomeUnknownError("who knows")]

        class Slow:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                backend.now += MINUTE
                if later:
                    raise later.pop()
                return backend.provider.create_call(call)

        def click(**options: Any) -> Escalation:
            return escalate(
                ALLOWED,
                provider=Slow(),
                ledger=backend.ledger,
                now=lambda: backend.now,
                reuse_for=MINUTE / 2,
                **options,
            )

        with pytest.raises(ProviderOutcomeUnknownError):
            click()
        with pytest.raises(CallInDoubtError):
            click()
        assert click(again=True).outcome is EscalationOutcome.CREATED
        assert click().outcome is EscalationOutcome.REUSED

    def test_raises_its_call_if_the_clock_fails(self) -> None:
        """As if the ledger fails."""
        times = [NOW]

        with pytest.raises(CallInDoubtError) as caught:
            escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger(), now=times.pop)
        assert caught.value.call.id == "call-1"


class TestBrokenLedger:
    """A ledger that returns a wrong answer grants no claim."""

    @pytest.mark.parametrize("answer", [None, True, "granted"], ids=repr)
    def test_is_refused(self, answer: object) -> None:
        """The provider is not called."""
        provider = InMemoryVideoProvider()
        ledger: Any = Mock(update=Mock(return_value=answer))
        with pytest.raises(
            LedgerError, match=r"update\(\) of the ledger must return the second value that change\(\) returned"
        ):
            escalate(ALLOWED, provider=provider, ledger=ledger)
        assert provider.calls == ()


class TestInvalidArguments:
    """They raise an error before anything happens."""

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"now": datetime(2026, 1, 5)}, "now must be a datetime with a zone, got a datetime without one"),  # noqa: DTZ001
            ({"now": "2026-01-05"}, "now must be a datetime with a zone, got a str"),
            ({"now": lambda: 5}, "now must be a datetime with a zone, got an int"),
            (
                {"now": datetime.max.replace(tzinfo=timezone(-HOUR))},
                "now must be a datetime with a zone, got a time outside of the years 1 to 9999 in UTC",
            ),
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
            ({"wait": -MINUTE}, "wait must be a timedelta of 0 or more, got -1 day, 23:59:00"),
            ({"wait": 5}, "wait must be a timedelta of 0 or more, got 5"),
            ({"on_end": "log"}, "on_end must be a plain function or None, got a str"),
            ({"on_end": escalate_async}, "on_end must be a plain function or None, got a coroutine function"),
            ({"title": ""}, "CallRequest.title must be a non-empty str, got an empty str"),
        ],
        ids=lambda value: "" if isinstance(value, dict) else value,
    )
    def test_are_refused(self, options: dict[str, Any], text: str) -> None:
        """The message names the argument, and what it accepts."""
        backend = Backend()
        with pytest.raises(InvalidValueError) as caught:
            escalate(ALLOWED, provider=backend.provider, ledger=backend.ledger, **options)
        assert str(caught.value) == text
        assert backend.provider.calls == ()


class TestLog:
    """The warning if the ledger fails after a click has failed."""

    def test_names_only_the_key(self, caplog: pytest.LogCaptureFixture) -> None:
        """The click raises the error of the provider."""
        backend = Backend(ProviderUnavailableError("later"))
        updates: list[object] = []

        def update(*args: Any, **kwargs: Any) -> Any:
            updates.append(args)
            if len(updates) == 2:
                raise OSError("disk full")
            return backend.ledger.update(*args, **kwargs)

        line = update.__code__.co_firstlineno + 3
        ledger: Any = SimpleNamespace(update=update)
        with caplog.at_level(logging.WARNING), pytest.raises(ProviderUnavailableError):
            escalate(ALLOWED, provider=backend.provider, ledger=ledger, now=NOW)
        with pytest.raises(CallInProgressError) as caught:
            backend.click()
        (record,) = caplog.records
        assert record.name == "escalation_policy.video"
        assert record.getMessage() == (
            f"the ledger failed, so a claim was not settled: {caught.value.key} (OSError at {__file__}:{line})"
        )
        assert not record.exc_info


class TestWait:
    """A click may wait for another one that is creating the call."""

    class Slow:
        """A provider that lets another click begin while it creates the call."""

        def __init__(self, backend: Backend, error: Exception | None = None) -> None:
            self.has_begun, self.may_go_on = Event(), Event()
            self._backend, self._error = backend, error

        def create_call(self, call: CallRequest, /) -> VideoCall:
            """Wait, then create the call or raise the error."""
            self.has_begun.set()
            assert self.may_go_on.wait(10)
            if self._error:
                raise self._error
            return self._backend.provider.create_call(call)

    @pytest.fixture(params=["sync", "async"])
    def click(self, request: pytest.FixtureRequest) -> Any:
        """Return the function that clicks."""
        return escalate if request.param == "sync" else run_async

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [(None, "reused"), (ProviderUnavailableError("later"), "created"), (ValueError("lost"), "in_doubt")],
        ids=["it succeeds", "it gives up", "it is in doubt"],
    )
    def test_ends_when_the_other_click_ends(self, error: Exception | None, outcome: str, click: Any) -> None:
        """If that one gave up, this one gets the claim. A doubt is raised at once."""
        backend = Backend()
        slow = self.Slow(backend, error)
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(escalate, ALLOWED, provider=slow, ledger=backend.ledger, now=NOW)
            assert slow.has_begun.wait(10)
            options = {"provider": backend.provider, "ledger": backend.ledger, "now": NOW, "wait": HOUR}
            second = threads.submit(click, ALLOWED, **options)
            assert not wait([second], timeout=0.1).done
            slow.may_go_on.set()
            wait([first])
            result = second.exception() or second.result()
        assert isinstance(result, Escalation | ClickError)
        assert result.outcome == outcome

    def test_ends_after_its_time(self, click: Any) -> None:
        """At most `claim_timeout`, by a clock that nobody sets."""
        backend, slow = Backend(), self.Slow(Backend())
        with ThreadPoolExecutor(1) as threads:
            threads.submit(escalate, ALLOWED, provider=slow, ledger=backend.ledger, now=NOW)
            assert slow.has_begun.wait(10)
            for options in ({"wait": MINUTE / 600}, {"wait": HOUR, "claim_timeout": MINUTE / 600}):
                begin = monotonic()
                with pytest.raises(CallInProgressError):
                    click(ALLOWED, provider=backend.provider, ledger=backend.ledger, now=NOW, **options)
                assert 0.1 <= monotonic() - begin < 5
            slow.may_go_on.set()

    def test_does_not_happen_if_again_is_true(self, click: Any) -> None:
        """The agent wants another call than the one that is being created."""
        backend, slow = Backend(), self.Slow(Backend())
        with ThreadPoolExecutor(1) as threads:
            threads.submit(escalate, ALLOWED, provider=slow, ledger=backend.ledger, now=NOW)
            assert slow.has_begun.wait(10)
            with pytest.raises(CallInProgressError):
                click(ALLOWED, provider=backend.provider, ledger=backend.ledger, now=NOW, wait=HOUR, again=True)
            slow.may_go_on.set()

    def test_pauses_longer_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From about 50 ms to about 500 ms, less by chance."""
        backend, pauses = Backend(), list[float]()

        class Provider:
            def create_call(self, call: CallRequest, /) -> VideoCall:
                monkeypatch.setattr("time.sleep", sleep)
                backend.click(wait=HOUR, claim_timeout=HOUR)
                return backend.provider.create_call(call)

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            escalate(ALLOWED, provider=Provider(), ledger=backend.ledger, now=NOW)
        longest = [0.05, 0.1, 0.2, 0.4, 0.5, 0.5, 0.5, 0.5]
        assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
        assert len(set(pauses)) == 8


class TestOnEnd:
    """A function that receives the result of a click."""

    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize(
        ("request_", "errors", "outcome"),
        [
            (ALLOWED, [], "created"),
            (DENIED, [], "denied"),
            (ALLOWED, [ProviderUnavailableError("later")], "unavailable"),
            (ALLOWED, [ProviderRejectedError("no")], "rejected"),
            (ALLOWED, [ValueError("lost")], "unknown"),
            (ALLOWED, [KeyboardInterrupt()], "unknown"),
        ],
        ids=["created", "denied", "unavailable", "rejected", "unknown", "interrupted"],
    )
    def test_receives_the_escalation_or_the_error(
        self, request_: EscalationRequest, errors: list[BaseException], outcome: str, mode: str
    ) -> None:
        """Once, after the ledger has stored."""
        backend, results = Backend(*errors), list[Any]()
        entries: list[object] = []

        def on_end(result: object) -> None:
            results.append(result)
            entries.extend(backend.ledger._entries.values())

        click = escalate if mode == "sync" else run_async
        try:
            returned: object = click(request_, provider=backend.provider, ledger=backend.ledger, now=NOW, on_end=on_end)
        except ClickError as error:
            returned = error
        except KeyboardInterrupt:
            returned = None
        (result,) = results
        assert returned in (result, None)
        assert (result.outcome, result.decision) == (outcome, ESCALATE_TO_VIDEO.decide(request_))
        assert entries == list(backend.ledger._entries.values())

    def test_receives_errors_that_are_not_the_clicks_own(self) -> None:
        """Here, the policy allowed an agent without an extension."""
        results: list[Any] = []
        policy = ESCALATE_TO_VIDEO.without("extension_linked", "extension_in_account", "video_access")
        with pytest.raises(InvalidValueError):
            Backend().click(a_request(ringcentral=None), policy=policy, on_end=results.append)
        assert [type(result) for result in results] == [InvalidValueError]

    def test_receives_nothing_of_a_click_that_was_interrupted_before_its_claim(self) -> None:
        """It has no result."""
        results: list[object] = []
        ledger: Any = SimpleNamespace(update=Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger, on_end=results.append)
        assert results == []

    def test_does_not_change_the_result_if_it_raises(self, caplog: pytest.LogCaptureFixture) -> None:
        """The exception is logged without its words."""

        def fail(_: object) -> None:
            raise ValueError("secret")

        escalation = Backend().click(on_end=fail)
        assert escalation.outcome is EscalationOutcome.CREATED
        (record,) = caplog.records
        line = fail.__code__.co_firstlineno + 1
        expected = f"on_end raised an exception: {escalation.key} (ValueError at {__file__}:{line})"
        assert (record.getMessage(), record.exc_info) == (expected, None)


class TestErrors:
    """What the errors of a click hold, and what they do not."""

    class Leaky(CallLedger):
        """A ledger whose errors quote the entry and how to reach the database."""

        def __init__(self, updates: int) -> None:
            self._inner, self._updates = InMemoryCallLedger(), updates

        def update(self, entry_id: str, change: Any, /, now: datetime | None = None) -> Any:
            """Store, or fail after some updates."""
            self._updates -= 1
            if self._updates < 0:
                stored = self._inner.update(entry_id, lambda entry: (entry, entry))
                entry, _ = change(stored)
                recorded = entry.recorded and entry.recorded.call.join_url
                raise OSError(f"password=hunter2: failing row contains ({recorded}, 664287016)")
            return self._inner.update(entry_id, change, now=now)

    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize(("updates", "kind"), [(0, LedgerError), (1, CallInDoubtError)])
    def test_hold_no_word_of_a_ledger(
        self, updates: int, kind: type[ClickError], mode: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither do the log lines and the formatted tracebacks: type, file and line only."""
        click: Any = escalate if mode == "sync" else run_async
        with pytest.raises(kind) as caught:
            click(ALLOWED, provider=InMemoryVideoProvider(), ledger=self.Leaky(updates), now=NOW)
        texts = ["".join(traceback.format_exception(caught.value)), repr(caught.value), caplog.text]
        for secret in ("hunter2", "video.example/join", "664287016", "failing row"):
            assert not [text for text in texts if secret in text]
        assert "OSError at " in caplog.text
        assert caught.value.__cause__ is caught.value.__context__ is None

    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize("kind", [ValueError, ProviderUnavailableError, ProviderOutcomeUnknownError])
    def test_hold_no_word_of_what_made_a_provider_fail(self, kind: type[Exception], mode: str) -> None:
        """Its own messages are shown. The exceptions behind them are dropped."""

        class Provider:
            def create_call(self, call: CallRequest, /) -> Any:
                try:
                    return int("password=hunter2")
                except ValueError as error:
                    raise kind("a message") from error

        click: Any = escalate if mode == "sync" else run_async
        with pytest.raises(ProviderError) as caught:
            click(ALLOWED, provider=Provider(), ledger=InMemoryCallLedger(), now=NOW)
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        expected = "the provider raised ValueError at " if kind is ValueError else "a message"
        assert str(caught.value).startswith(expected)

    @pytest.mark.parametrize("mode", ["sync", "async"])
    def test_have_key_and_decision(self, mode: str) -> None:
        """As the escalation would have."""
        click: Any = escalate if mode == "sync" else run_async
        key, decision = Backend().click().key, ESCALATE_TO_VIDEO.decide(ALLOWED)
        ledger: Any = InMemoryCallLedger()
        lost = InMemoryVideoProvider(errors=[ProviderUnavailableError("later"), ValueError("lost")])
        for error, store in (
            (ProviderUnavailableError, ledger),
            (ProviderOutcomeUnknownError, ledger),
            (CallInDoubtError, ledger),
            (LedgerError, self.Leaky(0)),
        ):
            with pytest.raises(error) as caught:
                click(ALLOWED, provider=lost, ledger=store, now=NOW)
            assert (caught.value.key, caught.value.decision) == (key, decision)
            copy = pickle.loads(pickle.dumps(caught.value))
            assert (copy.key, copy.decision) == (key, decision)

    def test_keep_the_message_of_a_ledger_error(self) -> None:
        """The ledger meant it to be shown."""
        ledger: Any = SimpleNamespace(update=Mock(side_effect=LedgerError("call it outside of a transaction")))
        with pytest.raises(LedgerError, match=r"^call it outside of a transaction$"):
            escalate(ALLOWED, provider=InMemoryVideoProvider(), ledger=ledger)


class TestManyClicks:
    """Many clicks at once."""

    def test_create_one_call_per_case(self) -> None:
        """8 threads, 1,000 clicks each, 50 cases."""
        requests = [in_case(f"case {number}") for number in range(50)]
        backend, start = Backend(), Barrier(8)

        def clicks(first: int) -> int:
            start.wait()
            refusals = 0
            for number in range(1000):
                try:
                    backend.click(requests[(first * 7 + number) % 50])
                except CallInProgressError:
                    refusals += 1
            return refusals

        with ThreadPoolExecutor(8) as threads:
            refusals = sum(threads.map(clicks, range(8)))
        assert len(backend.provider.calls) == 50
        assert refusals < 8000

    def test_create_one_call_in_many_tasks(self) -> None:
        """One of a hundred creates it. The others reuse it or raise `CallInProgressError`."""
        backend = Backend()

        async def click() -> str:
            try:
                escalation = await escalate_async(ALLOWED, provider=backend.provider, ledger=backend.ledger, now=NOW)
            except CallInProgressError:
                return "in progress"
            return escalation.outcome.value

        async def clicks() -> list[str]:
            return await asyncio.gather(*[click() for _ in range(100)])

        outcomes = asyncio.run(clicks())
        assert outcomes.count("created") == 1
        assert len(backend.provider.calls) == 1


def in_case(case_id: str) -> EscalationRequest:
    """Return the request in another case."""
    return attrs.evolve(
        ALLOWED,
        message=attrs.evolve(ALLOWED.message, intervention_id=case_id),
        intervention=Intervention(id=case_id, agent_id=ALLOWED.agent.id, state=InterventionState.OPEN),
    )
