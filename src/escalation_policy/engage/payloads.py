"""Read the payloads of the Engage Digital API: Source, Content, Identity, Intervention, Role and User.

Hosts use the functions `…_from_payload()`. The functions `read_…()` are for other packages of this library that read several
payloads: they note faults in the `PayloadReader`, and what they return is only valid if it has none.
"""

from collections.abc import Mapping
from typing import Final

from .._enums import ChannelKind, InterventionState, Login, MessageAuthor, Permission
from .._fields import DIGITS_WORDS, check_types
from .._reading import FLAG, ID, TEXT, UNREAD, Form, PayloadReader, as_ringcentral_id, collect_faults
from .._request import ContextValue, EscalationRequest
from .._values import Agent, Channel, Domain, Intervention, Message, RingCentralUser, Role
from ..exceptions import Fault

Payload = Mapping[str, object]
Kinds = Mapping[str, ChannelKind]


def _normalize(key: str) -> str:
    """Return a key without the differences between `snake_case` and `CamelCase`."""
    return key.replace("_", "").lower()


#: Names of kinds, and other names of some: that of the platform API, and the prefixes that webhooks send to bots.
_KINDS: Final = {_normalize(kind.value): kind for kind in ChannelKind} | {
    "applemessagesforbusiness": ChannelKind.APPLE_BUSINESS_CHAT,
    "emails": ChannelKind.EMAIL,
    "twtr": ChannelKind.TWITTER,
}
#: Who wrote a message, by its `status`.
_AUTHORS: Final = {
    **dict.fromkeys(("new", "assigned", "forwarded", "replied", "ignored"), MessageAuthor.CUSTOMER),
    **dict.fromkeys(("userreply", "userinitiated"), MessageAuthor.AGENT),
}
#: What `created_from` says of messages that the platform writes itself.
_AUTOMATIC: Final = frozenset({"autosurvey", "autoresponsetrigger", "autorequestemail"})
#: What `created_from` says of messages that somebody wrote in the agent's interface or sent through the API.
_WRITTEN: Final = frozenset({"interface", "api"})
#: The state of a case after each event. None: the event does not say it. After `intervention.canceled` there is no case.
STATES_AFTER: Final = {
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
    accepted=f"one of {', '.join(STATES_AFTER)}",
    parse=lambda value: value if isinstance(value, str) and value in STATES_AFTER else None,
)
#: The fields of a role that are not flags.
_NOT_FLAGS: Final = frozenset({"id", "label", "created_at", "updated_at"})
_PERMISSIONS: Final = {permission.value: permission for permission in Permission}


def _as_extension(value: object) -> RingCentralUser | None:
    extension_id = as_ringcentral_id(value)
    return None if extension_id is None else RingCentralUser(extension_id=extension_id)


_EXTENSION: Final = Form(accepted=f"an extension id: {DIGITS_WORDS}", parse=_as_extension, blank_is_nothing=True)


def channel_from_payload(payload: Payload, *, domain_id: str, kinds: Mapping[str, ChannelKind] = {}) -> Channel:
    """Read a Source.

    Args:
        payload: The Source. Its `type` is read in any spelling; an unknown type becomes `ChannelKind.UNKNOWN`.
        domain_id: The domain that it was read from.
        kinds: The kinds of further types of this domain, by their exact spelling. They cannot redefine types of the API.

    Raises:
        InvalidPayloadError: The id is missing, or the type is not a text.
    """
    with collect_faults() as faults:
        return read_channel(PayloadReader(faults, "source", payload), domain_id, kinds)


def read_channel(source: PayloadReader, domain_id: str, kinds: Kinds) -> Channel:
    """Read a channel."""
    key = source.optional(TEXT, "type")
    return Channel(
        id=source.required(ID, "id", UNREAD),
        domain_id=domain_id,
        kind=ChannelKind.UNKNOWN if key is None else _kind(key, kinds),
    )


def check_kinds(kinds: Kinds) -> None:
    """Check that an argument maps types to kinds.

    Raises:
        InvalidValueError: It does not.
    """
    check_types(Mapping, kinds=kinds)
    for number, kind in enumerate(kinds.values()):
        check_types(ChannelKind, **{f"kinds[{number}]": kind})


