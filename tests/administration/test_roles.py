"""Roles: who may create, edit and assign them, and the results."""

import copy
import pickle
from functools import partial
from typing import Any, Final

import attrs
import pytest

from escalation_policy import Agent, ChannelKind, Permission, Policy, Role
from escalation_policy.administration import (
    Ignored,
    IgnoredBecause,
    RoleAssignment,
    RoleChange,
    RoleCreation,
    RoleEdit,
    assign_role,
    create_role,
    edit_role,
)
from escalation_policy.administration._policies import ASSIGN_ROLE, CREATE_ROLE, EDIT_ROLE
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_role, an_agent

EVERYTHING: Final = frozenset(Permission)
VIDEO: Final = Permission.ESCALATE_TO_VIDEO
COBROWSING: Final = Permission.USE_COBROWSING
EMOJI: Final = Permission.USE_EMOJI
MY_TEAMS: Final = Permission.MANAGE_USERS_OF_MY_TEAMS
#: The permissions of an administrator who is not restricted to teams.
WHOLE_DOMAIN: Final = EVERYTHING - {MY_TEAMS}
NEW: Final = "manage_something_new"


def an_editor(**changes: Any) -> Agent:
    """Make an editor with every permission except those in `without`."""
    missing = changes.pop("without", frozenset())
    fields: dict[str, Any] = {
        "id": "admin",
        "role_id": "r0",
        "role_label": "Boss",
        "permissions": WHOLE_DOMAIN - missing,
    }
    return an_agent(**(fields | changes))


def denied_by(outcome: RoleCreation | RoleEdit | RoleAssignment) -> list[str]:
    """Return the codes of a denial, or nothing for an allow."""
    decision = outcome.decision
    return [] if decision else [reason.code for reason in decision.reasons]


def codes_in(table: dict[str, Any]) -> set[str]:
    """Return the codes at the ends of a table's rows."""
    return {row[-1] for row in table.values()}


#: The editor, the permissions to grant, and the code of the denial.
CREATIONS: Final[dict[str, tuple[dict[str, Any], list[Permission], str]]] = {
    "no permission": ({}, [], ""),
    "all that the editor holds": ({}, [*WHOLE_DOMAIN], ""),
    "only managing roles": ({"permissions": {Permission.MANAGE_ROLES}}, [Permission.MANAGE_ROLES], ""),
    "disabled": ({"enabled": False}, [], "editor_enabled"),
    "editor's role of another domain": ({"role_domain_id": "other"}, [], "same_domain"),
    "all except managing roles": ({"without": {Permission.MANAGE_ROLES}}, [VIDEO], "manages_roles"),
    "one that the editor lacks": ({"without": {VIDEO}}, [VIDEO], "grants_within_own"),
    "one that the editor lacks, among others": ({"without": {VIDEO}}, [EMOJI, VIDEO], "grants_within_own"),
}


