"""Creating, editing and assigning roles: the decision and its result."""

from collections.abc import Iterable
from enum import StrEnum, unique
from typing import Final, final

import attrs

from .._engine.decision import Decision
from .._enums import Permission
from .._fields import check_types, checked, kind_of
from .._values import Agent, Role
from ..exceptions import Fault, InvalidValueError
from ._directory import check_agent_copies, check_role_copies, list_of
from ._policies import ASSIGN_ROLE, CREATE_ROLE, EDIT_ROLE, RoleChange, RoleHandover, leads

#: The permissions, with a known key, of features that can be deactivated on the platform.
_CAN_BE_DEACTIVATED: Final = frozenset({Permission.USE_COBROWSING})
#: Permissions that `GET /roles` returns and `PUT /roles/{roleId}` does not accept.
_NOT_WRITABLE: Final = frozenset(
    {
        Permission.ANONYMIZE_IDENTITY,
        Permission.EXPORT_IDENTITY,
        Permission.LOCK_IDENTITY,
        Permission.MANAGE_MESSAGING,
        Permission.USE_COBROWSING,
    }
)


@final
@unique
class IgnoredBecause(StrEnum):
    """Why the API saves a role without one of the changes, without an error."""

    EDITOR_LACKS_IT = "editor_lacks_it"
    NOT_WRITABLE = "not_writable"
    NOT_A_PUT_FIELD = "not_a_put_field"


@final
@attrs.frozen(field_transformer=checked)
class Ignored:
    """One change that `PUT /roles/{roleId}` drops without an error.

    Attributes:
        field: The key of the permission, or `label`.
        because: The reason.
    """

    field: str
    because: IgnoredBecause


@final
@attrs.frozen(kw_only=True)
class RoleCreation:
    """The result of `create_role()`.

    Attributes:
        role: The new role. None if it may not be created.
    """

    decision: Decision[RoleChange]
    role: Role | None


@final
@attrs.frozen(kw_only=True)
class RoleEdit:
    """The result of `edit_role()`: the decision by the rules of Engage Digital's pages, and what its API would do.

    Attributes:
        role: The edited role. If it may not be edited, the unchanged role.
        saved_by_api: The role after a `PUT /roles/{roleId}` by this editor. The API has no exception for deactivated
            features. It rejects a role with permissions that the editor lacks, and otherwise saves what it can.
        ignored: The changes that it would drop without an error; empty if it rejects the role.
    """

    decision: Decision[RoleChange]
    role: Role
    saved_by_api: Role
    ignored: tuple[Ignored, ...]


@final
@attrs.frozen(kw_only=True)
class RoleAssignment:
    """The result of `assign_role()`.

    An agent has one role, so they lose the permissions that the new role does not hold.

    Attributes:
        agent: The agent with the new role. If it may not be assigned, the unchanged agent.
        gains: The permissions of the new role that the old one lacks, with the keys of unknown permissions.
        loses: The permissions of the old role that the new one lacks.
    """

    decision: Decision[RoleHandover]
    agent: Agent
    gains: frozenset[str]
    loses: frozenset[str]


def create_role(editor: Agent, *, id: str, label: str, permissions: Iterable[Permission] = ()) -> RoleCreation:  # noqa: A002
    """Decide whether an editor may create a role in their domain, and make the role.

    Args:
        editor: The agent who would save it.
        id: The id of the new role. It must be unique.
        label: The label. Spaces around it are dropped.
        permissions: The permissions to grant. A new role has none.

    Raises:
        InvalidValueError: The label is blank, or an argument has another type.
    """
    check_types(Agent, editor=editor)
    role = Role(id=id, domain_id=editor.domain_id, label=_label(label))
    granted = _permissions("permissions", permissions)
    request = RoleChange(editor=editor, role=role, compared=frozenset(), granted=granted, grants_deactivated=False)
    decision = CREATE_ROLE.decide(request)
    return RoleCreation(decision=decision, role=role.grant(*granted) if decision.allowed else None)


