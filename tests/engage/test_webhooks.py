"""Webhooks: the events of a body, and the state of a case after them."""

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from escalation_policy import Channel, ChannelKind, Intervention, InterventionState
from escalation_policy.engage import (
    CaseState,
    WebhookEvent,
    intervention_after,
    intervention_from_payload,
    message_from_payload,
    read_webhook,
)
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
OPEN, DEFERRED, CLOSED = InterventionState.OPEN, InterventionState.DEFERRED, InterventionState.CLOSED
UNKNOWN = InterventionState.UNKNOWN


def an_event(**changes: Any) -> dict[str, Any]:
    """Return one event of a body."""
    return {
        "type": "intervention.opened",
        "id": "e1",
        "issued_at": "2026-01-31T09:30:00.000Z",
        "user_id": "u9",
        "resource": {"type": "intervention", "id": "i1", "metadata": {"user_id": "u1", "source_id": "s1"}},
    } | changes


def a_body(*events: Any, **changes: Any) -> dict[str, Any]:
    """Return the body of a webhook request."""
    return {"id": "w1", "domain_id": "acme", "events": [*events]} | changes


def event(name: str, *, at: int = 0, agent: str | None = None, case: str = "i1") -> WebhookEvent:
    """Return an event of a case, some minutes after the first one."""
    return WebhookEvent(
        id=f"{name} {at}",
        type=f"intervention.{name}",
        issued_at=AT + timedelta(minutes=at),
        domain_id="acme",
        resource={"type": "intervention", "id": case, "metadata": {"user_id": agent}},
    )


def after(*events: WebhookEvent) -> CaseState:
    """Fold events."""
    case = None
    for each in events:
        case = intervention_after(case, each)
    assert case is not None
    return case


def faults_of(body: Any) -> list[str]:
    """Return the faults of a body."""
    with pytest.raises(InvalidPayloadError) as caught:
        read_webhook(body)
    return [*map(str, caught.value.faults)]


class TestReadWebhook:
    """`read_webhook()`: all events, in the order of the body."""

    @pytest.mark.parametrize(
        "body",
        [a_body(an_event()), json.dumps(a_body(an_event())), json.dumps(a_body(an_event())).encode()],
        ids=["dict", "str", "bytes"],
    )
    def test_reads_every_event(self, body: Any) -> None:
        """A framework may have parsed the body, or not."""
        (read,) = read_webhook(body)
        expected = WebhookEvent(
            id="e1",
            type="intervention.opened",
            issued_at=AT,
            domain_id="acme",
            user_id="u9",
            resource=an_event()["resource"],
        )
        assert expected == read
        assert hash(expected) == hash(read)

    def test_its_resources_are_payloads(self) -> None:
        """The other readers take them."""
        content = an_event(
            type="content.imported", resource={"id": "c1", "type": "twtr/tweet", "metadata": {"status": "new"}}
        )
        case, message = read_webhook(a_body(an_event(), content))
        channel = Channel(id="s1", domain_id="acme", kind=ChannelKind.TWITTER)
        assert "u1" == intervention_from_payload(case.resource, event=case.type).agent_id
        assert "c1" == message_from_payload(message.resource, channel=channel).id

    def test_unknown_types_and_duplicates_are_kept(self) -> None:
        """The host knows which ids it has seen, and which types it needs."""
        events = [an_event(), an_event(), an_event(type="robot.purchased", resource={})]
        assert ["intervention.opened", "intervention.opened", "robot.purchased"] == [
            each.type for each in read_webhook(a_body(*events))
        ]

    def test_ids_can_be_integers_and_the_user_can_be_missing(self) -> None:
        """Samples of the API's documentation have both."""
        (read,) = read_webhook(a_body(an_event(id=7, user_id=None), domain_id=5))
        assert ("7", "5", None) == (read.id, read.domain_id, read.user_id)

    def test_no_event_is_no_error(self) -> None:
        """There is nothing to do."""
        assert () == read_webhook(a_body())

    def test_times_are_converted_to_utc(self) -> None:
        """Only so can they be compared."""
        (read,) = read_webhook(a_body(an_event(issued_at="2026-01-31T11:30:00+02:00")))
        assert (AT, UTC) == (read.issued_at, read.issued_at.tzinfo)

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            (b"{", ["body must be JSON, got an error in line 1, column 2"]),
            ('{"id": 1, "id": 2}', ["body must name each key once, but keys 1 and 2 of an object are the same"]),
            (None, ["body must be a mapping, got None"]),
            ("[]", ["body must be a mapping, got an empty list"]),
            (
                an_event(),
                [
                    "body.domain_id is missing: it must be an id: a non-blank str or an int",
                    "body.events is missing: it must be a list of events",
                ],
            ),
            (a_body(events={}), ["body.events must be a list of events, got a dict"]),
            (a_body(an_event(), "e2"), ["body.events[1] must be a mapping, got a str"]),
            (
                a_body({"user_id": []}),
                [
                    "body.events[0].id is missing: it must be an id: a non-blank str or an int",
                    "body.events[0].type is missing: it must be a non-blank str",
                    "body.events[0].issued_at is missing: it must be a time with a zone, such as 2026-01-31T09:30:00Z",
                    "body.events[0].user_id must be an id: a non-blank str or an int, got an empty list",
                    "body.events[0].resource is missing: it must be a mapping",
                ],
            ),
        ],
        ids=["syntax", "twice", "None", "list", "event", "no list", "no event", "no fields"],
    )
    def test_a_malformed_body_is_refused_with_all_faults(self, body: Any, faults: list[str]) -> None:
        """The messages show nothing of it."""
        assert faults == faults_of(body)

    @pytest.mark.parametrize(
        "issued_at", ["2026-01-31T09:30:00", "yesterday", 1769851800, "0001-01-01T00:00:00+01:00", None, ""], ids=str
    )
    def test_a_time_has_a_zone(self, issued_at: object) -> None:
        """Without one, nobody knows which of two events was first."""
        (fault,) = faults_of(a_body(an_event(issued_at=issued_at)))
        assert fault.startswith(
            "body.events[0].issued_at must be a time with a zone, such as 2026-01-31T09:30:00Z, got "
        )

    def test_no_repr_shows_the_resource(self) -> None:
        """It can hold what a customer wrote."""
        content = an_event(type="content.imported", resource={"id": "c1", "metadata": {"body": "my secret"}})
        assert "secret" not in repr(read_webhook(a_body(content)))