class TestCreateRole:
    """`create_role()`: a new role has only the permissions that are granted."""

    @pytest.mark.parametrize(("editor", "permissions", "code"), CREATIONS.values(), ids=CREATIONS)
    def test_each_rule_alone_can_deny(self, editor: dict[str, Any], permissions: list[Permission], code: str) -> None:
        """There is no role after a denial."""
        creation = create_role(an_editor(**editor), id="r9", label="New", permissions=permissions)
        assert code.split() == denied_by(creation)
        created = Role(id="r9", domain_id="acme", label="New", permissions=permissions)
        assert (None if code else created) == creation.role

    def test_the_table_has_every_rule(self) -> None:
        """A rule that never denies alone would be superfluous."""
        assert {"", *CREATE_ROLE} == codes_in(CREATIONS)

    def test_starts_with_no_permission(self) -> None:
        """It belongs to the editor's domain."""
        creation = create_role(an_editor(domain_id="d"), id="r9", label="New")
        assert Role(id="r9", domain_id="d", label="New", permissions=()) == creation.role

    @pytest.mark.parametrize("label", ["Video", "  Video\t\n", "\N{NO-BREAK SPACE}Video"], ids=ascii)
    def test_trims_its_label(self, label: str) -> None:
        """Spaces around it are invisible."""
        role = create_role(an_editor(), id="r9", label=label).role
        assert role is not None
        assert "Video" == role.label

    @pytest.mark.parametrize(
        ("label", "kind"),
        [
            ("", "a blank str"),
            (" \t\N{NO-BREAK SPACE}", "a blank str"),
            ("\N{ZERO WIDTH SPACE}", "a blank str"),
            (None, "None"),
            (5, "an int"),
            ([], "an empty list"),
        ],
        ids=ascii,
    )
    def test_needs_a_label(self, label: Any, kind: str) -> None:
        """People find a role only by its label."""
        with pytest.raises(InvalidValueError, match=rf"^label must be a non-blank str, got {kind}$"):
            create_role(an_editor(), id="r9", label=label)

    def test_needs_an_id(self) -> None:
        """Roles are compared by their ids."""
        with pytest.raises(InvalidValueError, match=r"^Role\.id must be a non-empty str, got an empty str$"):
            create_role(an_editor(), id="", label="New")

    def test_is_not_identified_by_its_label(self) -> None:
        """A role that is called Administrator has no permissions because of that."""
        role = create_role(an_editor(without={VIDEO}), id="r9", label="Administrator").role
        assert role is not None
        assert frozenset() == role.permissions


#: The editor, the role, the edit, and the code of the denial.
EDITS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "nothing": ({}, {}, {}, ""),
    "grant and revoke": ({}, {}, {"grant": [EMOJI], "revoke": [VIDEO]}, ""),
    "role with the same permissions": ({}, {"permissions": WHOLE_DOMAIN}, {"revoke": [EMOJI]}, ""),
    "role with a flag that the editor has too": (
        {"unknown_permissions": {NEW}},
        {"unknown_permissions": {NEW}},
        {},
        "",
    ),
    "revoke what both lack": ({"without": {EMOJI}}, {}, {"revoke": [EMOJI]}, ""),
    "disabled": ({"enabled": False}, {}, {}, "editor_enabled"),
    "role of another domain": ({}, {"domain_id": "other"}, {}, "same_domain"),
    "editor of another domain": ({"domain_id": "other", "role_domain_id": "acme"}, {}, {}, "same_domain"),
    "editor's role of another domain": ({"role_domain_id": "other"}, {}, {}, "same_domain"),
    "all except managing roles": ({"without": {Permission.MANAGE_ROLES}}, {}, {"label": "X"}, "manages_roles"),
    "role with more permissions": ({"without": {VIDEO}}, {}, {"label": "X"}, "role_within_own"),
    "revoke what the editor lacks": ({"without": {VIDEO}}, {}, {"revoke": [VIDEO]}, "role_within_own"),
    "role with a flag of a newer API": ({}, {"unknown_permissions": {NEW}}, {}, "role_within_own"),
    "role with another flag": ({"unknown_permissions": {NEW}}, {"unknown_permissions": {"x"}}, {}, "role_within_own"),
    "grant what the editor lacks": ({"without": {EMOJI}}, {}, {"grant": [EMOJI]}, "grants_within_own"),
    "grant what is deactivated": ({}, {}, {"grant": [COBROWSING], "deactivated": [COBROWSING]}, "grants_active"),
    "grant what is deactivated and granted already": (
        {},
        {"permissions": {COBROWSING}},
        {"grant": [COBROWSING], "deactivated": [COBROWSING]},
        "grants_active",
    ),
}


