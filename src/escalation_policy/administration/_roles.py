"""Roles: who may create, edit and assign them, and what comes of it."""

from collections.abc import Iterable
from enum import StrEnum, unique
from typing import Final, TypeVar, final

import attrs

from .._engine.decision import Decision
from .._enums import Permission
from .._fields import check_types, checked, is_collection, kind_of
from .._values import Agent, Role
from ..exceptions import Fault, InvalidValueError
from ._requests import ASSIGN_ROLE, CREATE_ROLE, EDIT_ROLE, RoleChange, RoleHandover

_T = TypeVar("_T")

#: Permissions of features that can be deactivated on the platform, as far as their keys are known.
_CAN_BE_DEACTIVATED: Final = frozenset({Permission.USE_COBROWSING})
#: What to do about two copies that differ.
LOAD_AGAIN: Final = "one of the two is out of date, so load both again"
#: What `GET /roles` shows and `PUT /roles/{roleId}` does not take.
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
    """Why the API saves a role without one of the changes, and says nothing."""

    EDITOR_LACKS_IT = "editor_lacks_it"
    NOT_WRITABLE = "not_writable"
    NOT_A_PUT_FIELD = "not_a_put_field"


@final
@attrs.frozen(field_transformer=checked)
class Ignored:
    """One change that `PUT /roles/{roleId}` drops silently.

    Attributes:
        field: The key of the permission, or `label`.
        because: Why.
    """

    field: str
    because: IgnoredBecause


@final
@attrs.frozen(kw_only=True)
class RoleCreation:
    """Whether a role may be created.

    Attributes:
        role: The new role; None where it may not.
    """

    decision: Decision[RoleChange]
    role: Role | None


@final
@attrs.frozen(kw_only=True)
class RoleEdit:
    """Whether a role may be edited, as Engage Digital's pages decide it, and what its API would do.

    Attributes:
        role: The edited role; where it may not be edited, as it was.
        saved_by_api: The role after a `PUT /roles/{roleId}` by this editor. The API has no exception for deactivated
            features, refuses a role that holds more than the editor's, and saves of the rest what it can.
        ignored: What it would leave out of that silently; nothing where it refuses.
    """

    decision: Decision[RoleChange]
    role: Role
    saved_by_api: Role
    ignored: tuple[Ignored, ...]


@final
@attrs.frozen(kw_only=True)
class RoleAssignment:
    """Whether a role may be assigned.

    An agent has one role: with the new one they lose whatever it does not hold.

    Attributes:
        agent: The agent with the new role; where it may not be assigned, as they were.
        gains: What the new role permits and the old one does not: permissions, and the keys of flags that are none.
        loses: What the old role permits and the new one does not.
    """

    decision: Decision[RoleHandover]
    agent: Agent
    gains: frozenset[str]
    loses: frozenset[str]


def create_role(editor: Agent, *, id: str, label: str, permissions: Iterable[Permission] = ()) -> RoleCreation:  # noqa: A002
    """Decides whether an editor may create a role in their domain, and makes it.

    Args:
        editor: Who would save it.
        id: The id of the new role, which no other one has.
        label: What to call it; space around it is dropped.
        permissions: What to tick; a new role has all permissions unchecked.

    Raises:
        InvalidValueError: The label is blank, a permission is none, or anything else is not what it should be.
    """
    check_types(Agent, editor=editor)
    role = Role(id=id, domain_id=editor.domain_id, label=_label(label))
    wanted = role.grant(*_permissions("permissions", permissions))
    change = RoleChange(
        editor=editor, role=role, compared=frozenset(), granted=wanted.permissions, grants_deactivated=False
    )
    decision = CREATE_ROLE.decide(change)
    return RoleCreation(decision=decision, role=wanted if decision else None)


def edit_role(  # noqa: PLR0913  # an edit has as many sides
    editor: Agent,
    role: Role,
    *,
    grant: Iterable[Permission] = (),
    revoke: Iterable[Permission] = (),
    label: str | None = None,
    deactivated: Iterable[Permission] = (),
) -> RoleEdit:
    """Decides whether an editor may edit a role, and edits it.

    Args:
        editor: Who would save it.
        role: The role as it is.
        grant: Permissions to tick.
        revoke: Permissions to untick.
        label: What to call it instead; space around it is dropped. None: as it is called.
        deactivated: Permissions of features that are deactivated on the platform; only `use_cobrowsing` is known to be
            one. They may be in the role though the editor lacks them, but cannot be granted.

    Raises:
        InvalidValueError: The label is blank, a permission is none or is both granted and revoked, `deactivated` names
            another one, or the role is another copy of the editor's own role: one of the two is out of date.
    """
    check_types(Agent, editor=editor)
    check_types(Role, role=role)
    refuse_stale("role", role, editor.role)
    granted, revoked = _permissions("grant", grant), _permissions("revoke", revoke)
    excepted = _permissions("deactivated", deactivated)
    if both := sorted(granted & revoked):
        raise InvalidValueError(Fault("revoke", f"and grant both name {', '.join(both)}", found=", ".join(both)))
    if others := sorted(excepted - _CAN_BE_DEACTIVATED):
        found, accepted = ", ".join(others), ", ".join(sorted(_CAN_BE_DEACTIVATED))
        problem = f"names {found}, but only {accepted} can be deactivated"
        raise InvalidValueError(Fault("deactivated", problem, found=found, accepted=accepted))
    edited = role.grant(*granted).revoke(*revoked)
    edited = edited if label is None else edited.relabel(_label(label))
    change = RoleChange(
        editor=editor,
        role=role,
        compared=role.permissions - excepted,
        granted=granted,
        grants_deactivated=not granted.isdisjoint(excepted),
    )
    decision = EDIT_ROLE.decide(change)
    saved, ignored = _saved_by_api(change, edited)
    return RoleEdit(decision=decision, role=edited if decision else role, saved_by_api=saved, ignored=ignored)


