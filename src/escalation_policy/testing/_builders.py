"""Builders: valid values that `ESCALATE_TO_VIDEO` allows, except for the fields that a test passes by keyword.

Ids that refer to each other stay consistent. A part that is passed as a whole stays as it is, and the defaults of the
other fields follow it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict, TypeVar, Unpack, cast

import attrs

from .. import (
    ESCALATE_TO_VIDEO,
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    Policy,
    RingCentralUser,
    Role,
    VideoAccess,
)
from .._fields import closest, kind_of, with_article
from ..analysis.typical import INTERVENTION, RINGCENTRAL_USER, TYPICAL
from ._assertions import check_codes, check_request
from ._search import Names, Search

T = TypeVar("T")
Q = TypeVar("Q")


class DomainFields(TypedDict, total=False):
    """The keywords of `a_domain()`."""

    id: str
    ringcentral_account_id: str | None


class RoleFields(TypedDict, total=False):
    """The keywords of `a_role()`."""

    id: str
    domain_id: str
    label: str
    permissions: Iterable[Permission]
    unknown_permissions: Iterable[str]


class RingCentralUserFields(TypedDict, total=False):
    """The keywords of `a_ringcentral_user()`."""

    extension_id: str
    account_id: str | None
    video: VideoAccess
    email: str | None


class ChannelFields(TypedDict, total=False):
    """The keywords of `a_channel()`."""

    id: str
    domain_id: str
    kind: ChannelKind


class InterventionFields(TypedDict, total=False):
    """The keywords of `an_intervention()`."""

    id: str
    agent_id: str | None
    state: InterventionState


class _AgentPartFields(TypedDict, total=False):
    role: Role
    enabled: bool
    email: str | None
    ringcentral: RingCentralUser | None
    team_ids: Iterable[str]
    led_team_ids: Iterable[str]
    role_id: str
    role_domain_id: str
    role_label: str
    permissions: Iterable[Permission]
    unknown_permissions: Iterable[str]
    extension_id: str
    account_id: str | None
    video: VideoAccess
    ringcentral_email: str | None


class AgentFields(_AgentPartFields, total=False):
    """The keywords of `an_agent()`: its own fields, and those of its role and extension."""

    id: str
    domain_id: str


class _MessagePartFields(TypedDict, total=False):
    channel: Channel | ChannelKind
    channel_id: str
    channel_domain_id: str
    author: MessageAuthor
    private: bool | None
    intervention_id: str | None


class MessageFields(_MessagePartFields, total=False):
    """The keywords of `a_message()`: its own fields, and those of its channel."""

    id: str


class RequestFields(_AgentPartFields, _MessagePartFields, total=False):
    """The keywords of `a_request()`: its own fields, and those of all its parts."""

    domain: Domain
    agent: Agent
    login: Login
    message: Message
    intervention: Intervention | None
    context: Mapping[str, str | int | bool]
    domain_id: str
    ringcentral_account_id: str | None
    agent_id: str
    agent_domain_id: str
    message_id: str
    intervention_agent_id: str | None
    state: InterventionState


#: For each keyword, the dotted path of the field that it sets, and then the paths of the fields that refer to it.
Places = Mapping[str, tuple[str, ...]]


def _below(part: str, places: Places) -> Places:
    return {keyword: tuple(f"{part}.{path}" for path in paths) for keyword, paths in places.items()}


def _fields_of(cls: type) -> Places:
    return {name: (name,) for name in attrs.fields_dict(cls)}


_AGENT_PARTS: Final[Places] = {
    **{name: (name,) for name in ("role", "enabled", "email", "ringcentral", "team_ids", "led_team_ids")},
    **{f"role_{name}": (f"role.{name}",) for name in ("id", "domain_id", "label")},
    **{name: (f"role.{name}",) for name in ("permissions", "unknown_permissions")},
    **{name: (f"ringcentral.{name}",) for name in ("extension_id", "account_id", "video")},
    "ringcentral_email": ("ringcentral.email",),
}
_MESSAGE_PARTS: Final[Places] = {
    **{name: (name,) for name in ("channel", "author", "private", "intervention_id")},
    **{f"channel_{name}": (f"channel.{name}",) for name in ("id", "domain_id")},
}
_REQUEST: Final[Places] = {
    "domain": ("domain",),
    "domain_id": ("domain.id", "agent.domain_id", "agent.role.domain_id", "message.channel.domain_id"),
    "ringcentral_account_id": ("domain.ringcentral_account_id", "agent.ringcentral.account_id"),
    "agent": ("agent",),
    "agent_id": ("agent.id", "intervention.agent_id"),
    "agent_domain_id": ("agent.domain_id",),
    **_below("agent", _AGENT_PARTS),
    "login": ("login",),
    "message": ("message",),
    "message_id": ("message.id",),
    **_below("message", _MESSAGE_PARTS),
    "intervention": ("intervention",),
    "intervention_id": ("message.intervention_id", "intervention.id"),
    "intervention_agent_id": ("intervention.agent_id",),
    "state": ("intervention.state",),
    "context": ("context",),
}
#: The keywords of each builder.
PLACES: Final[Mapping[str, Places]] = {
    "a_domain": _fields_of(Domain),
    "a_role": _fields_of(Role),
    "a_ringcentral_user": _fields_of(RingCentralUser),
    "an_agent": {"id": ("id",), "domain_id": ("domain_id", "role.domain_id"), **_AGENT_PARTS},
    "a_channel": _fields_of(Channel),
    "a_message": {"id": ("id",), **_MESSAGE_PARTS},
    "an_intervention": _fields_of(Intervention),
    "a_request": _REQUEST,
}
#: For each part of a request that can be passed as a whole, its fields that other parts refer to.
_REFERENCES: Final[Mapping[str, Places]] = {
    "domain": {"id": _REQUEST["domain_id"][1:], "ringcentral_account_id": ("agent.ringcentral.account_id",)},
    "agent": {"id": ("intervention.agent_id",)},
    "message": {"intervention_id": ("intervention.id",)},
    "intervention": {"id": ("message.intervention_id",)},
}


def a_domain(**fields: Unpack[DomainFields]) -> Domain:
    """Make the domain `acme`, which is associated with a RingCentral account."""
    return _build("a_domain", TYPICAL.domain, fields)


def a_role(**fields: Unpack[RoleFields]) -> Role:
    """Make a role whose only permission is `escalate_to_video`."""
    return _build("a_role", TYPICAL.agent.role, fields)


def a_ringcentral_user(**fields: Unpack[RingCentralUserFields]) -> RingCentralUser:
    """Make an extension of the domain's RingCentral account, with access to RingCentral Video."""
    return _build("a_ringcentral_user", RINGCENTRAL_USER, fields)