class TestEditRole:
    """`edit_role()`: editors edit only roles within their own permissions, and grant only what they hold."""

    @pytest.mark.parametrize(("editor", "role", "edit", "code"), EDITS.values(), ids=EDITS)
    def test_each_rule_alone_can_deny(
        self, editor: dict[str, Any], role: dict[str, Any], edit: dict[str, Any], code: str
    ) -> None:
        """After a denial, the role is unchanged."""
        before = a_role(**role)
        outcome = edit_role(an_editor(**editor), before, **edit)
        assert code.split() == denied_by(outcome)
        after = attrs.evolve(
            before,
            label=edit.get("label", before.label),
            permissions=before.permissions.union(edit.get("grant", ())).difference(edit.get("revoke", ())),
        )
        assert (before if code else after) == outcome.role

    def test_the_table_has_every_rule(self) -> None:
        """A rule that never denies alone would be superfluous."""
        assert {"", *EDIT_ROLE} == codes_in(EDITS)

    def test_a_denial_has_all_reasons(self) -> None:
        """Otherwise the second problem would show only after the first is fixed."""
        editor = an_editor(enabled=False, permissions={EMOJI})
        outcome = edit_role(editor, a_role(domain_id="other"), grant=[COBROWSING], deactivated=[COBROWSING])
        assert [*EDIT_ROLE] == denied_by(outcome)

    def test_relabels(self) -> None:
        """Nothing else of the role changes."""
        assert attrs.evolve(a_role(), label="Video") == edit_role(an_editor(), a_role(), label=" Video ").role

    @pytest.mark.parametrize("label", ["", "  "], ids=repr)
    def test_a_label_cannot_be_blank(self, label: str) -> None:
        """Without the argument, the label stays."""
        with pytest.raises(InvalidValueError, match=r"^label must be a non-blank str, got a blank str$"):
            edit_role(an_editor(), a_role(), label=label)

    def test_editors_can_revoke_their_own_permissions(self) -> None:
        """They can even revoke Manage roles. Then they cannot edit any more."""
        editor = an_editor()
        outcome = edit_role(editor, editor.role, revoke=[Permission.MANAGE_ROLES])
        assert editor.role.revoke(Permission.MANAGE_ROLES) == outcome.role
        demoted = attrs.evolve(editor, role=outcome.role)
        assert ["manages_roles", "grants_within_own"] == denied_by(
            edit_role(demoted, outcome.role, grant=[Permission.MANAGE_ROLES])
        )

    def test_editors_cannot_grant_themselves_permissions(self) -> None:
        """They may edit their own role, but the rules for grants are the same."""
        editor = an_editor(without={VIDEO})
        assert ["grants_within_own"] == denied_by(edit_role(editor, editor.role, grant=[VIDEO]))

    def test_rejects_granting_and_revoking_the_same(self) -> None:
        """The message has all such permissions."""
        with pytest.raises(
            InvalidValueError,
            match=r"^revoke and grant both name escalate_to_video, use_emoji$",
        ):
            edit_role(an_editor(), a_role(), grant=[EMOJI, VIDEO], revoke=[VIDEO, EMOJI, COBROWSING])


class TestDeactivatedFeatures:
    """Permissions of features that are deactivated on the platform. A role may hold them, but they cannot be granted or assigned."""

    def test_are_left_out_of_the_comparison(self) -> None:
        """An editor without them can edit a role with them. The role keeps them."""
        editor, role = an_editor(without={COBROWSING}), a_role(permissions={COBROWSING})
        assert ["role_within_own"] == denied_by(edit_role(editor, role, grant=[EMOJI]))
        outcome = edit_role(editor, role, grant=[EMOJI], deactivated=[COBROWSING])
        assert a_role(permissions={COBROWSING, EMOJI}) == outcome.role

    def test_do_not_excuse_other_permissions(self) -> None:
        """Another permission that the editor lacks, or a flag of a newer API, still denies."""
        editor = an_editor(without={COBROWSING, VIDEO})
        for role in (a_role(permissions={COBROWSING, VIDEO}), a_role(permissions=(), unknown_permissions={NEW})):
            assert ["role_within_own"] == denied_by(edit_role(editor, role, deactivated=[COBROWSING]))

    @pytest.mark.parametrize("others", [[VIDEO], [COBROWSING, VIDEO], [VIDEO, EMOJI]], ids=str)
    def test_never_include_escalate_to_video(self, others: list[Permission]) -> None:
        """Only one permission is known to be deactivated sometimes. The message has the others."""
        named = ", ".join(sorted({*others} - {COBROWSING}))
        with pytest.raises(
            InvalidValueError, match=rf"^deactivated names {named}, but only use_cobrowsing can be deactivated$"
        ):
            edit_role(an_editor(), a_role(), deactivated=others)

    def test_cannot_be_granted_by_an_editor_without_them(self) -> None:
        """The denial has both reasons."""
        outcome = edit_role(an_editor(without={COBROWSING}), a_role(), grant=[COBROWSING], deactivated=[COBROWSING])
        assert ["grants_within_own", "grants_active"] == denied_by(outcome)

    def test_cannot_be_assigned_by_an_editor_without_them(self) -> None:
        """The exception is for edits only."""
        editor, role = an_editor(without={COBROWSING}), a_role(id="r2", permissions={COBROWSING})
        edited = edit_role(editor, role, label="Custom", deactivated=[COBROWSING]).role
        assert "Custom" == edited.label
        assert ["new_role_within_own"] == denied_by(assign_role(editor, an_agent(), edited))


