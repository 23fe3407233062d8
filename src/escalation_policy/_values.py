"""What Engage Digital and RingCentral know: domains, roles, agents, channels, messages, cases.

Every value is immutable, is valid once it exists, and is never checked again. Making one from something that its
fields do not accept raises `InvalidValueError`.
"""

from collections.abc import Iterable
from typing import final

import attrs

from ._enums import ChannelKind, InterventionState, MessageAuthor, Permission, VideoAccess
from ._fields import DIGITS, PRIVATE, UNKNOWN_WHEN_NONE, checked, to_frozenset
from .exceptions import Fault, InvalidValueError


# The type checkers read what a field accepts from its converter, and want it spelled out.
def _to_strs(values: Iterable[str]) -> frozenset[str]:
    return to_frozenset(values)


def _to_permissions(values: Iterable[Permission]) -> frozenset[Permission]:
    return to_frozenset(values)


def _check_unknown(_: object, field: "attrs.Attribute[frozenset[str]]", keys: frozenset[str]) -> None:
    if known := ", ".join(sorted(keys.intersection(map(str, Permission)))):
        problem = f"names {known}: keys of a Permission belong in permissions"
        raise InvalidValueError(Fault(f"Role.{field.name}", problem, found=known, accepted="keys of no Permission"))


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Domain:
    """A tenant of Engage Digital.

    Attributes:
        id: The domain's id or name; only compared.
        ringcentral_account_id: The RingCentral account it is associated with, 1 to 20 ASCII digits. None: with none.
    """

    id: str
    ringcentral_account_id: str | None = attrs.field(default=None, validator=DIGITS, metadata={PRIVATE: "account"})


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Role:
    """What its holders may do. A new role may nothing: all permissions are unchecked.

    Attributes:
        label: What administrators call it. They rename even the default roles: it identifies nothing.
        unknown_permissions: Flags of a newer API that are on; they grant nothing, but they are not nothing.
    """

    id: str
    domain_id: str
    label: str = attrs.field(metadata={PRIVATE: "label"})
    permissions: frozenset[Permission] = attrs.field(default=frozenset[Permission](), converter=_to_permissions)
    unknown_permissions: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_to_strs, validator=_check_unknown
    )

    def grant(self, *permissions: Permission) -> "Role":
        """Makes a role that holds these permissions too."""
        return attrs.evolve(self, permissions=[*self.permissions, *permissions])

    def revoke(self, *permissions: Permission) -> "Role":
        """Makes a role that holds none of these permissions."""
        return attrs.evolve(self, permissions=self.grant(*permissions).permissions.difference(permissions))

    def relabel(self, label: str) -> "Role":
        """Makes a role with another label, without the space around it."""
        return attrs.evolve(self, label=label.strip() if isinstance(label, str) else label)  # pyright: ignore[reportUnnecessaryIsInstance]


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class RingCentralUser:
    """The RingEX extension behind an agent.

    Attributes:
        extension_id: The "RingCentral ID" of the agent's profile, 1 to 20 ASCII digits.
        account_id: The RingCentral account it belongs to, 1 to 20 ASCII digits. None: we were not told.
        video: Whether it has RingCentral Video.
    """

    extension_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "extension"})
    account_id: str | None = attrs.field(
        default=None, validator=DIGITS, metadata={PRIVATE: "account", UNKNOWN_WHEN_NONE: True}
    )
    video: VideoAccess = VideoAccess.UNKNOWN
    email: str | None = attrs.field(default=None, metadata={PRIVATE: "email"})


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Agent:
    """A user of Engage Digital who answers customers.

    Attributes:
        enabled: Whether the account may be used at all. It has no default: nobody is enabled by omission.
        ringcentral: The linked RingEX extension. None: the profile holds no RingCentral ID.
        team_ids: The teams the agent is in.
        led_team_ids: The teams the agent leads.
    """

    id: str
    domain_id: str
    role: Role
    enabled: bool
    email: str | None = attrs.field(default=None, metadata={PRIVATE: "email"})
    ringcentral: RingCentralUser | None = None
    team_ids: frozenset[str] = attrs.field(default=frozenset[str](), converter=_to_strs)
    led_team_ids: frozenset[str] = attrs.field(default=frozenset[str](), converter=_to_strs)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Channel:
    """One account on one medium: a *source* of the Engage Digital API."""

    id: str
    domain_id: str
    kind: ChannelKind


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Message:
    """One message on a channel: a *content* of the Engage Digital API.

    Attributes:
        private: Whether only the customer and the company see it. None: we were not told.
        intervention_id: The case it belongs to. None: we were not told of any.
    """

    id: str
    channel: Channel
    author: MessageAuthor
    private: bool | None = attrs.field(default=None, metadata={UNKNOWN_WHEN_NONE: True})
    intervention_id: str | None = attrs.field(default=None, metadata={UNKNOWN_WHEN_NONE: True})


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Intervention:
    """The case that makes an agent engaged with a customer.

    Attributes:
        agent_id: The agent it is assigned to. None: nobody.
    """

    id: str
    agent_id: str | None
    state: InterventionState