def an_agent(**fields: Unpack[AgentFields]) -> Agent:
    """Make an enabled agent of the domain, with that role and extension. Their fields are keywords, too."""
    return _build("an_agent", TYPICAL.agent, fields)


def a_channel(**fields: Unpack[ChannelFields]) -> Channel:
    """Make a WhatsApp channel of the domain."""
    return _build("a_channel", TYPICAL.message.channel, fields)


def a_message(**fields: Unpack[MessageFields]) -> Message:
    """Make a customer's message on that channel, whose fields are keywords, too. `channel` may be a `ChannelKind`."""
    return _build("a_message", TYPICAL.message, fields)


def an_intervention(**fields: Unpack[InterventionFields]) -> Intervention:
    """Make the open case of the message, assigned to the agent."""
    return _build("an_intervention", INTERVENTION, fields)


def a_request(
    *,
    policy: Policy[EscalationRequest] | None = None,
    denied_by: str | Iterable[str] = (),
    **fields: Unpack[RequestFields],
) -> EscalationRequest:
    """Make a request that `ESCALATE_TO_VIDEO` allows, except for the fields that you pass.

    Args:
        policy: Another policy that must allow the request. If your fields make that impossible, they stay, and the
            policy denies the request.
        denied_by: The code of a rule, or several codes: make the nearest request that the policy (by default,
            `ESCALATE_TO_VIDEO`) denies for exactly these. Single facts that you pass stay; parts that you pass as a
            whole may change.
        fields: Fields of the request and of all its parts. If several parts have a field of that name, the keyword
            starts with the part, such as `agent_id`. An id is set in all places that refer to it, except in parts that
            you pass as a whole.

    Raises:
        TypeError: There is no such field.
        InvalidValueError: A field does not accept its value.
        NoSuchRequestError: The search found no such request. The message names the rules or predicates in the way.
        NoSuchRuleError: The policy has no rule with that code.
    """
    request = _build("a_request", TYPICAL, fields)
    deciding = ESCALATE_TO_VIDEO if policy is None else policy
    check_request(deciding, request)
    if denied_by != ():
        facts = {keyword: value for keyword, value in fields.items() if value is None or not _is_part(keyword, value)}
        return Search(deciding, TYPICAL).denied(request, check_codes(deciding, denied_by), fixed=_names_of(facts))
    if policy is not None:
        return Search(policy, TYPICAL).allowed(request, fixed=_names_of(fields))
    return request