def ignored_fields(outcome: RoleEdit) -> dict[str, IgnoredBecause]:
    """Return the fields that the API ignores, with the reasons."""
    return {item.field: item.because for item in outcome.ignored}


class TestSavedByTheApi:
    """`RoleEdit.saved_by_api`: the API drops some changes without an error and saves the others."""

    def test_is_the_edited_role_if_all_is_accepted(self) -> None:
        """Then nothing is ignored."""
        outcome = edit_role(an_editor(), a_role(), grant=[EMOJI], revoke=[VIDEO])
        assert (a_role(permissions={EMOJI}), ()) == (outcome.saved_by_api, outcome.ignored)
        assert outcome.role == outcome.saved_by_api

    def test_leaves_out_what_the_editor_lacks(self) -> None:
        """Engage's pages reject the whole edit. The API answers 200, without the permission."""
        outcome = edit_role(an_editor(without={VIDEO}), a_role(permissions=()), grant=[VIDEO, EMOJI])
        assert a_role(permissions=()) == outcome.role
        assert a_role(permissions={EMOJI}) == outcome.saved_by_api
        assert {"escalate_to_video": IgnoredBecause.EDITOR_LACKS_IT} == ignored_fields(outcome)

    @pytest.mark.parametrize(
        "flag", ["anonymize_identity", "export_identity", "lock_identity", "manage_messaging", "use_cobrowsing"]
    )
    def test_leaves_out_flags_that_are_not_writable(self, flag: str) -> None:
        """No editor can grant or revoke them. Even if the editor lacks one, this is the reason."""
        permission = Permission(flag)
        granted = edit_role(an_editor(), a_role(), grant=[permission, EMOJI])
        assert a_role(permissions={VIDEO, EMOJI}) == granted.saved_by_api
        assert {flag: IgnoredBecause.NOT_WRITABLE} == ignored_fields(granted)
        revoked = edit_role(an_editor(), a_role(permissions={permission, EMOJI}), revoke=[permission, EMOJI])
        assert a_role(permissions={permission}) == revoked.saved_by_api
        assert {flag: IgnoredBecause.NOT_WRITABLE} == ignored_fields(revoked)
        missing = edit_role(an_editor(without={permission}), a_role(), grant=[permission])
        assert {flag: IgnoredBecause.NOT_WRITABLE} == ignored_fields(missing)

    def test_leaves_out_the_label(self) -> None:
        """Engage's page has it, but the PUT has no field for it."""
        outcome = edit_role(an_editor(), a_role(label="Old"), label="New", grant=[EMOJI])
        assert ("New", "Old") == (outcome.role.label, outcome.saved_by_api.label)
        assert EMOJI in outcome.saved_by_api.permissions
        assert (Ignored("label", IgnoredBecause.NOT_A_PUT_FIELD),) == outcome.ignored

    def test_sorts_ignored_fields_by_key_with_the_label_last(self) -> None:
        """The order is the same in every process."""
        outcome = edit_role(
            an_editor(without={VIDEO}),
            a_role(permissions=()),
            grant=[VIDEO, COBROWSING, Permission.LOCK_IDENTITY],
            label="New",
        )
        assert ["escalate_to_video", "lock_identity", "use_cobrowsing", "label"] == [*ignored_fields(outcome)]

    def test_a_change_without_effect_is_not_ignored(self) -> None:
        """Examples are a permission that is granted already, one that is missing already, and the same label."""
        role = a_role(label="Old", permissions={VIDEO, COBROWSING})
        outcome = edit_role(an_editor(), role, grant=[COBROWSING], revoke=[Permission.LOCK_IDENTITY], label="  Old ")
        assert (role, ()) == (outcome.saved_by_api, outcome.ignored)

    @pytest.mark.parametrize(
        ("editor", "role"),
        [
            ({"enabled": False}, {}),
            ({}, {"domain_id": "other"}),
            ({"without": {Permission.MANAGE_ROLES}}, {}),
            ({"without": {VIDEO}}, {}),
            ({}, {"unknown_permissions": {NEW}}),
            ({"without": {COBROWSING}}, {"permissions": {COBROWSING}}),
        ],
        ids=["disabled", "domain", "no right", "more", "newer flag", "deactivated"],
    )
    def test_is_the_unchanged_role_if_the_api_rejects_it(self, editor: dict[str, Any], role: dict[str, Any]) -> None:
        """The API knows no exception for deactivated features."""
        before = a_role(**role)
        outcome = edit_role(an_editor(**editor), before, grant=[EMOJI], label="New", deactivated=[COBROWSING])
        assert (before, ()) == (outcome.saved_by_api, outcome.ignored)


