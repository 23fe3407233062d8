"""Channels, messages and cases: the Source, Content, Identity and Intervention records of the Engage Digital API."""

from collections.abc import Mapping
from typing import Final

from .._enums import ChannelKind, InterventionState, MessageAuthor
from .._fields import check_types
from .._reading import FLAG, ID, TEXT, UNREAD, Form, PayloadReader, collect_faults
from .._values import Channel, Intervention, Message
from ..exceptions import Fault

Kinds = Mapping[str, ChannelKind]


def _folded(key: str) -> str:
    return key.replace("_", "").lower()


_KINDS: Final = {_folded(kind.value): kind for kind in ChannelKind} | {
    "applemessagesforbusiness": ChannelKind.APPLE_BUSINESS_CHAT
}
_AUTHORS: Final = {
    **dict.fromkeys(("new", "assigned", "forwarded", "replied", "ignored"), MessageAuthor.CUSTOMER),
    **dict.fromkeys(("userreply", "userinitiated"), MessageAuthor.AGENT),
}
_AUTOMATIC: Final = frozenset({"autosurvey", "autoresponsetrigger", "autorequestemail"})
#: What each event says of the case: None where it says nothing. After `intervention.canceled` there is no case.
_EVENTS: Final = {
    "intervention.assigned": None,
    "intervention.closed": InterventionState.CLOSED,
    "intervention.custom_fields_updated": None,
    "intervention.deferred": InterventionState.DEFERRED,
    "intervention.opened": InterventionState.OPEN,
    "intervention.reactivated": InterventionState.OPEN,
    "intervention.recategorized": None,
    "intervention.reopened": InterventionState.OPEN,
    "intervention.user_updated": None,
}
_EVENT: Final = Form(
    accepted=f"one of {', '.join(_EVENTS)}",
    parse=lambda value: value if isinstance(value, str) and value in _EVENTS else None,
)


def channel_from_payload(
    payload: Mapping[str, object], *, domain_id: str, kinds: Mapping[str, ChannelKind] = {}
) -> Channel:
    """Reads a Source record.

    Args:
        payload: The record. Its `type` is read in any spelling; one that nobody knows is `ChannelKind.UNKNOWN`.
        domain_id: The domain it was read from.
        kinds: What further types of this domain are, by their exact spelling. Types the API has cannot be redefined.

    Raises:
        InvalidPayloadError: The id is missing, or the type is no text.
    """
    with collect_faults() as faults:
        return read_channel(PayloadReader(faults, "source", payload), domain_id, kinds)


def read_channel(record: PayloadReader, domain_id: str, kinds: Kinds) -> Channel:
    """Reads a channel; it is good only when no fault was noted."""
    key = record.optional(TEXT, "type")
    return Channel(
        id=record.required(ID, "id", UNREAD),
        domain_id=domain_id,
        kind=ChannelKind.UNKNOWN if key is None else _kind(key, kinds),
    )


def _kind(key: str, kinds: Kinds) -> ChannelKind:
    check_types(Mapping, kinds=kinds)
    prefix = key.partition("/")[0]
    # Capitals are how RingCX writes the types of its own channels (SMS, EMAIL, WEB_CHAT): no sources of Engage Digital.
    kind = ChannelKind.UNKNOWN if prefix.isupper() else _KINDS.get(_folded(prefix), ChannelKind.UNKNOWN)
    return kinds.get(key, kinds.get(prefix, kind)) if kind is ChannelKind.UNKNOWN else kind


def message_from_payload(
    payload: Mapping[str, object], *, channel: Channel, identity: Mapping[str, object] | None = None
) -> Message:
    """Reads a Content record: of the REST API, the `resource` of a webhook event, or of the platform API.

    Args:
        payload: The record. Its `status` says who wrote it, never who synchronised it. What a survey, an automatic
            response or `auto_submitted` created is automatic, but for a customer's request for a video call.
        channel: The channel that the record's source id and type name.
        identity: The Identity record of its author. One that users of the domain control is the agent's, whatever
            the status says.

    Raises:
        InvalidPayloadError: A record is malformed or has no id, the message is of another channel or the identity not
            its author's.
    """
    with collect_faults() as faults:
        content = PayloadReader(faults, "content", payload, resource=True)
        return read_message(
            content, channel, None if identity is None else PayloadReader(faults, "identity", identity), {}
        )


