"""Values of Engage Digital and RingCentral: domains, roles, agents, channels, messages and cases.

Every value is immutable. It exists only if it is valid, and is never checked again. Arguments that its fields do not
accept raise `InvalidValueError`.
"""

from collections.abc import Iterable
from typing import final

import attrs

from ._enums import ChannelKind, InterventionState, MessageAuthor, Permission, VideoAccess
from ._fields import DIGITS, PRIVATE, UNKNOWN_WHEN_NONE, checked, to_frozenset
from .exceptions import Fault, InvalidValueError


# Type checkers read from a converter's signature what a field accepts, so each element type has its own function.
def _to_strs(values: Iterable[str]) -> frozenset[str]:
    return to_frozenset(values)


def _to_permissions(values: Iterable[Permission]) -> frozenset[Permission]:
    return to_frozenset(values)


def _check_unknown(_: object, field: "attrs.Attribute[frozenset[str]]", keys: frozenset[str]) -> None:
    """Check that no key is one of a `Permission`."""
    if permissions := ", ".join(sorted(keys.intersection(map(str, Permission)))):
        problem = f"names {permissions}: keys of a Permission belong in permissions"
        raise InvalidValueError(
            Fault(f"Role.{field.name}", problem, found=permissions, accepted="keys of no Permission")
        )


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Domain:
    """A tenant of Engage Digital.

    Attributes:
        id: The domain's id or name. It is only compared.
        ringcentral_account_id: The RingCentral account that it is associated with, 1 to 20 ASCII digits. None: there is
            no such account.
    """

    id: str
    ringcentral_account_id: str | None = attrs.field(default=None, validator=DIGITS, metadata={PRIVATE: "account"})


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Role:
    """A set of permissions that agents share. A new role has none: all permissions are unchecked.

    Attributes:
        label: Its name. It identifies nothing, as administrators rename even the default roles.
        unknown_permissions: Flags of a newer API that are true. They grant nothing here, but are not lost.
    """

    id: str
    domain_id: str
    label: str = attrs.field(metadata={PRIVATE: "label"})
    permissions: frozenset[Permission] = attrs.field(default=frozenset[Permission](), converter=_to_permissions)
    unknown_permissions: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_to_strs, validator=_check_unknown
    )

    def grant(self, *permissions: Permission) -> "Role":
        """Return a copy of the role with these permissions added."""
        return attrs.evolve(self, permissions=[*self.permissions, *permissions])

    def revoke(self, *permissions: Permission) -> "Role":
        """Return a copy of the role without these permissions."""
        return attrs.evolve(self, permissions=self.grant(*permissions).permissions.difference(permissions))

    def relabel(self, label: str) -> "Role":
        """Return a copy of the role with another label, stripped of surrounding space."""
        return attrs.evolve(self, label=label.strip() if isinstance(label, str) else label)  # pyright: ignore[reportUnnecessaryIsInstance]


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class RingCentralUser:
    """The RingEX extension behind an agent.

    Attributes:
        extension_id: The "RingCentral ID" of the agent's profile, 1 to 20 ASCII digits.
        account_id: The RingCentral account that it belongs to, 1 to 20 ASCII digits. None: unknown.
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
        enabled: Whether the account may be used. It has no default, so nobody is enabled by omission.
        ringcentral: The linked RingEX extension. None: the profile holds no RingCentral ID.
        team_ids: The teams that the agent is in.
        led_team_ids: The teams that the agent leads.
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
        private: Whether only the customer and the company see it. None: unknown.
        intervention_id: The case that it belongs to. None: unknown.
    """

    id: str
    channel: Channel
    author: MessageAuthor
    private: bool | None = attrs.field(default=None, metadata={UNKNOWN_WHEN_NONE: True})
    intervention_id: str | None = attrs.field(default=None, metadata={UNKNOWN_WHEN_NONE: True})


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Intervention:
    """A case: the engagement of an agent with a customer. The Engage Digital API calls it an *intervention*.

    Attributes:
        agent_id: The agent that it is assigned to. None: it is not assigned.
    """

    id: str
    agent_id: str | None
    state: InterventionState