class TestInterventionAfter:
    """`intervention_after()`: state and agent, each by the last event that says something about it."""

    @pytest.mark.parametrize(
        ("name", "state"),
        [
            ("opened", OPEN),
            ("reopened", OPEN),
            ("reactivated", OPEN),
            ("deferred", DEFERRED),
            ("closed", CLOSED),
            ("assigned", UNKNOWN),
            ("user_updated", UNKNOWN),
            ("recategorized", UNKNOWN),
            ("custom_fields_updated", UNKNOWN),
            ("canonized", UNKNOWN),
        ],
    )
    def test_the_first_event_begins_a_case(self, name: str, state: InterventionState) -> None:
        """Events of new types can name an agent too."""
        expected = CaseState(
            id="i1", state=state, state_at=None if state is UNKNOWN else AT, agent_id="u1", agent_at=AT
        )
        case = intervention_after(None, event(name, agent="u1"))
        assert expected == case
        assert Intervention(id="i1", agent_id="u1", state=state) == expected.intervention

    def test_a_newer_event_changes_only_what_it_says(self) -> None:
        """An event without an agent does not take the case away from its agent."""
        case = after(event("opened", agent="u1"), event("deferred", at=1), event("user_updated", at=2, agent="u2"))
        minute = timedelta(minutes=1)
        assert CaseState(id="i1", state=DEFERRED, state_at=AT + minute, agent_id="u2", agent_at=AT + 2 * minute) == case

    def test_an_older_event_changes_nothing(self) -> None:
        """Webhooks are delivered in any order."""
        case = after(event("closed", at=2, agent="u2"))
        assert case == intervention_after(case, event("opened", at=1, agent="u1"))

    def test_an_older_event_says_what_no_newer_one_said(self) -> None:
        """The state and the agent have times of their own."""
        assert after(event("opened", agent="u1"), event("closed", at=2)) == after(
            event("closed", at=2), event("opened", agent="u1")
        )

    @pytest.mark.parametrize(
        ("one", "other", "state"),
        [("opened", "closed", CLOSED), ("opened", "deferred", DEFERRED), ("deferred", "closed", CLOSED)],
    )
    def test_of_two_states_at_one_time_the_one_that_allows_less_counts(
        self, one: str, other: str, state: InterventionState
    ) -> None:
        """Nobody knows which was last."""
        assert state is after(event(one), event(other)).state
        assert state is after(event(other), event(one)).state

    def test_of_two_agents_at_one_time_there_is_none(self) -> None:
        """A third event of that time settles nothing, a newer one does."""
        events = [event("assigned", agent="u1"), event("user_updated", agent="u2"), event("assigned", agent="u1")]
        assert (None, AT) == (after(*events).agent_id, after(*events).agent_at)
        assert "u1" == after(*events, event("assigned", at=1, agent="u1")).agent_id

    def test_a_cancelled_case_stays_cancelled(self) -> None:
        """It does not exist any more, so a request has no case."""
        cancelled = [event("canceled", at=2), event("canceled", at=1)]
        case = after(*cancelled, event("reopened", at=3, agent="u1"))
        assert case == after(event("reopened", at=3, agent="u1"), *reversed(cancelled))
        assert AT + timedelta(minutes=1) == case.cancelled_at
        assert case.intervention is None

    @pytest.mark.parametrize(
        "name", ["content.imported", "intervention_segment.created", "task.resumed", "intervention"]
    )
    def test_events_of_other_resources_change_nothing(self, name: str) -> None:
        """A webhook has events of many kinds."""
        other = attrs.evolve(event("opened", case="c1"), type=name)
        case = after(event("opened", agent="u1"))
        assert case is intervention_after(case, other)
        assert intervention_after(None, other) is None

    def test_an_event_of_another_case_is_an_error(self) -> None:
        """The host looks up the state by the id of the resource."""
        with pytest.raises(InvalidValueError, match=r"^event is about another case than previous$"):
            intervention_after(after(event("opened")), event("closed", case="i2"))

    @pytest.mark.parametrize(
        ("resource", "fault"),
        [
            ({}, "resource.id is missing: it must be an id: a non-blank str or an int"),
            ({"id": "i1", "metadata": {"user_id": []}}, "resource.metadata.user_id must be an id"),
            ({"id": "i1", "metadata": "u1"}, "resource.metadata must be a mapping, got a str"),
        ],
        ids=["no id", "agent", "metadata"],
    )
    def test_a_malformed_resource_is_refused(self, resource: Any, fault: str) -> None:
        """Readers raise only one error."""
        with pytest.raises(InvalidPayloadError) as caught:
            intervention_after(None, attrs.evolve(event("opened"), resource=resource))
        assert str(caught.value).startswith(fault)

    def test_other_arguments_are_refused(self) -> None:
        """A body or an event as JSON is not an event."""
        wrong: Any = an_event()
        with pytest.raises(InvalidValueError, match=r"^event must be a WebhookEvent, got a dict$"):
            intervention_after(None, wrong)
        with pytest.raises(InvalidValueError, match=r"^previous must be a CaseState, got a dict$"):
            intervention_after(wrong, event("opened"))