#: The editor, the agent, the new role, and the code of the denial.
ASSIGNMENTS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "another role": ({}, {}, {}, ""),
    "role with the same permissions": ({}, {}, {"permissions": WHOLE_DOMAIN}, ""),
    "agent with the same permissions": ({}, {"permissions": WHOLE_DOMAIN}, {}, ""),
    "flags that the editor has too": (
        {"unknown_permissions": {NEW}},
        {"unknown_permissions": {NEW}},
        {"unknown_permissions": {NEW}},
        "",
    ),
    "agent who is disabled": ({}, {"enabled": False}, {}, ""),
    "agent of a team that the editor leads": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1", "t2"}},
        {"team_ids": {"t2", "t3"}},
        {},
        "",
    ),
    "editor without teams who is not restricted to teams": ({}, {"team_ids": {"t1"}}, {}, ""),
    "disabled": ({"enabled": False}, {}, {}, "editor_enabled"),
    "editor of another domain": ({"domain_id": "other", "role_domain_id": "acme"}, {}, {}, "same_domain"),
    "editor's role of another domain": ({"role_domain_id": "other"}, {}, {}, "same_domain"),
    "agent of another domain": ({}, {"domain_id": "other", "role_domain_id": "acme"}, {}, "same_domain"),
    "agent's role of another domain": ({}, {"role_domain_id": "other"}, {}, "same_domain"),
    "new role of another domain": ({}, {}, {"domain_id": "other"}, "same_domain"),
    "all except updating users": ({"without": {Permission.UPDATE_USER}}, {}, {}, "updates_users"),
    "agent of no team": ({"permissions": EVERYTHING, "led_team_ids": {"t1"}}, {}, {}, "leads_agent"),
    "agent of another team": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1"}},
        {"team_ids": {"t2"}},
        {},
        "leads_agent",
    ),
    "agent of a team that the editor is only in": (
        {"permissions": EVERYTHING, "team_ids": {"t1"}},
        {"team_ids": {"t1"}},
        {},
        "leads_agent",
    ),
    "agent who leads the editor's team": (
        {"permissions": EVERYTHING, "team_ids": {"t1"}},
        {"led_team_ids": {"t1"}},
        {},
        "leads_agent",
    ),
    "agent with more permissions": ({"without": {EMOJI}}, {"permissions": {EMOJI}}, {}, "old_role_within_own"),
    "agent with a flag of a newer API": ({}, {"unknown_permissions": {NEW}}, {}, "old_role_within_own"),
    "role with more permissions": ({"without": {EMOJI}}, {}, {"permissions": {EMOJI}}, "new_role_within_own"),
    "role with a flag of a newer API": ({}, {}, {"unknown_permissions": {NEW}}, "new_role_within_own"),
}


