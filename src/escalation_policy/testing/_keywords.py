"""What the builders take by keyword, and where it goes."""

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

import attrs

from .. import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    RingCentralUser,
    Role,
    VideoAccess,
)


class DomainFields(TypedDict, total=False):
    """What `a_domain()` takes."""

    id: str
    ringcentral_account_id: str | None


class RoleFields(TypedDict, total=False):
    """What `a_role()` takes."""

    id: str
    domain_id: str
    label: str
    permissions: Iterable[Permission]
    unknown_permissions: Iterable[str]


class RingCentralUserFields(TypedDict, total=False):
    """What `a_ringcentral_user()` takes."""

    extension_id: str
    account_id: str | None
    video: VideoAccess
    email: str | None


class ChannelFields(TypedDict, total=False):
    """What `a_channel()` takes."""

    id: str
    domain_id: str
    kind: ChannelKind


class InterventionFields(TypedDict, total=False):
    """What `an_intervention()` takes."""

    id: str
    agent_id: str | None
    state: InterventionState


class _OfAgent(TypedDict, total=False):
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


class AgentFields(_OfAgent, total=False):
    """What `an_agent()` takes: its own fields, and those of its role and extension."""

    id: str
    domain_id: str


class _OfMessage(TypedDict, total=False):
    channel: Channel | ChannelKind
    channel_id: str
    channel_domain_id: str
    author: MessageAuthor
    private: bool | None
    intervention_id: str | None


class MessageFields(_OfMessage, total=False):
    """What `a_message()` takes: its own fields, and those of its channel."""

    id: str


class RequestFields(_OfAgent, _OfMessage, total=False):
    """What `a_request()` takes: its own fields, and those of all its parts."""

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


#: For each keyword the place that it sets, by its dotted name, and then the places that refer to it.
Places = Mapping[str, tuple[str, ...]]


def _below(part: str, places: Places) -> Places:
    return {keyword: tuple(f"{part}.{place}" for place in each) for keyword, each in places.items()}


def _own(cls: type) -> Places:
    return {name: (name,) for name in attrs.fields_dict(cls)}


_OF_AGENT: Final[Places] = {
    **{name: (name,) for name in ("role", "enabled", "email", "ringcentral", "team_ids", "led_team_ids")},
    **{f"role_{name}": (f"role.{name}",) for name in ("id", "domain_id", "label")},
    **{name: (f"role.{name}",) for name in ("permissions", "unknown_permissions")},
    **{name: (f"ringcentral.{name}",) for name in ("extension_id", "account_id", "video")},
    "ringcentral_email": ("ringcentral.email",),
}
_OF_MESSAGE: Final[Places] = {
    **{name: (name,) for name in ("channel", "author", "private", "intervention_id")},
    **{f"channel_{name}": (f"channel.{name}",) for name in ("id", "domain_id")},
}
DOMAIN: Final = _own(Domain)
ROLE: Final = _own(Role)
RINGCENTRAL_USER: Final = _own(RingCentralUser)
AGENT: Final[Places] = {"id": ("id",), "domain_id": ("domain_id", "role.domain_id"), **_OF_AGENT}
CHANNEL: Final = _own(Channel)
MESSAGE: Final[Places] = {"id": ("id",), **_OF_MESSAGE}
INTERVENTION: Final = _own(Intervention)
REQUEST: Final[Places] = {
    "domain": ("domain",),
    "domain_id": ("domain.id", "agent.domain_id", "agent.role.domain_id", "message.channel.domain_id"),
    "ringcentral_account_id": ("domain.ringcentral_account_id", "agent.ringcentral.account_id"),
    "agent": ("agent",),
    "agent_id": ("agent.id", "intervention.agent_id"),
    "agent_domain_id": ("agent.domain_id",),
    **_below("agent", _OF_AGENT),
    "login": ("login",),
    "message": ("message",),
    "message_id": ("message.id",),
    **_below("message", _OF_MESSAGE),
    "intervention": ("intervention",),
    "intervention_id": ("message.intervention_id", "intervention.id"),
    "intervention_agent_id": ("intervention.agent_id",),
    "state": ("intervention.state",),
    "context": ("context",),
}
#: For each part that can be given whole: what of it stands elsewhere too.
FOLLOWING: Final[Mapping[str, Places]] = {
    "domain": {"id": REQUEST["domain_id"][1:], "ringcentral_account_id": ("agent.ringcentral.account_id",)},
    "agent": {"id": ("intervention.agent_id",)},
    "message": {"intervention_id": ("intervention.id",)},
    "intervention": {"id": ("message.intervention_id",)},
}
