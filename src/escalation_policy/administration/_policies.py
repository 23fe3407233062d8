"""The policies of administration (who may change what), and the requests that they decide.

The sources are RingCentral's pages on roles and agents, and the API's documentation of Roles and Users. The source "safety"
marks rules that these pages do not mention.
"""

from typing import Final, TypeVar, final

import attrs

from .._engine.conditions import Condition
from .._engine.facts import Fact, Facts
from .._engine.policy import Policy
from .._engine.rules import Remedy, Rule, Step
from .._enums import Party, Permission
from .._fields import checked
from .._values import Agent, Domain, RingCentralUser, Role

Q = TypeVar("Q")


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class RoleChange:
    """The request to create or edit a role.

    Attributes:
        editor: The agent who would save it.
        role: The present role, or a new one without permissions.
        compared: The permissions of the role, without those of features that are deactivated on the platform.
        granted: The permissions to grant.
        grants_deactivated: Whether one of these belongs to a deactivated feature.
    """

    editor: Agent
    role: Role
    compared: frozenset[Permission]
    granted: frozenset[Permission]
    grants_deactivated: bool


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class RoleHandover:
    """The request to assign a role to an agent.

    Attributes:
        leads_agent: Whether the agent is in a team that the editor leads.
    """

    editor: Agent
    agent: Agent
    role: Role
    leads_agent: bool


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class ExtensionEntry:
    """The request to enter a RingCentral ID in an agent's profile.

    Attributes:
        creates_agent: Whether the agent does not exist yet.
        leads_agent: Whether the agent is in a team that the editor leads.
        account_told: Whether the account of the extension is known.
        taken: Whether another agent of the domain has the extension.
    """

    domain: Domain
    editor: Agent
    agent: Agent
    ringcentral_user: RingCentralUser
    creates_agent: bool
    leads_agent: bool
    account_told: bool
    taken: bool


def leads(editor: Agent, agent: Agent) -> bool:
    """Return whether an agent is in a team that the editor leads."""
    return not editor.led_team_ids.isdisjoint(agent.team_ids)


def _step(text: str, party: Party = Party.ENGAGE_ADMINISTRATOR) -> Remedy:
    return Remedy((Step(party, text),))


def _editor_enabled(editor: Fact[Q, Agent]) -> Rule[Q]:
    return Rule(
        "editor_enabled",
        editor.then(lambda agent: agent.enabled).is_true(),
        explanation="The editor's account must be enabled.",
        agent_text="Your account is disabled.",
        remedy=_step("Ask an administrator whose account is enabled to do it."),
        source="safety",
    )


def _leads_agent(editor: Fact[Q, Agent], leads_agent: Condition[Q]) -> Rule[Q]:
    restricted = editor.then(lambda agent: agent.role.permissions).contains(Permission.MANAGE_USERS_OF_MY_TEAMS)
    return Rule(
        "leads_agent",
        ~restricted | leads_agent,
        explanation="An editor with Manage users of my teams manages only the agents of teams that they lead.",
        agent_text="You manage only the agents of teams that you lead.",
        remedy=_step("Ask an administrator who is not restricted to teams, or who leads one of the agent's teams."),
        source="Users: manage_users_of_my_teams restricts to the teams led.",
    )


def _same_domain(editor: Fact[Q, Agent], domain_id: Fact[Q, str], *others: Fact[Q, str]) -> Rule[Q]:
    condition = editor.then(lambda agent: agent.role.domain_id).equals(domain_id)
    for other in others:
        condition &= other.equals(domain_id)
    return Rule(
        "same_domain",
        condition,
        explanation="Editor, agent and roles must all belong to one domain.",
        agent_text="Something went wrong: these accounts do not belong together.",
        remedy=_step("Load all records from one domain, and none from another.", Party.DEVELOPER),
        source="safety",
    )


def _is_within(role: Fact[Q, Role], other: Fact[Q, Role]) -> Condition[Q]:
    """Return the condition that another role holds every permission of a role."""
    permissions, other_permissions = (value.then(lambda r: r.permissions) for value in (role, other))
    unknown, other_unknown = (value.then(lambda r: r.unknown_permissions) for value in (role, other))
    return permissions.subset_of(other_permissions) & unknown.subset_of(other_unknown)


_change = Facts(RoleChange)
_editor_permissions = _change(lambda r: r.editor.role.permissions)

_ROLE_EDITOR: Final = (
    _editor_enabled(_change(lambda r: r.editor)),
    _same_domain(
        _change(lambda r: r.editor), _change(lambda r: r.role.domain_id), _change(lambda r: r.editor.domain_id)
    ),
    Rule(
        "manages_roles",
        _editor_permissions.contains(Permission.MANAGE_ROLES),
        explanation="The editor's role must hold Manage roles.",
        agent_text="Your role does not include managing roles.",
        remedy=_step("Ask an administrator whose role holds Manage roles to do it."),
        source="Roles: you need Manage roles.",
    ),
)
_GRANTS: Final = Rule(
    "grants_within_own",
    _change(lambda r: r.granted).subset_of(_editor_permissions),
    explanation="The editor must hold every permission that is granted.",
    agent_text="You cannot grant permissions that you do not have.",
    remedy=_step("Ask an administrator whose role holds all of these permissions to do it, or grant fewer."),
    source="Roles: you cannot grant what you do not hold.",
)