class TestAssignRole:
    """`assign_role()`: the old and the new role must be within the editor's permissions."""

    @pytest.mark.parametrize(("editor", "agent", "role", "code"), ASSIGNMENTS.values(), ids=ASSIGNMENTS)
    def test_each_rule_alone_can_deny(
        self, editor: dict[str, Any], agent: dict[str, Any], role: dict[str, Any], code: str
    ) -> None:
        """After a denial, the agent has the old role."""
        fields: dict[str, Any] = {"id": "r2"} | role
        before, new = an_agent(**agent), a_role(**fields)
        outcome = assign_role(an_editor(**editor), before, new)
        assert code.split() == denied_by(outcome)
        assert (before if code else attrs.evolve(before, role=new)) == outcome.agent

    def test_the_table_has_every_rule(self) -> None:
        """A rule that never denies alone would be superfluous."""
        assert {"", *ASSIGN_ROLE} == codes_in(ASSIGNMENTS)

    def test_lists_gains_and_losses(self) -> None:
        """An agent has one role, so all its permissions change, flags of a newer API too."""
        agent = an_agent(permissions={EMOJI, VIDEO}, unknown_permissions={"old", "same"})
        role = a_role(id="r2", permissions={VIDEO, COBROWSING}, unknown_permissions={NEW, "same"})
        outcome = assign_role(an_editor(unknown_permissions={"old", NEW, "same"}), agent, role)
        assert outcome.decision.allowed
        assert (frozenset({COBROWSING, NEW}), frozenset({EMOJI, "old"})) == (outcome.gains, outcome.loses)

    def test_a_denial_has_gains_and_losses_too(self) -> None:
        """The next administrator who is asked wants to know what the change would mean."""
        outcome = assign_role(an_editor(without={EMOJI}), an_agent(), a_role(id="r2", permissions={EMOJI}))
        assert (frozenset({EMOJI}), frozenset({VIDEO})) == (outcome.gains, outcome.loses)

    def test_the_present_role_changes_nothing(self) -> None:
        """It can be assigned like any other."""
        outcome = assign_role(an_editor(), an_agent(), an_agent().role)
        assert (True, an_agent()) == (outcome.decision.allowed, outcome.agent)
        assert (frozenset(), frozenset()) == (outcome.gains, outcome.loses)

    def test_editors_can_only_reduce_their_own_permissions(self) -> None:
        """The rules are the same for them."""
        editor = an_editor(without={EMOJI})
        less, more = (
            a_role(id=f"r{number}", permissions=permissions) for number, permissions in enumerate(([VIDEO], [EMOJI]), 1)
        )
        assert less == assign_role(editor, editor, less).agent.role
        assert ["new_role_within_own"] == denied_by(assign_role(editor, editor, more))

    def test_a_new_role_is_no_way_around_the_rules(self) -> None:
        """Neither creating nor editing a role grants more than the editor holds."""
        editor = an_editor(without={VIDEO})
        assert create_role(editor, id="r2", label="Custom", permissions=[VIDEO]).role is None
        role = create_role(editor, id="r2", label="Custom").role
        assert role is not None
        edited = edit_role(editor, role, grant=[VIDEO]).role
        assert not assign_role(editor, an_agent(permissions=()), edited).agent.role.permissions