def read_message(content: PayloadReader, channel: Channel, identity: PayloadReader | None, kinds: Kinds) -> Message:
    """Reads a message; it is good only when no fault was noted."""
    check_types(Channel, channel=channel)
    content.check_id(channel.id, "the id of its channel", "source_id", "sourceId", "channelId")
    _must_be_of_kind(channel.kind, content, kinds)
    return Message(
        id=content.required(ID, "id", UNREAD),
        channel=channel,
        author=_author(content, identity),
        private=_private(content),
        intervention_id=content.optional(ID, "intervention_id", "interventionId"),
    )


def _must_be_of_kind(kind: ChannelKind, content: PayloadReader, kinds: Kinds) -> None:
    named = content.values(TEXT, "source_type", "sourceType", "channelType")
    prefixed = [(path, value) for path, value in content.values(TEXT, "type") if "/" in value]
    for path, key in named + prefixed:
        if ChannelKind.UNKNOWN not in (kind, told := _kind(key, kinds)) and told is not kind:
            content.faults.append(Fault.mismatch(path, told.value, f"of the kind {kind.value}, as its channel is"))


def _private(content: PayloadReader) -> bool | None:
    private = content.optional(FLAG, "private_message", "private")
    for path, public in content.values(FLAG, "public"):
        if public is private:
            problem = "contradicts the private flag: one must be true and the other false"
            accepted = "the opposite of the private flag"
            content.faults.append(Fault(path, problem, found="the same value", accepted=accepted))
        private = not public
    return private


def _author(content: PayloadReader, identity: PayloadReader | None) -> MessageAuthor:
    status = _folded(content.optional(TEXT, "status") or "")
    created_from = _folded(content.optional(TEXT, "created_from", "createdFrom") or "")
    submitted = content.optional(FLAG, "auto_submitted", "autoSubmitted")
    types = {_folded(key.rpartition("/")[2]) for _, key in content.values(TEXT, "type")}
    controlled = identity is not None and _is_controlled(identity, content)
    if (created_from in _AUTOMATIC or submitted) and types != {"videocallrequestmessage"}:
        return MessageAuthor.AUTOMATIC
    return MessageAuthor.AGENT if controlled else _AUTHORS.get(status, MessageAuthor.UNKNOWN)


def _is_controlled(identity: PayloadReader, content: PayloadReader) -> bool:
    identity.required(ID, "id", UNREAD)
    author_id = content.optional(ID, "author_id", "authorIdentityId")
    identity.check_id(author_id, "the author of the content", "id")
    return bool(identity.ids("user_ids", "userIds"))


def intervention_from_payload(
    payload: Mapping[str, object], *, event: str | None = None, deferred: bool | None = None
) -> Intervention:
    """Reads an Intervention record: of the REST API, or the `resource` of a webhook event.

    Its `closed` flag decides, never the localised `status` nor `closed_at`. Where the facts contradict each other the
    case is not open: closed before deferred, deferred before open.

    Args:
        payload: The record.
        event: The `type` of the webhook event it came with, such as `intervention.opened`.
        deferred: Whether it is deferred now. A date in `deferred_at` does not tell: it is documented both as when it
            was deferred and as when it will be back.

    Raises:
        InvalidPayloadError: The record is malformed or has no id, or the event leaves no case behind or is none of
            an intervention.
    """
    with collect_faults() as faults:
        return read_intervention(
            PayloadReader(faults, "intervention", payload, resource=True), event, deferred=deferred
        )


def read_intervention(record: PayloadReader, event: str | None, *, deferred: bool | None) -> Intervention:
    """Reads a case; it is good only when no fault was noted."""
    return Intervention(
        id=record.required(ID, "id", UNREAD),
        agent_id=record.optional(ID, "user_id"),
        state=_state(record, event, deferred=deferred),
    )


def _state(record: PayloadReader, event: str | None, *, deferred: bool | None) -> InterventionState:
    closed = record.optional(FLAG, "closed")
    dated = record.values(TEXT, "deferred_at")
    told = None if event is None else record.faults.parse(_EVENT, "event", event)
    after = _EVENTS[told] if told else None
    if deferred is not None:
        record.faults.parse(FLAG, "deferred", deferred)
    if closed or after is InterventionState.CLOSED:
        return InterventionState.CLOSED
    if closed is None and after is None:
        return InterventionState.UNKNOWN
    if deferred or after is InterventionState.DEFERRED:
        return InterventionState.DEFERRED
    if dated and deferred is None and after is None:
        return InterventionState.UNKNOWN
    return InterventionState.OPEN
