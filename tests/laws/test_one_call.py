"""The law of one call: in any order of events, clicks on one case create at most one call."""

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
    """The process of a click is gone, and does nothing any more."""


#: The errors that can happen at any point.
ANYWHERE: Final[list[type[BaseException]]] = [Died, KeyboardInterrupt, ValueError, ProviderOutcomeUnknownError]
#: The errors of a provider before it has created a call.
BEFORE_A_CALL: Final[list[type[BaseException]]] = [*ANYWHERE, ProviderUnavailableError, ProviderRejectedError]


class Click(CallLedger):
    """A click in its own thread. It stops before and after each of its steps until `go_on()` is called."""

    def __init__(self, provider: InMemoryVideoProvider, ledger: InMemoryCallLedger) -> None:
        self.point: str | None = None
        self.result: Escalation | None = None
        self.error: BaseException | None = None
        self._provider, self._ledger = provider, ledger
        self._turn, self._stops = Semaphore(0), SimpleQueue[str | None]()
        self._next_error: type[BaseException] | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        self.point = self._stops.get()

    def _run(self) -> None:
        try:
            self.result = escalate(ALLOWED, provider=self, ledger=self, now=NOW)
        except BaseException as error:  # noqa: BLE001
            self.error = error
        self._stops.put(None)

    def go_on(self, error: type[BaseException] | None = None) -> None:
        """Let the click run to its next stop or to its end, or make it raise an error here."""
        self._next_error = error
        self._turn.release()
        self.point = self._stops.get()
        if self.point is None:
            self._thread.join()

    def _stop(self, point: str) -> None:
        if self._next_error is not Died:
            self._stops.put(point)
            self._turn.acquire()
        if self._next_error:
            raise self._next_error("a fault")

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry of the ledger that all clicks share."""
        self._stop("before an update")
        answer = self._ledger.update(entry_id, change, now=now)
        self._stop("after an update")
        return answer

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call with the provider that all clicks share."""
        self._stop("before a call")
        created = self._provider.create_call(call)
        self._stop("after a call")
        return created

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Ask that provider."""
        self._stop("before is_open()")
        return self._provider.is_open(call)


class Clicks:
    """Several clicks on one case."""

    def __init__(self, count: int) -> None:
        self.provider = InMemoryVideoProvider()
        self.ledger = InMemoryCallLedger()
        self.all = [Click(self.provider, self.ledger) for _ in range(count)]
        self.has_errors = False

    def run(self, data: st.DataObject) -> None:
        """Run the clicks step by step in random order. Some fail, and some die."""
        while running := [click for click in self.all if click.point]:
            click = running[data.draw(st.integers(0, len(running) - 1), label="click")]
            errors = BEFORE_A_CALL if click.point == "before a call" else ANYWHERE
            error = data.draw(st.sampled_from([None] * 20 + errors), label="error")
            self.has_errors |= error is not None
            click.go_on(error)

    def click_later(self, now: datetime) -> object:
        """Click once more, without errors."""
        try:
            return escalate(ALLOWED, provider=self.provider, ledger=self.ledger, now=now).outcome
        except (CallInProgressError, CallInDoubtError) as error:
            return type(error)


class TestOneCall:
    """At every point, any other click may go on, and this one may fail or die."""

    @given(data=st.data(), count=st.integers(1, 4))
    def test_clicks_at_once_create_at_most_one(self, data: st.DataObject, count: int) -> None:
        """All clicks that succeed return the same call, and at most one of them has created it."""
        clicks = Clicks(count)
        clicks.run(data)
        results = [click.result for click in clicks.all if click.result]
        assert len(clicks.provider.calls) <= 1
        assert {result.call for result in results} <= set(clicks.provider.calls)
        assert [result.outcome for result in results].count(EscalationOutcome.CREATED) <= 1

    @given(data=st.data(), count=st.integers(1, 4))
    def test_later_clicks_create_no_second_one(self, data: st.DataObject, count: int) -> None:
        """A later click reuses the call or raises. After a minute, it never raises `CallInProgressError`."""
        clicks = Clicks(count)
        clicks.run(data)
        number = len(clicks.provider.calls)
        soon = clicks.click_later(NOW + timedelta(seconds=1))
        late = clicks.click_later(NOW + timedelta(minutes=1))
        assert late is not CallInProgressError
        assert clicks.has_errors or late is EscalationOutcome.REUSED
        assert len(clicks.provider.calls) == max(number, EscalationOutcome.CREATED in {soon, late})

    @pytest.mark.parametrize("is_lasting", [False, True], ids=["once", "lasting"])
    @pytest.mark.parametrize("error", BEFORE_A_CALL, ids=lambda error: error.__name__)
    @pytest.mark.parametrize("stops", range(6))
    def test_a_failure_at_any_point_leads_to_no_second_one(
        self, stops: int, error: type[BaseException], *, is_lasting: bool
    ) -> None:
        """At each of the stops of a click."""
        clicks = Clicks(1)
        (click,) = clicks.all
        for _ in range(stops):
            click.go_on()
        click.go_on(error if click.point == "before a call" or error in ANYWHERE else ValueError)
        while click.point:
            click.go_on(ValueError if is_lasting else None)
        number = len(clicks.provider.calls)
        outcome = clicks.click_later(NOW + timedelta(minutes=1))
        assert len(clicks.provider.calls) == max(number, outcome is EscalationOutcome.CREATED)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_the_first_click_creates_it(self, count: int) -> None:
        """The other clicks raise `CallInProgressError` while it is being created."""
        clicks = Clicks(count)
        while running := [click for click in clicks.all if click.point]:
            running[0].go_on() if running[0].point == "before an update" else running[-1].go_on()
        outcomes = [click.result.outcome for click in clicks.all if click.result]
        assert outcomes.count(EscalationOutcome.CREATED) == 1
        assert all(isinstance(click.error, CallInProgressError) for click in clicks.all if not click.result)

    def test_each_case_has_its_own_whatever_its_id(self) -> None:
        """Ids that join to the same text still belong to different cases."""
        provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
        for case, domain in [("1", "1"), ("11", "1"), ("1", "11"), ("1 1", "1"), ("1", "1 1")]:
            request = _in(domain, case)
            for outcome in (EscalationOutcome.CREATED, EscalationOutcome.REUSED):
                assert escalate(request, provider=provider, ledger=ledger, now=NOW).outcome is outcome


def _in(domain_id: str, case_id: str) -> EscalationRequest:
    """Return the allowed request in another domain and case."""
    agent = ALLOWED.agent
    channel = attrs.evolve(ALLOWED.message.channel, domain_id=domain_id)
    return attrs.evolve(
        ALLOWED,
        domain=attrs.evolve(ALLOWED.domain, id=domain_id),
        agent=attrs.evolve(agent, domain_id=domain_id, role=attrs.evolve(agent.role, domain_id=domain_id)),
        message=attrs.evolve(ALLOWED.message, channel=channel, intervention_id=case_id),
        intervention=Intervention(id=case_id, agent_id=agent.id, state=InterventionState.OPEN),
    )