class TestStaleCopies:
    """Two copies that differ cannot both be up to date, so nothing is decided."""

    def test_of_the_editors_own_role_are_rejected(self) -> None:
        """The editor or the role may have changed."""
        editor = an_editor()
        for other in (
            editor.role.revoke(EMOJI),
            editor.role.relabel("X"),
            attrs.evolve(editor.role, unknown_permissions=[NEW]),
        ):
            with pytest.raises(
                InvalidValueError,
                match=r"^role differs from another copy of the same role: one of the two is out of date, so load both again$",
            ):
                edit_role(editor, other)

    def test_that_are_equal_are_accepted(self) -> None:
        """It does not matter that they are different objects."""
        editor = an_editor()
        assert edit_role(editor, copy.deepcopy(editor.role), grant=[EMOJI]).decision

    def test_do_not_include_roles_of_another_domain(self) -> None:
        """Ids are unique within a domain only. The rules deny such a role."""
        editor = an_editor()
        role = attrs.evolve(editor.role, domain_id="other", permissions=[])
        assert ["same_domain"] == denied_by(edit_role(editor, role))

    def test_of_any_role_are_rejected_for_an_assignment(self) -> None:
        """The new role, the editor's and the agent's are compared with each other."""
        editor, agent = an_editor(), an_agent()
        holder = an_agent(role=editor.role.revoke(EMOJI))
        for target, new, field in (
            (agent, editor.role.revoke(EMOJI), "role"),
            (agent, agent.role.grant(EMOJI), "role"),
            (holder, a_role(id="r2"), r"agent\.role"),
        ):
            with pytest.raises(
                InvalidValueError,
                match=rf"^{field} differs from another copy of the same role: one of the two is out of date, so load both again$",
            ):
                assign_role(editor, target, new)

    def test_of_the_editor_are_rejected(self) -> None:
        """Otherwise an editor with fewer permissions could use an old copy to get the old role back."""
        editor = an_editor()
        demoted = assign_role(editor, editor, a_role(id="r2")).agent
        for other in (demoted, attrs.evolve(editor, enabled=False)):
            with pytest.raises(
                InvalidValueError,
                match=r"^agent differs from another copy of the same agent: one of the two is out of date, so load both again$",
            ):
                assign_role(editor, other, editor.role)


#: Invalid collections of permissions, with the messages.
NO_PERMISSIONS: Final[list[tuple[Any, str]]] = [
    ("use_emoji", " must be a collection of Permissions, got a str"),
    (EMOJI, " must be a collection of Permissions, got a Permission"),
    (None, " must be a collection of Permissions, got None"),
    (5, " must be a collection of Permissions, got an int"),
    ({EMOJI: True}, " must be a collection of Permissions, got a dict"),
    (["use_emoji"], "[0] must be a Permission, got a str (did you mean Permission.USE_EMOJI?)"),
    ([EMOJI, "use_emojis"], "[1] must be a Permission, got a str (did you mean Permission.USE_EMOJI?)"),
    (["\x1b[2J" + "x" * 90], "[0] must be a Permission, got a str"),
    ([None], "[0] must be a Permission, got None"),
    ([[]], "[0] must be a Permission, got an empty list"),
    ([ChannelKind.VIBER], "[0] must be a Permission, got a ChannelKind"),
]


class TestArguments:
    """Invalid arguments."""

    @pytest.mark.parametrize(
        ("value", "message"), NO_PERMISSIONS, ids=[f"{value!a:.40}" for value, _ in NO_PERMISSIONS]
    )
    @pytest.mark.parametrize("name", ["permissions", "grant", "revoke", "deactivated"])
    def test_that_are_no_permissions_are_rejected(self, name: str, value: Any, message: str) -> None:
        """They are rejected for `revoke` too. Otherwise the permission would stay without an error."""
        call: Any = (
            partial(create_role, id="r9", label="New") if name == "permissions" else partial(edit_role, role=a_role())
        )
        with pytest.raises(InvalidValueError) as caught:
            call(an_editor(), **{name: value})
        assert f"{name}{message}" == str(caught.value)

    @pytest.mark.parametrize("kind", ["list", "tuple", "set", "iterator", "keys"])
    def test_can_be_any_collection_of_permissions(self, kind: str) -> None:
        """A generator is read once, and duplicates count once."""
        permissions = [VIDEO, VIDEO, EMOJI]
        kinds = {
            "tuple": tuple(permissions),
            "set": {*permissions},
            "iterator": iter(permissions),
            "keys": dict.fromkeys(permissions).keys(),
        }
        creation = create_role(an_editor(), id="r9", label="New", permissions=kinds.get(kind, permissions))
        assert creation.role is not None
        assert {VIDEO, EMOJI} == creation.role.permissions

    @pytest.mark.parametrize(
        "stranger", [None, "admin", {"id": "admin"}, a_role()], ids=["None", "str", "dict", "role"]
    )
    def test_that_are_no_agents_are_rejected(self, stranger: Any) -> None:
        """They may be raw records, or two arguments in the wrong order."""
        for name, call in (
            ("editor", lambda: create_role(stranger, id="r9", label="New")),
            ("editor", lambda: edit_role(stranger, a_role())),
            ("editor", lambda: assign_role(stranger, an_agent(), a_role())),
            ("agent", lambda: assign_role(an_editor(), stranger, a_role())),
        ):
            with pytest.raises(InvalidValueError, match=rf"^{name} must be an Agent, got (None|a )"):
                call()

    @pytest.mark.parametrize("stranger", [None, "r1", an_agent()], ids=["None", "str", "agent"])
    def test_that_are_no_roles_are_rejected(self, stranger: Any) -> None:
        """The id of a role is not a role."""
        for call in (lambda: edit_role(an_editor(), stranger), lambda: assign_role(an_editor(), an_agent(), stranger)):
            with pytest.raises(InvalidValueError, match=r"^role must be a Role, got (None|an? )"):
                call()