def _kind(key: str, kinds: Kinds) -> ChannelKind:
    check_types(Mapping, kinds=kinds)
    prefix = key.partition("/")[0]
    # RingCX writes the types of its own channels in capitals (SMS, EMAIL, WEB_CHAT). They are not sources of Engage Digital.
    kind = ChannelKind.UNKNOWN if prefix.isupper() else _KINDS.get(_normalize(prefix), ChannelKind.UNKNOWN)
    return kinds.get(key, kinds.get(prefix, kind)) if kind is ChannelKind.UNKNOWN else kind


def message_from_payload(payload: Payload, *, channel: Channel, identity: Payload | None = None) -> Message:
    """Read a Content: of the REST API, the `resource` of a webhook event, or of the platform API.

    Args:
        payload: The Content. Its `status` decides who wrote it, not who synchronized it. A message that a survey, an
            automatic response or `auto_submitted` created is automatic, except a customer's request for a video call. If
            the status says that a customer wrote it, but a user of the domain created it, the author is unknown.
        channel: The channel that the source id and type of the Content name.
        identity: The Identity of its author. If users of the domain control the identity, the author is the agent,
            regardless of the status.

    Raises:
        InvalidPayloadError: A payload is malformed or has no id, the message is of another channel, or the identity is
            not its author's.
    """
    with collect_faults() as faults:
        author = None if identity is None else PayloadReader(faults, "identity", identity)
        return read_message(PayloadReader(faults, "content", payload, resource=True), channel, author, {})


def read_message(content: PayloadReader, channel: Channel, identity: PayloadReader | None, kinds: Kinds) -> Message:
    """Read a message."""
    check_types(Channel, channel=channel)
    content.check_id(channel.id, "the id of its channel", "source_id", "sourceId", "channelId")
    _check_kind(content, channel.kind, kinds)
    return Message(
        id=content.required(ID, "id", UNREAD),
        channel=channel,
        author=_author(content, identity),
        private=_is_private(content),
        intervention_id=content.optional(ID, "intervention_id", "interventionId"),
    )


def _check_kind(content: PayloadReader, expected: ChannelKind, kinds: Kinds) -> None:
    """Note a fault for each type that is of another kind than the channel, unless one of them is unknown."""
    types = content.values(TEXT, "source_type", "sourceType", "channelType")
    # `type` is the message's own type, and has the channel's before a slash, if at all.
    types += [(path, key) for path, key in content.values(TEXT, "type") if "/" in key]
    for path, key in types:
        kind = _kind(key, kinds)
        if kind is not expected and ChannelKind.UNKNOWN not in (kind, expected):
            content.faults.append(Fault.mismatch(path, kind.value, f"of the kind {expected.value}, as its channel is"))


def _is_private(content: PayloadReader) -> bool | None:
    private = content.optional(FLAG, "private_message", "private")
    for path, public in content.values(FLAG, "public"):
        if public is private:
            problem = "contradicts the private flag: one must be true and the other false"
            accepted = "the opposite of the private flag"
            content.faults.append(Fault(path, problem, found="the same value", accepted=accepted))
        private = not public
    return private


def _author(content: PayloadReader, identity: PayloadReader | None) -> MessageAuthor:
    status = _normalize(content.optional(TEXT, "status") or "")
    created_from = _normalize(content.optional(TEXT, "created_from", "createdFrom") or "")
    has_creator = content.optional(ID, "creator_id", "creatorId") is not None
    is_submitted = content.optional(FLAG, "auto_submitted", "autoSubmitted")
    types = {_normalize(key.rpartition("/")[2]) for _, key in content.values(TEXT, "type")}
    is_agent = identity is not None and _is_controlled(identity, content)
    if (created_from in _AUTOMATIC or is_submitted) and types != {"videocallrequestmessage"}:
        return MessageAuthor.AUTOMATIC
    author = MessageAuthor.AGENT if is_agent else _AUTHORS.get(status, MessageAuthor.UNKNOWN)
    is_contradicted = has_creator and created_from in _WRITTEN
    return MessageAuthor.UNKNOWN if author is MessageAuthor.CUSTOMER and is_contradicted else author


