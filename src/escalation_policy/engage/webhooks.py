"""Webhooks of Engage Digital: the events in a request, and the state of a case after them.

Webhooks are delivered at least once, in no guaranteed order, and not guaranteed at all. So the state of a case is folded
from its events one by one, and neither their order nor duplicates change the result.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast, final

import attrs

from .._enums import InterventionState
from .._fields import PRIVATE, ZONED, check_types, checked, to_utc
from .._reading import ID, TEXT, TIME, UNREAD, Form, JsonError, PayloadReader, collect_faults, parse_json
from .._values import Intervention
from ..exceptions import Fault, InvalidValueError
from .payloads import STATES_AFTER, Payload

_CANCELED: Final = "intervention.canceled"
#: The states, beginning with the one that allows least.
_BY_ALLOWANCE: Final = (InterventionState.CLOSED, InterventionState.DEFERRED, InterventionState.OPEN)
_STATES: Final = {state.value: state for state in InterventionState}
#: Stands for a time that could not be read.
_UNREAD_TIME: Final = datetime.min.replace(tzinfo=UTC)

_EVENTS: Final = Form(
    accepted="a list of events",
    parse=lambda value: cast("list[object]", value) if isinstance(value, list) else None,
)
_RESOURCE: Final = Form(
    accepted="a mapping",
    parse=lambda value: cast("Payload", value) if isinstance(value, Mapping) else None,
)
_STATE: Final = Form(
    accepted=f"one of {', '.join(_STATES)}",
    parse=lambda value: _STATES.get(value) if isinstance(value, str) else None,
)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class WebhookEvent:
    """One event of a webhook.

    Attributes:
        id: The id of the event. Another event with this id is a duplicate.
        type: What happened, such as `intervention.opened`. There can be types that this library does not know.
        issued_at: When it happened, with a zone.
        domain_id: The domain where it happened.
        user_id: The user who triggered it. None: nobody, or it is not known. This is not the agent of a case.
        resource: What it happened to, as the API sent it: a payload for `message_from_payload()` or
            `intervention_from_payload()`. It may hold texts of customers, so no repr shows it.
    """

    id: str
    type: str
    issued_at: datetime = attrs.field(validator=ZONED)
    domain_id: str
    user_id: str | None = None
    resource: Mapping[str, object] = attrs.field(hash=False, metadata={PRIVATE: True})


def read_webhook(body: Payload | bytes | str) -> tuple[WebhookEvent, ...]:
    """Read the body of a webhook request.

    Events of unknown types and duplicates are kept. Check the secret of the request before you read it.

    Args:
        body: The body as it was received, or the JSON object in it.

    Returns:
        The events in the order of the body, which need not be the order in which they happened.

    Raises:
        InvalidPayloadError: The body is not JSON, or a field of it or of an event is missing or malformed.
    """
    with collect_faults() as faults:
        envelope = PayloadReader(faults, "body", _parsed("body", body), envelope=True)
        domain_id = envelope.required(ID, "domain_id", UNREAD)
        contents = envelope.required(_EVENTS, "events", [])
        events = [
            PayloadReader(faults, f"body.events[{number}]", event, envelope=True)
            for number, event in enumerate(contents)
        ]
        return tuple(
            WebhookEvent(
                id=event.required(ID, "id", UNREAD),
                type=event.required(TEXT, "type", UNREAD),
                issued_at=event.required(TIME, "issued_at", _UNREAD_TIME),
                domain_id=domain_id,
                user_id=event.optional(ID, "user_id"),
                resource=event.required(_RESOURCE, "resource", {}),
            )
            for event in events
        )


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class CaseState:
    """What the events so far say about one case.

    State and agent each have the time of the last event that says something about *them*, so that an older event, which
    arrives later, changes neither.

    Attributes:
        id: The id of the case.
        state: The state. `UNKNOWN`: no event said it.
        state_at: When it got this state. None: no event said it.
        agent_id: The agent to whom it is assigned. None: no event named one, or two events of the same time name two.
        agent_at: When it was assigned. None: no event named an agent.
        cancelled_at: When it was cancelled. None: it was not. A cancelled case stays cancelled.
    """

    id: str
    state: InterventionState = InterventionState.UNKNOWN
    state_at: datetime | None = attrs.field(default=None, validator=ZONED)
    agent_id: str | None = None
    agent_at: datetime | None = attrs.field(default=None, validator=ZONED)
    cancelled_at: datetime | None = attrs.field(default=None, validator=ZONED)

    def __attrs_post_init__(self) -> None:
        if (self.state is InterventionState.UNKNOWN) != (self.state_at is None):
            problem = "must be None exactly if the state is unknown"
            raise InvalidValueError(Fault("CaseState.state_at", problem))
        if self.agent_id is not None and self.agent_at is None:
            raise InvalidValueError(Fault("CaseState.agent_at", "must not be None if there is an agent"))

    @property
    def intervention(self) -> Intervention | None:
        """The case as a value for a request. None: it was cancelled."""
        if self.cancelled_at is not None:
            return None
        return Intervention(id=self.id, agent_id=self.agent_id, state=self.state)

    def to_json(self) -> str:
        """Return the state as one line of ASCII with sorted keys, for a column of yours. Times are in UTC."""
        fields = attrs.asdict(self, recurse=False)
        return json.dumps(fields, default=_encode, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "CaseState":
        """Read what `to_json()` wrote.

        Raises:
            InvalidPayloadError: It is not such a text.
        """
        with collect_faults() as faults:
            fields = PayloadReader(faults, "case", _parsed("case", text))
            return cls(
                id=fields.required(ID, "id", UNREAD),
                state=fields.required(_STATE, "state", InterventionState.UNKNOWN),
                state_at=fields.optional(TIME, "state_at"),
                agent_id=fields.optional(ID, "agent_id"),
                agent_at=fields.optional(TIME, "agent_at"),
                cancelled_at=fields.optional(TIME, "cancelled_at"),
            )


def intervention_after(previous: CaseState | None, event: WebhookEvent) -> CaseState | None:
    """Return the state of a case after one more event. The order of the events does not matter, and neither do duplicates.

    An event that is older than the state or the agent does not change that part. Of two events of the same time, the state
    that allows less counts; if they name two agents, there is none.

    Args:
        previous: The state so far. None: this is the first event.
        event: The next event. If it is not an event of a case, `previous` is returned.

    Raises:
        InvalidValueError: It is an event of another case, or an argument has another type.
        InvalidPayloadError: The resource has no id, or the id of its agent is malformed.
    """
    check_types(WebhookEvent, event=event)
    if previous is not None:
        check_types(CaseState, previous=previous)
    if not event.type.startswith("intervention."):
        return previous
    with collect_faults() as faults:
        resource = PayloadReader(faults, "resource", event.resource, resource=True)
        case_id, agent_id = resource.required(ID, "id", UNREAD), resource.optional(ID, "user_id")
    case = CaseState(id=case_id) if previous is None else previous
    if case.id != case_id:
        problem = "is about another case than previous"
        raise InvalidValueError(Fault("event", problem, found="another case", accepted="an event of the same case"))
    return _fold(case, event.type, to_utc("event.issued_at", event.issued_at), agent_id)


def _fold(case: CaseState, event_type: str, at: datetime, agent_id: str | None) -> CaseState:
    state = STATES_AFTER.get(event_type)
    if state is not None and (case.state_at is None or at >= case.state_at):
        if at == case.state_at:
            state = min(state, case.state, key=_BY_ALLOWANCE.index)
        case = attrs.evolve(case, state=state, state_at=at)
    if agent_id is not None and (case.agent_at is None or at >= case.agent_at):
        # An agent of None at this time stands for two agents, so a third event names none either.
        is_contradicted = at == case.agent_at and agent_id != case.agent_id
        case = attrs.evolve(case, agent_id=None if is_contradicted else agent_id, agent_at=at)
    if event_type == _CANCELED:
        case = attrs.evolve(case, cancelled_at=min(at, case.cancelled_at or at))
    return case


def _parsed(path: str, content: object) -> object:
    try:
        return parse_json(content) if isinstance(content, bytes | str) else content
    except JsonError as error:
        raise InvalidValueError(Fault(path, str(error))) from error


def _encode(value: object) -> str:
    return to_utc("time", value).isoformat() if isinstance(value, datetime) else cast("InterventionState", value).value