OUTCOMES: Final = [
    create_role(an_editor(), id="r9", label="Secret label"),
    edit_role(an_editor(), a_role(label="Secret label"), grant=[COBROWSING], label="Secret label 2"),
    edit_role(an_editor(without={VIDEO}), a_role(label="Secret label")),
    assign_role(an_editor(), an_agent(role_label="Secret label"), a_role(id="r2")),
]


class TestOutcomes:
    """Results can be compared, pickled and logged."""

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_survive_pickles_and_copies(self, outcome: Any) -> None:
        """A worker process can return them."""
        for duplicate in (copy.copy(outcome), copy.deepcopy(outcome), pickle.loads(pickle.dumps(outcome))):
            assert outcome == duplicate
            assert hash(outcome) == hash(duplicate)

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    @pytest.mark.parametrize("secret", ["Secret label", "ada@example.com", "664307016", "664287016"])
    def test_show_no_label_no_address_and_no_id_of_ringcentral(self, outcome: Any, secret: str) -> None:
        """Their repr and the explanation of their decision may be logged."""
        assert secret not in repr(outcome)
        assert secret not in outcome.decision.explain()

    def test_explain_a_denial_in_words(self) -> None:
        """Permissions are shown: they are not private, and they are what has to be fixed."""
        outcome = edit_role(an_editor(permissions={Permission.MANAGE_ROLES}), a_role(permissions={EMOJI}))
        assert (
            "deny edit_role\n"
            "- role_within_own (unmet): The role must hold nothing that the editor's role does not hold. Required: compared "
            "is within editor.role.permissions and role.unknown_permissions is within editor.role.unknown_permissions. "
            "Seen: compared = use_emoji.\n"
            "    engage_administrator: Ask an administrator whose role holds all of the role's permissions to do it."
        ) == outcome.decision.explain()


class TestRules:
    """Every rule has all its texts."""

    @pytest.mark.parametrize("policy", [CREATE_ROLE, EDIT_ROLE, ASSIGN_ROLE], ids=lambda policy: policy.id)
    def test_have_texts_a_remedy_and_a_source(self, policy: Policy[Any]) -> None:
        """No text is the default that is made from the condition."""
        for rule in policy.rules:
            assert rule.remedy is not None
            assert rule.source is not None
            assert not rule.explanation.startswith("Requires that")
            assert not rule.agent_text.startswith("This needs to hold first")

    def test_decide_requests_with_checked_fields(self) -> None:
        """A host cannot make a request with the id of a role instead of the role."""
        role: Any = "r1"
        with pytest.raises(InvalidValueError, match=r"^RoleChange\.role must be a Role, got a str$"):
            RoleChange(
                editor=an_editor(), role=role, compared=frozenset(), granted=frozenset(), grants_deactivated=False
            )