def _is_controlled(identity: PayloadReader, content: PayloadReader) -> bool:
    """Return whether users of the domain control the identity. Note a fault if it is not the author's."""
    identity.required(ID, "id", UNREAD)
    author_id = content.optional(ID, "author_id", "authorIdentityId")
    identity.check_id(author_id, "the author of the content", "id")
    return bool(identity.ids("user_ids", "userIds"))


def intervention_from_payload(
    payload: Payload, *, event: str | None = None, deferred: bool | None = None
) -> Intervention:
    """Read an Intervention: of the REST API, or the `resource` of a webhook event.

    Its `closed` flag decides, not the localized `status` or `closed_at`. If facts contradict each other, the case is not
    open: closed comes before deferred, and deferred before open.

    Args:
        payload: The Intervention.
        event: The `type` of its webhook event, such as `intervention.opened`.
        deferred: Whether it is deferred now. A date in `deferred_at` does not say it: it is documented both as the time
            of deferral and as the time of return.

    Raises:
        InvalidPayloadError: The payload is malformed or has no id, or the event leaves no case or is not an
            intervention's.
    """
    with collect_faults() as faults:
        return read_intervention(
            PayloadReader(faults, "intervention", payload, resource=True), event, deferred=deferred
        )


def read_intervention(intervention: PayloadReader, event: str | None, *, deferred: bool | None) -> Intervention:
    """Read a case."""
    return Intervention(
        id=intervention.required(ID, "id", UNREAD),
        agent_id=intervention.optional(ID, "user_id"),
        state=_state(intervention, event, deferred=deferred),
    )


def _state(intervention: PayloadReader, event: str | None, *, deferred: bool | None) -> InterventionState:
    closed = intervention.optional(FLAG, "closed")
    has_deferral_date = bool(intervention.values(TEXT, "deferred_at"))
    if event is not None:
        event = intervention.faults.parse(_EVENT, "event", event)
    state_after = None if event is None else STATES_AFTER[event]
    if deferred is not None:
        intervention.faults.parse(FLAG, "deferred", deferred)
    if closed or state_after is InterventionState.CLOSED:
        return InterventionState.CLOSED
    if closed is None and state_after is None:
        return InterventionState.UNKNOWN
    if deferred or state_after is InterventionState.DEFERRED:
        return InterventionState.DEFERRED
    if has_deferral_date and deferred is None and state_after is None:
        return InterventionState.UNKNOWN
    return InterventionState.OPEN


def role_from_payload(payload: Payload, *, domain_id: str) -> Role:
    """Read a Role.

    Every field that is true grants its `Permission`, or, if no `Permission` has its key, is one of the
    `unknown_permissions`. A field that is false or missing grants nothing, and neither does a new field that is no flag.

    Raises:
        InvalidPayloadError: The id or label is missing, or the flag of a `Permission` is neither true nor false.
    """
    with collect_faults() as faults:
        return read_role(PayloadReader(faults, "role", payload), domain_id)


def read_role(role: PayloadReader, domain_id: str) -> Role:
    """Read a role."""
    flags = role.flags(keys=_PERMISSIONS, apart_from=_NOT_FLAGS)
    return Role(
        id=role.required(ID, "id", UNREAD),
        domain_id=domain_id,
        label=role.required(TEXT, "label", UNREAD),
        permissions={_PERMISSIONS[key] for key in flags & _PERMISSIONS.keys()},
        unknown_permissions=flags - _PERMISSIONS.keys(),
    )