class TestCaseState:
    """`CaseState`: a value that a host stores."""

    CASE = CaseState(id="i1", state=DEFERRED, state_at=AT, agent_id="u1", agent_at=AT + timedelta(microseconds=1))

    @pytest.mark.parametrize("case", [CASE, CaseState(id="i1"), attrs.evolve(CASE, cancelled_at=AT)], ids=repr)
    def test_survives_json_and_pickles(self, case: CaseState) -> None:
        """A column of text is enough."""
        text = case.to_json()
        assert text.isascii()
        assert "\n" not in text
        assert case == CaseState.from_json(text) == CaseState.from_json(text.encode())
        assert case == pickle.loads(pickle.dumps(case))

    def test_its_json_is_what_it_is(self) -> None:
        """A host may query it."""
        assert {
            "id": "i1",
            "state": "deferred",
            "state_at": "2026-01-31T09:30:00+00:00",
            "agent_id": "u1",
            "agent_at": "2026-01-31T09:30:00.000001+00:00",
            "cancelled_at": None,
        } == json.loads(self.CASE.to_json())

    def test_times_of_other_zones_are_written_in_utc(self) -> None:
        """They name the same moment."""
        zone = timezone(timedelta(hours=2))
        case = attrs.evolve(self.CASE, state_at=AT.astimezone(zone))
        assert self.CASE.to_json() == case.to_json()

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("{", "case must be JSON, got an error in line 1, column 2"),
            (None, "case must be a mapping, got None"),
            ("{}", "case.id is missing: it must be an id: a non-blank str or an int"),
            ('{"id": "i1", "state": "shut"}', "case.state must be one of open, deferred, closed, unknown, got a str"),
            ('{"id": "i1", "state": 5}', "case.state must be one of open, deferred, closed, unknown, got an int"),
            ('{"id": "i1", "state": "open"}', "CaseState.state_at must be None exactly if the state is unknown"),
            (
                '{"id": "i1", "state": "unknown", "agent_id": "u1"}',
                "CaseState.agent_at must not be None if there is an agent",
            ),
        ],
        ids=["syntax", "None", "empty", "state", "number", "no time", "no time of the agent"],
    )
    def test_other_json_is_refused(self, text: Any, fault: str) -> None:
        """A state that says less than it did could allow more."""
        with pytest.raises(InvalidPayloadError) as caught:
            CaseState.from_json(text)
        assert fault in map(str, caught.value.faults)