def edit_role(  # noqa: PLR0913  # an edit has as many sides
    editor: Agent,
    role: Role,
    *,
    grant: Iterable[Permission] = (),
    revoke: Iterable[Permission] = (),
    label: str | None = None,
    deactivated: Iterable[Permission] = (),
) -> RoleEdit:
    """Decide whether an editor may edit a role, and edit it.

    Args:
        editor: The agent who would save it.
        role: The present role.
        grant: Permissions to grant.
        revoke: Permissions to revoke.
        label: The new label. Spaces around it are dropped. None: keep the present label.
        deactivated: Permissions of features that are deactivated on the platform. Only `use_cobrowsing` is known to be one.
            The role may hold them even if the editor lacks them, but they cannot be granted.

    Raises:
        InvalidValueError: An argument has another type, the label is blank, a permission is both granted and revoked,
            `deactivated` has a permission that cannot be deactivated, or the role differs from the editor's copy of it.
    """
    check_types(Agent, editor=editor)
    check_types(Role, role=role)
    check_role_copies("role", role, editor.role)
    granted, revoked = _permissions("grant", grant), _permissions("revoke", revoke)
    inactive = _permissions("deactivated", deactivated)
    if both := ", ".join(sorted(granted & revoked)):
        raise InvalidValueError(Fault("revoke", f"and grant both name {both}", found=both))
    if others := ", ".join(sorted(inactive - _CAN_BE_DEACTIVATED)):
        accepted = ", ".join(sorted(_CAN_BE_DEACTIVATED))
        problem = f"names {others}, but only {accepted} can be deactivated"
        raise InvalidValueError(Fault("deactivated", problem, found=others, accepted=accepted))
    edited = role.grant(*granted).revoke(*revoked)
    edited = edited if label is None else edited.relabel(_label(label))
    request = RoleChange(
        editor=editor,
        role=role,
        compared=role.permissions - inactive,
        granted=granted,
        grants_deactivated=not granted.isdisjoint(inactive),
    )
    decision = EDIT_ROLE.decide(request)
    saved, ignored = _saved_by_api(request, edited)
    return RoleEdit(decision=decision, role=edited if decision.allowed else role, saved_by_api=saved, ignored=ignored)


def _saved_by_api(request: RoleChange, edited: Role) -> tuple[Role, tuple[Ignored, ...]]:
    """Return the role that the API would save, and the changes that it would drop."""
    role, editor_permissions = request.role, request.editor.role.permissions
    # The API checks the role as a whole, and each permission to grant on its own.
    without_grants = attrs.evolve(request, compared=role.permissions, granted=frozenset(), grants_deactivated=False)
    if not EDIT_ROLE.allows(without_grants):
        return role, ()
    changed = edited.permissions ^ role.permissions
    because = dict.fromkeys(changed - editor_permissions, IgnoredBecause.EDITOR_LACKS_IT)
    # This reason is the stronger one: another editor would not help.
    because |= dict.fromkeys(changed & _NOT_WRITABLE, IgnoredBecause.NOT_WRITABLE)
    ignored = [Ignored(permission.value, because[permission]) for permission in sorted(because)]
    if edited.label != role.label:
        ignored.append(Ignored("label", IgnoredBecause.NOT_A_PUT_FIELD))
    saved = attrs.evolve(role, permissions=role.permissions ^ (changed - because.keys()))
    return saved, tuple(ignored)


def assign_role(editor: Agent, agent: Agent, role: Role) -> RoleAssignment:
    """Decide whether an editor may replace the role of an agent, and replace it.

    Raises:
        InvalidValueError: An argument has another type, or two copies of one role, or of the editor, differ.
    """
    check_types(Agent, editor=editor, agent=agent)
    check_types(Role, role=role)
    check_role_copies("role", role, editor.role, agent.role)
    check_role_copies("agent.role", agent.role, editor.role)
    check_agent_copies("agent", agent, [editor])
    decision = ASSIGN_ROLE.decide(RoleHandover(editor=editor, agent=agent, role=role, leads_agent=leads(editor, agent)))
    old, new = ({*value.permissions, *value.unknown_permissions} for value in (agent.role, role))
    return RoleAssignment(
        decision=decision,
        agent=attrs.evolve(agent, role=role) if decision.allowed else agent,
        gains=frozenset(new - old),
        loses=frozenset(old - new),
    )


def _label(label: object) -> str:
    if not isinstance(label, str) or not any(char.isprintable() for char in label.strip()):
        description = "a blank str" if isinstance(label, str) else kind_of(label)
        raise InvalidValueError(Fault.mismatch("label", description, "a non-blank str"))
    return label.strip()


def _permissions(name: str, values: Iterable[Permission]) -> frozenset[Permission]:
    return frozenset(list_of(Permission, name, values))
