"""Webhooks: neither the order nor duplicates of events change the state of a case."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import InterventionState
from escalation_policy.engage import CaseState, WebhookEvent, intervention_after, read_webhook

_NAMES = ["opened", "reopened", "reactivated", "deferred", "closed", "canceled", "assigned", "user_updated", "novel"]
_STATES = {
    "opened": InterventionState.OPEN,
    "reopened": InterventionState.OPEN,
    "reactivated": InterventionState.OPEN,
    "deferred": InterventionState.DEFERRED,
    "closed": InterventionState.CLOSED,
}
_BEGIN = datetime(2026, 1, 31, tzinfo=UTC)


def _read(name: str, minutes: int, agent: str | None) -> WebhookEvent:
    at = (_BEGIN + timedelta(minutes=minutes)).isoformat()
    resource = {"type": "intervention", "id": "i1", "metadata": {"user_id": agent}}
    event = {"id": f"{name}-{at}-{agent}", "type": f"intervention.{name}", "issued_at": at, "resource": resource}
    (read,) = read_webhook({"domain_id": "acme", "events": [event]})
    return read


#: Few times and agents, so that many events contradict each other.
EVENTS = st.lists(
    st.builds(_read, st.sampled_from(_NAMES), st.integers(0, 3), st.sampled_from([None, "u1", "u2"])),
    min_size=1,
    max_size=7,
)


def _fold(events: list[WebhookEvent]) -> CaseState:
    case = reduce(intervention_after, events, None)
    assert case is not None
    return case


@given(events=EVENTS, data=st.data())
def test_any_order_and_any_duplicates_lead_to_the_same_state(events: list[WebhookEvent], data: st.DataObject) -> None:
    """Webhooks are delivered at least once, in no guaranteed order."""
    duplicates = data.draw(st.lists(st.sampled_from(events), max_size=5))
    delivered = data.draw(st.permutations([*events, *duplicates]))

    assert _fold(events) == _fold(delivered)


@given(events=EVENTS)
def test_the_state_is_that_of_the_last_events(events: list[WebhookEvent]) -> None:
    """A specification that sees all events at once, and shares no code with the fold."""
    states = [(event.issued_at, _STATES[name]) for event in events if (name := event.type.split(".")[1]) in _STATES]
    agents = [(event.issued_at, agent) for event in events if (agent := _read_agent(event)) is not None]
    last_states = {state for at, state in states if at == max(states, key=_time)[0]}
    last_agents = {agent for at, agent in agents if at == max(agents, key=_time)[0]}
    by_allowance = [InterventionState.CLOSED, InterventionState.DEFERRED, InterventionState.OPEN]
    is_cancelled = any(event.type == "intervention.canceled" for event in events)

    case = _fold(events)

    assert next((state for state in by_allowance if state in last_states), InterventionState.UNKNOWN) is case.state
    assert (next(iter(last_agents)) if len(last_agents) == 1 else None) == case.agent_id
    assert is_cancelled == (case.intervention is None)


@given(events=EVENTS)
def test_a_stored_state_goes_on_like_one_in_memory(events: list[WebhookEvent]) -> None:
    """Every process of a host reads it again."""
    stored: CaseState | None = None
    for event in events:
        folded = intervention_after(stored, event)
        assert folded is not None
        stored = CaseState.from_json(folded.to_json())

    assert _fold(events) == stored


def _time(pair: tuple[datetime, object]) -> datetime:
    return pair[0]


def _read_agent(event: WebhookEvent) -> object:
    metadata: Any = event.resource["metadata"]
    return metadata["user_id"]
