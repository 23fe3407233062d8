"""The law of one call: whatever happens in whatever order, clicks on one case make one call at most."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Final, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import EscalationRequest, Intervention, InterventionState
from escalation_policy.exceptions import (
    CallInDoubtError,
    CallInProgressError,
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
    LedgerEntry,
    VideoCall,
    escalate,
)

T = TypeVar("T")
NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALLOWED: Final = a_request()


class Died(BaseException):
    """What a click does no more: anything."""


#: What may be raised at any point.
ANYWHERE: Final[list[type[BaseException]]] = [Died, KeyboardInterrupt, ValueError, ProviderOutcomeUnknownError]
#: What a provider raises besides, before it has made a call.
BEFORE_A_CALL: Final[list[type[BaseException]]] = [*ANYWHERE, ProviderUnavailableError, ProviderRejectedError]


class Click(CallLedger):
    """A click in a thread of its own that stops before and after everything it does, and waits for its turn."""

    def __init__(self, provider: InMemoryVideoProvider, ledger: InMemoryCallLedger) -> None:
        self.point: str | None = None
        self.given: Escalation | None = None
        self.refused: BaseException | None = None
        self._provider, self._ledger = provider, ledger
        self._turn, self._stops = Semaphore(0), SimpleQueue[str | None]()
        self._error: type[BaseException] | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        self.point = self._stops.get()

    def _run(self) -> None:
        try:
            self.given = escalate(ALLOWED, provider=self, ledger=self, now=NOW)
        except BaseException as error:  # noqa: BLE001
            self.refused = error
        self._stops.put(None)

    def go_on(self, error: type[BaseException] | None = None) -> None:
        """Lets it go on to its next stop, or to its end; or makes it raise something here."""
        self._error = error
        self._turn.release()
        self.point = self._stops.get()
        if self.point is None:
            self._thread.join()

    def _stop(self, point: str) -> None:
        if self._error is not Died:
            self._stops.put(point)
            self._turn.acquire()
        if self._error:
            raise self._error("a fault")

    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Changes the case in the ledger that all share."""
        self._stop("before a change")
        answer = self._ledger.update(case, change, now=now)
        self._stop("after a change")
        return answer

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Has the provider that all share make a call."""
        self._stop("before a call")
        made = self._provider.create_call(call)
        self._stop("after a call")
        return made

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Asks that provider."""
        self._stop("before a question")
        return self._provider.is_open(call)


class Clicks:
    """Clicks on one case."""

    def __init__(self, count: int) -> None:
        self.provider = InMemoryVideoProvider()
        self.ledger = InMemoryCallLedger()
        self.all = [Click(self.provider, self.ledger) for _ in range(count)]
        self.troubled = False

    def run(self, data: st.DataObject) -> None:
        """Lets them go on, each in its turn; some fail, and some die."""
        while alive := [click for click in self.all if click.point]:
            click = alive[data.draw(st.integers(0, len(alive) - 1), label="which")]
            errors = BEFORE_A_CALL if click.point == "before a call" else ANYWHERE
            error = data.draw(st.sampled_from([None] * 20 + errors), label="what")
            self.troubled |= error is not None
            click.go_on(error)

    def later(self, now: datetime) -> object:
        """Clicks once more, with nothing in the way."""
        try:
            return escalate(ALLOWED, provider=self.provider, ledger=self.ledger, now=now).outcome
        except (CallInProgressError, CallInDoubtError) as error:
            return type(error)


class TestOneCall:
    """At every point any other click may go on, and this one may fail or die."""

    @given(data=st.data(), count=st.integers(1, 4))
    def test_is_all_that_is_ever_made(self, data: st.DataObject, count: int) -> None:
        """All who are given a call are given the same one, and one of them created it."""
        clicks = Clicks(count)
        clicks.run(data)
        given = [click.given for click in clicks.all if click.given]
        assert len(clicks.provider.calls) <= 1
        assert {each.call for each in given} <= set(clicks.provider.calls)
        assert [each.outcome for each in given].count(EscalationOutcome.CREATED) <= 1

    @given(data=st.data(), count=st.integers(1, 4))
    def test_is_all_that_is_made_afterwards(self, data: st.DataObject, count: int) -> None:
        """A later click reuses it, or says what is the matter; after a minute that is never "in progress"."""
        clicks = Clicks(count)
        clicks.run(data)
        made = len(clicks.provider.calls)
        soon = clicks.later(NOW + timedelta(seconds=1))
        late = clicks.later(NOW + timedelta(minutes=1))
        assert late is not CallInProgressError
        assert clicks.troubled or late is EscalationOutcome.REUSED
        assert len(clicks.provider.calls) == max(made, EscalationOutcome.CREATED in {soon, late})

    @pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
    @pytest.mark.parametrize("error", BEFORE_A_CALL, ids=lambda error: error.__name__)
    @pytest.mark.parametrize("stops", range(6))
    def test_is_all_that_is_made_wherever_a_click_fails(
        self, stops: int, error: type[BaseException], *, for_good: bool
    ) -> None:
        """One after the other, at every point there is."""
        clicks = Clicks(1)
        (click,) = clicks.all
        for _ in range(stops):
            click.go_on()
        click.go_on(error if click.point == "before a call" or error in ANYWHERE else ValueError)
        while click.point:
            click.go_on(ValueError if for_good else None)
        made = len(clicks.provider.calls)
        outcome = clicks.later(NOW + timedelta(minutes=1))
        assert len(clicks.provider.calls) == max(made, outcome is EscalationOutcome.CREATED)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_is_what_whoever_comes_first_is_given(self, count: int) -> None:
        """The others, who come while it is made, are told so."""
        clicks = Clicks(count)
        while alive := [click for click in clicks.all if click.point]:
            alive[0].go_on() if alive[0].point == "before a change" else alive[-1].go_on()
        given = [click.given.outcome for click in clicks.all if click.given]
        assert given.count(EscalationOutcome.CREATED) == 1
        assert all(isinstance(click.refused, CallInProgressError) for click in clicks.all if not click.given)

    def test_is_made_in_each_of_many_cases_whatever_their_ids(self) -> None:
        """Ids that would give the same text when put side by side are different cases."""
        provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
        for case, domain in [("1", "1"), ("11", "1"), ("1", "11"), ("1 1", "1"), ("1", "1 1")]:
            request = _in(domain, case)
            for outcome in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
                assert escalate(request, provider=provider, ledger=ledger, now=NOW).outcome is outcome


def _in(domain_id: str, case_id: str) -> EscalationRequest:
    """Moves the allowed request to another domain and case."""
    agent = ALLOWED.agent
    channel = attrs.evolve(ALLOWED.message.channel, domain_id=domain_id)
    return attrs.evolve(
        ALLOWED,
        domain=attrs.evolve(ALLOWED.domain, id=domain_id),
        agent=attrs.evolve(agent, domain_id=domain_id, role=attrs.evolve(agent.role, domain_id=domain_id)),
        message=attrs.evolve(ALLOWED.message, channel=channel, intervention_id=case_id),
        intervention=Intervention(id=case_id, agent_id=agent.id, state=InterventionState.OPEN),
    )