def _saved_by_api(change: RoleChange, edited: Role) -> tuple[Role, tuple[Ignored, ...]]:
    """Foretells what the API saves, and what it leaves out."""
    role, held = change.role, change.editor.role.permissions
    plain = attrs.evolve(change, compared=role.permissions, granted=frozenset(), grants_deactivated=False)
    if not EDIT_ROLE.allows(plain):
        return role, ()
    touched = edited.permissions ^ role.permissions
    because = dict.fromkeys(touched - held, IgnoredBecause.EDITOR_LACKS_IT)
    # Nobody can write these: another editor would be of no help.
    because |= dict.fromkeys(touched & _NOT_WRITABLE, IgnoredBecause.NOT_WRITABLE)
    ignored = [Ignored(permission.value, because[permission]) for permission in sorted(because)]
    if edited.label != role.label:
        ignored.append(Ignored("label", IgnoredBecause.NOT_A_PUT_FIELD))
    saved = attrs.evolve(role, permissions=role.permissions ^ (touched - because.keys()))
    return saved, tuple(ignored)


def assign_role(editor: Agent, agent: Agent, role: Role) -> RoleAssignment:
    """Decides whether an editor may give an agent a role in the place of the one they have, and gives it.

    Raises:
        InvalidValueError: An argument is not what it should be; or two copies of one role, or of the editor, differ: one
            is out of date.
    """
    check_types(Agent, editor=editor, agent=agent)
    check_types(Role, role=role)
    refuse_stale("role", role, editor.role, agent.role)
    refuse_stale("agent.role", agent.role, editor.role)
    refuse_stale_copies("agent", agent, [editor])
    decision = ASSIGN_ROLE.decide(RoleHandover(editor=editor, agent=agent, role=role, leads_agent=leads(editor, agent)))
    old, new = ({*each.permissions, *each.unknown_permissions} for each in (agent.role, role))
    return RoleAssignment(
        decision=decision,
        agent=attrs.evolve(agent, role=role) if decision else agent,
        gains=frozenset(new - old),
        loses=frozenset(old - new),
    )


def leads(editor: Agent, agent: Agent) -> bool:
    """Says whether an agent is in a team that the editor leads."""
    return not editor.led_team_ids.isdisjoint(agent.team_ids)


def collected(name: str, cls: type[_T], values: Iterable[_T]) -> list[_T]:
    """Reads a collection, and refuses what is none or holds anything that is no `cls`."""
    if not is_collection(values):
        raise InvalidValueError(Fault.mismatch(name, kind_of(values), f"a collection of {cls.__name__}s"))
    members = list(values)
    for number, value in enumerate(members):
        check_types(cls, **{f"{name}[{number}]": value})
    return members


def refuse_stale_copies(name: str, agent: Agent, known: Iterable[Agent]) -> None:
    """Refuses an agent of whom another copy says otherwise what they may do."""
    for other in known:
        same = (agent.id, agent.domain_id) == (other.id, other.domain_id)
        if same and (agent.role, agent.enabled) != (other.role, other.enabled):
            problem = f"differs from another copy of the same agent: {LOAD_AGAIN}"
            raise InvalidValueError(Fault(name, problem, found="another copy of an agent"))


def _label(label: object) -> str:
    if not isinstance(label, str) or not any(each.isprintable() for each in label.strip()):
        found = "a blank str" if isinstance(label, str) else kind_of(label)
        raise InvalidValueError(Fault.mismatch("label", found, "a non-blank str"))
    return label.strip()


def _permissions(name: str, values: Iterable[Permission]) -> frozenset[Permission]:
    return frozenset(collected(name, Permission, values))


def refuse_stale(name: str, role: Role, *known: Role) -> None:
    """Refuses a role of which another copy differs."""
    if any((role.id, role.domain_id) == (each.id, each.domain_id) and role != each for each in known):
        problem = f"differs from another copy of the same role: {LOAD_AGAIN}"
        raise InvalidValueError(Fault(name, problem, found="another copy of a role"))