def start_for(policy: Policy[Q], like: Q | None) -> Q:
    """Return the request from which others are made: `like` or, for policies over `EscalationRequest`, the typical one.

    Raises:
        TypeError: The policy is over another type, and `like` is not of that type.
    """
    __tracebackhide__ = True
    start: Any = TYPICAL if like is None else like
    if not issubclass(type(start), policy.request_type):
        accepted = with_article(policy.request_type.__name__)
        raise TypeError(f"policy {policy.id!r} decides about {accepted}: pass one as like, got {kind_of(like)}")
    return cast("Q", start)


def _names_of(fields: Mapping[str, Any]) -> list[Names]:
    """Return the facts that these keywords set."""
    context = [("context", name) for name in fields.get("context", ())]
    paths = [_path_for(path, value) for keyword, value in fields.items() for path in _REQUEST[keyword]]
    return context + [tuple(path.split(".")) for path in paths if path != "context"]


def _build(builder: str, typical: T, fields: Mapping[str, Any]) -> T:
    """Set all fields in the typical value, whole parts first."""
    places = PLACES[builder]
    for keyword in fields:
        if keyword not in places:
            key = closest(keyword, places)
            hint = f"did you mean {key}?" if key else f"only {', '.join(places)}"
            raise TypeError(f"{builder}() takes no argument of that name, {hint}")
    parts = [places[keyword][0] for keyword, value in fields.items() if _is_part(keyword, value)]
    order = sorted(fields, key=lambda keyword: (places[keyword][0] not in parts, list(places).index(keyword)))
    value: Any = typical
    for keyword in order:
        field, (path, *others) = fields[keyword], places[keyword]
        if _owner(value, path) is None:
            raise TypeError(f"{builder}() got {keyword}, but nothing to put it on: {path.rpartition('.')[0]} is None")
        value = _with(value, _path_for(path, field), field)
        for other, reference in _references(keyword, field, others):
            in_part = any(other.startswith(f"{part}.") for part in parts)
            if reference is not None and not in_part and _owner(value, other) is not None:
                value = _with(value, other, reference)
    return cast("T", value)


def _references(keyword: str, value: object, paths: Iterable[str]) -> list[tuple[str, object]]:
    """Return the other fields that refer to this value, or to a field of this part, and what to set them to."""
    fields = {} if value is None else _REFERENCES.get(keyword, {})
    of_fields = [(path, getattr(value, name)) for name, others in fields.items() for path in others]
    return of_fields + [(path, value) for path in paths]


def _is_part(keyword: str, value: object) -> bool:
    """Return whether a value is a whole part of a request, and not a single fact."""
    is_part = attrs.has(type(value)) and not isinstance(value, Mapping)
    return is_part or (value is None and keyword in ("intervention", "ringcentral"))


def _path_for(path: str, value: object) -> str:
    """Return the path of the field to set. A `ChannelKind` for a channel is the kind of the channel."""
    return f"{path}.kind" if isinstance(value, ChannelKind) and path.endswith("channel") else path


def _owner(value: Any, path: str) -> object:
    """Return the part that a field belongs to. None if the request has no such part."""
    for name in path.split(".")[:-1]:
        value = getattr(value, name)
        if value is None:
            return None
    return value


def _with(part: Any, path: str, value: object) -> Any:
    name, _, rest = path.partition(".")
    return attrs.evolve(part, **{name: _with(getattr(part, name), rest, value) if rest else value})