CREATE_ROLE: Final = Policy("create_role", (*_ROLE_EDITOR, _GRANTS), version="1")
EDIT_ROLE: Final = Policy(
    "edit_role",
    (
        *_ROLE_EDITOR,
        Rule(
            "role_within_own",
            _change(lambda r: r.compared).subset_of(_editor_permissions)
            & _change(lambda r: r.role.unknown_permissions).subset_of(
                _change(lambda r: r.editor.role.unknown_permissions)
            ),
            explanation="The role must hold nothing that the editor's role does not hold.",
            agent_text="This role holds permissions that you do not have.",
            remedy=_step("Ask an administrator whose role holds all of the role's permissions to do it."),
            source="Roles: you cannot modify a role that holds a permission you lack.",
        ),
        _GRANTS,
        Rule(
            "grants_active",
            ~_change(lambda r: r.grants_deactivated).is_true(),
            explanation="A permission of a feature that is deactivated on the platform cannot be granted.",
            agent_text="This feature is deactivated.",
            remedy=_step("Leave it out, or have the feature activated first."),
            source="safety",
        ),
    ),
    version="1",
)

_handover = Facts(RoleHandover)
_editor_role = _handover(lambda r: r.editor.role)

ASSIGN_ROLE: Final = Policy(
    "assign_role",
    (
        _editor_enabled(_handover(lambda r: r.editor)),
        _same_domain(
            _handover(lambda r: r.editor),
            _handover(lambda r: r.editor.domain_id),
            _handover(lambda r: r.agent.domain_id),
            _handover(lambda r: r.agent.role.domain_id),
            _handover(lambda r: r.role.domain_id),
        ),
        Rule(
            "updates_users",
            _editor_role.then(lambda role: role.permissions).contains(Permission.UPDATE_USER),
            explanation="The editor's role must hold Update user.",
            agent_text="Your role does not include editing users.",
            remedy=_step("Ask an administrator whose role holds Update user to do it."),
            source="Users: PUT needs update_user.",
        ),
        _leads_agent(_handover(lambda r: r.editor), _handover(lambda r: r.leads_agent).is_true()),
        Rule(
            "old_role_within_own",
            _is_within(_handover(lambda r: r.agent.role), _editor_role),
            explanation="The agent's present role must hold nothing that the editor's role does not hold.",
            agent_text="This agent has permissions that you do not have.",
            remedy=_step("Ask an administrator whose role holds all of the agent's permissions to do it."),
            source="safety",
        ),
        Rule(
            "new_role_within_own",
            _is_within(_handover(lambda r: r.role), _editor_role),
            explanation="The new role must hold nothing that the editor's role does not hold.",
            agent_text="You cannot give a role with permissions that you do not have.",
            remedy=_step("Ask an administrator whose role holds all of the role's permissions to do it."),
            source="safety",
        ),
    ),
    version="1",
)

_entry = Facts(ExtensionEntry)
_linker_permissions = _entry(lambda r: r.editor.role.permissions)
_is_new = _entry(lambda r: r.creates_agent).is_true()

LINK_RINGCENTRAL: Final = Policy(
    "link_ringcentral",
    (
        _editor_enabled(_entry(lambda r: r.editor)),
        _same_domain(
            _entry(lambda r: r.editor),
            _entry(lambda r: r.domain.id),
            _entry(lambda r: r.editor.domain_id),
            _entry(lambda r: r.agent.domain_id),
            _entry(lambda r: r.agent.role.domain_id),
        ),
        Rule(
            "edits_users",
            ~_is_new & _linker_permissions.contains(Permission.UPDATE_USER)
            | _is_new & _linker_permissions.contains(Permission.CREATE_USER),
            explanation="The editor's role must hold Update user or, for an agent about to be created, Create user.",
            agent_text="Your role does not include editing users.",
            remedy=_step("Ask an administrator whose role holds that permission to do it."),
            source="This procedure updates the profile for an existing user. You can also specify this information when "
            "creating a new user.",
        ),
        _leads_agent(_entry(lambda r: r.editor), _entry(lambda r: r.leads_agent).is_true()),
        Rule(
            "domain_linked",
            ~_entry(lambda r: r.account_told).is_true() | _entry(lambda r: r.domain.ringcentral_account_id).is_set(),
            explanation="If the extension's account is known, the domain must be associated with an account too.",
            agent_text="This domain is not associated with a RingCentral account yet.",
            remedy=_step("Have the domain associated with your company's RingCentral account first."),
            source="safety",
        ),
        Rule(
            "extension_in_account",
            ~_entry(lambda r: r.account_told).is_true()
            | _entry(lambda r: r.ringcentral_user.account_id).equals(_entry(lambda r: r.domain.ringcentral_account_id)),
            after=["domain_linked"],
            explanation="The extension must be in the RingCentral account of the domain, if its account is known.",
            agent_text="This extension belongs to another RingCentral account.",
            remedy=_step(
                "Give the RingCentral ID of the agent's extension in the account that the domain is associated with.",
                Party.RINGCENTRAL_ADMINISTRATOR,
            ),
            source="Providing a RingCentral ID is needed to authorize the agent to access RingCentral Video through a "
            "RingCentral account.",
        ),
        Rule(
            "extension_free",
            ~_entry(lambda r: r.taken).is_true(),
            explanation="No other agent of the domain may have that extension.",
            agent_text="Another agent has this RingCentral ID.",
            remedy=_step("Check the RingCentral ID, or remove it from the other agent's profile first."),
            source="safety",
        ),
    ),
    version="1",
)