def agent_from_payload(
    payload: Payload, *, domain_id: str, role: Role, ringcentral: RingCentralUser | None = None
) -> Agent:
    """Read a User.

    Args:
        payload: The User. `rc_user_id` is the RingEX extension id of the linked user. Administrators type it by hand: if
            it is missing or not 1 to 20 digits, the agent is not linked. `external_id` serves the domain's own single
            sign-on, and `no_password` says only that there is one: neither says anything about RingCentral.
        domain_id: The domain that it was read from.
        role: The role that the User's `role_id` names.
        ringcentral: What RingCentral says about the extension, if you asked it: its account, e-mail and video access.

    Raises:
        InvalidPayloadError: The payload is malformed, lacks `id`, `enabled` or `role_id`, names another role, or
            another extension than `ringcentral`.
    """
    with collect_faults() as faults:
        return read_agent(PayloadReader(faults, "user", payload), domain_id, role, ringcentral)


def read_agent(user: PayloadReader, domain_id: str, role: Role, ringcentral: RingCentralUser | None) -> Agent:
    """Read an agent."""
    check_types(Role, role=role)
    user.required(ID, "role_id", UNREAD)
    user.check_id(role.id, "the id of the role", "role_id")
    return Agent(
        id=user.required(ID, "id", UNREAD),
        domain_id=domain_id,
        role=role,
        enabled=user.required(FLAG, "enabled", placeholder=False),
        email=user.optional(TEXT, "email"),
        ringcentral=_extension(user, ringcentral),
        team_ids=user.ids("team_ids"),
    )


def _extension(user: PayloadReader, ringcentral: RingCentralUser | None) -> RingCentralUser | None:
    """Return the linked extension, with what RingCentral says about it if that is known."""
    extension = user.lenient(_EXTENSION, "rc_user_id")
    if extension is None or ringcentral is None:
        return extension
    check_types(RingCentralUser, ringcentral=ringcentral)
    user.check_id(ringcentral.extension_id, "the extension id from RingCentral", "rc_user_id")
    return ringcentral


def request_from_payloads(  # noqa: PLR0913  # one click has as many payloads
    *,
    domain: Domain,
    user: Payload,
    role: Payload,
    source: Payload,
    content: Payload,
    intervention: Payload | None,
    login: Login,
    ringcentral: RingCentralUser | None = None,
    identity: Payload | None = None,
    kinds: Mapping[str, ChannelKind] = {},
    event: str | None = None,
    deferred: bool | None = None,
    context: Mapping[str, ContextValue] = {},
) -> EscalationRequest:
    """Read all payloads of one click, and refuse those that do not belong together.

    Args:
        domain: The domain that all payloads were read from.
        user: The agent's User.
        role: The Role that `user` names.
        source: The Source of the message's channel.
        content: The Content of the message.
        intervention: The Intervention of the case that the agent is working on. None: the agent is engaged with nobody.
        login: How the agent's session was opened; no payload says it.
        ringcentral: As for `agent_from_payload()`.
        identity: As for `message_from_payload()`.
        kinds: As for `channel_from_payload()`.
        event: As for `intervention_from_payload()`.
        deferred: As for `intervention_from_payload()`.
        context: The facts for the host's own rules.

    Raises:
        InvalidPayloadError: A payload is malformed, the user has another role (`role` is outdated), the message is on
            another channel (it was moved), the intervention is of another channel or thread, or the RingCentral ids
            disagree. The error lists all faults of all payloads.
    """
    with collect_faults() as faults:
        check_types(Domain, domain=domain)
        agent_role = read_role(PayloadReader(faults, "role", role), domain.id)
        agent = read_agent(PayloadReader(faults, "user", user), domain.id, agent_role, ringcentral)
        channel = read_channel(PayloadReader(faults, "source", source), domain.id, kinds)
        post = PayloadReader(faults, "content", content, resource=True)
        author = None if identity is None else PayloadReader(faults, "identity", identity)
        message = read_message(post, channel, author, kinds)
        case = None
        if intervention is not None:
            engagement = PayloadReader(faults, "intervention", intervention, resource=True)
            case = read_intervention(engagement, event, deferred=deferred)
            engagement.check_id(channel.id, "the id of the content's channel", "source_id")
            engagement.check_id(post.optional(ID, "thread_id", "threadId"), "the thread of the content", "thread_id")
        return EscalationRequest(
            domain=domain, agent=agent, login=login, message=message, intervention=case, context=context
        )
