"""Roles: who may create, edit and assign them, and what comes of it."""

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
#: What an administrator holds who is not restricted to teams.
WHOLE_DOMAIN: Final = EVERYTHING - {MY_TEAMS}
NEW: Final = "manage_something_new"


def an_editor(**changes: Any) -> Agent:
    """Makes somebody who may do everything; `without` names what they lack."""
    lacking = changes.pop("without", frozenset())
    fields: dict[str, Any] = {
        "id": "admin",
        "role_id": "r0",
        "role_label": "Boss",
        "permissions": WHOLE_DOMAIN - lacking,
    }
    return an_agent(**(fields | changes))


def in_the_way(outcome: RoleCreation | RoleEdit | RoleAssignment) -> list[str]:
    """Lists what an outcome was denied by."""
    decision = outcome.decision
    return [] if decision else [reason.code for reason in decision.reasons]


def codes_in(table: dict[str, Any]) -> set[str]:
    """Lists the codes that stand alone in a table, at its rows' ends."""
    return {row[-1] for row in table.values()}


#: The editor, what is ticked, and what is in the way.
CREATIONS: Final[dict[str, tuple[dict[str, Any], list[Permission], str]]] = {
    "nothing ticked": ({}, [], ""),
    "all that they hold": ({}, [*WHOLE_DOMAIN], ""),
    "nothing but managing roles": ({"permissions": {Permission.MANAGE_ROLES}}, [Permission.MANAGE_ROLES], ""),
    "disabled": ({"enabled": False}, [], "editor_enabled"),
    "editor's role of another domain": ({"role_domain_id": "other"}, [], "same_domain"),
    "everything but managing roles": ({"without": {Permission.MANAGE_ROLES}}, [VIDEO], "manages_roles"),
    "what they lack": ({"without": {VIDEO}}, [VIDEO], "grants_within_own"),
    "what they lack, among what they hold": ({"without": {VIDEO}}, [EMOJI, VIDEO], "grants_within_own"),
}


class TestCreateRole:
    """A new role has all permissions unchecked but those that were ticked."""

    @pytest.mark.parametrize(("editor", "ticked", "code"), CREATIONS.values(), ids=CREATIONS)
    def test_is_decided_by_every_rule(self, editor: dict[str, Any], ticked: list[Permission], code: str) -> None:
        """Each of them is the only thing in the way at least once."""
        creation = create_role(an_editor(**editor), id="r9", label="New", permissions=ticked)
        assert code.split() == in_the_way(creation)
        created = Role(id="r9", domain_id="acme", label="New", permissions=ticked)
        assert (None if code else created) == creation.role

    def test_leaves_no_rule_untried(self) -> None:
        """A rule that is never alone in the way might as well not be there."""
        assert {"", *CREATE_ROLE} == codes_in(CREATIONS)

    def test_starts_with_no_permission(self) -> None:
        """Neither known nor unknown ones, and in the editor's domain."""
        creation = create_role(an_editor(domain_id="d"), id="r9", label="New")
        assert Role(id="r9", domain_id="d", label="New", permissions=()) == creation.role

    @pytest.mark.parametrize("label", ["Video", "  Video\t\n", "\N{NO-BREAK SPACE}Video"], ids=ascii)
    def test_trims_its_label(self, label: str) -> None:
        """What surrounds it is nothing that anybody sees."""
        role = create_role(an_editor(), id="r9", label=label).role
        assert role is not None
        assert "Video" == role.label

    @pytest.mark.parametrize(
        ("label", "found"),
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
    def test_needs_a_label(self, label: Any, found: str) -> None:
        """It is the only thing by which people find a role."""
        with pytest.raises(InvalidValueError, match=rf"^label must be a non-blank str, got {found}$"):
            create_role(an_editor(), id="r9", label=label)

    def test_needs_an_id(self) -> None:
        """Two roles without one would be the same role."""
        with pytest.raises(InvalidValueError, match=r"^Role\.id must be a non-empty str, got an empty str$"):
            create_role(an_editor(), id="", label="New")

    def test_is_not_identified_by_its_label(self) -> None:
        """Administrators rename even the default roles; a namesake holds what it holds."""
        role = create_role(an_editor(without={VIDEO}), id="r9", label="Administrator").role
        assert role is not None
        assert frozenset() == role.permissions


#: The editor, the role, the edit, and what is in the way.
EDITS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "nothing": ({}, {}, {}, ""),
    "tick and untick": ({}, {}, {"grant": [EMOJI], "revoke": [VIDEO]}, ""),
    "role that holds as much": ({}, {"permissions": WHOLE_DOMAIN}, {"revoke": [EMOJI]}, ""),
    "role with a flag that they hold too": ({"unknown_permissions": {NEW}}, {"unknown_permissions": {NEW}}, {}, ""),
    "untick what they lack and the role has not": ({"without": {EMOJI}}, {}, {"revoke": [EMOJI]}, ""),
    "disabled": ({"enabled": False}, {}, {}, "editor_enabled"),
    "role of another domain": ({}, {"domain_id": "other"}, {}, "same_domain"),
    "editor of another domain": ({"domain_id": "other", "role_domain_id": "acme"}, {}, {}, "same_domain"),
    "editor's role of another domain": ({"role_domain_id": "other"}, {}, {}, "same_domain"),
    "everything but managing roles": ({"without": {Permission.MANAGE_ROLES}}, {}, {"label": "X"}, "manages_roles"),
    "role that holds more": ({"without": {VIDEO}}, {}, {"label": "X"}, "role_within_own"),
    "untick what is more": ({"without": {VIDEO}}, {}, {"revoke": [VIDEO]}, "role_within_own"),
    "role with a flag of a newer API": ({}, {"unknown_permissions": {NEW}}, {}, "role_within_own"),
    "role with another flag": ({"unknown_permissions": {NEW}}, {"unknown_permissions": {"x"}}, {}, "role_within_own"),
    "tick what they lack": ({"without": {EMOJI}}, {}, {"grant": [EMOJI]}, "grants_within_own"),
    "tick what is deactivated": ({}, {}, {"grant": [COBROWSING], "deactivated": [COBROWSING]}, "grants_active"),
    "tick what is deactivated and there already": (
        {},
        {"permissions": {COBROWSING}},
        {"grant": [COBROWSING], "deactivated": [COBROWSING]},
        "grants_active",
    ),
}


class TestEditRole:
    """An editor edits roles that hold no more than their own, and keeps them so."""

    @pytest.mark.parametrize(("editor", "role", "edit", "code"), EDITS.values(), ids=EDITS)
    def test_is_decided_by_every_rule(
        self, editor: dict[str, Any], role: dict[str, Any], edit: dict[str, Any], code: str
    ) -> None:
        """Each of them is the only thing in the way at least once; then the role stays as it was."""
        before = a_role(**role)
        outcome = edit_role(an_editor(**editor), before, **edit)
        assert code.split() == in_the_way(outcome)
        after = attrs.evolve(
            before,
            label=edit.get("label", before.label),
            permissions=before.permissions.union(edit.get("grant", ())).difference(edit.get("revoke", ())),
        )
        assert (before if code else after) == outcome.role

    def test_leaves_no_rule_untried(self) -> None:
        """A rule that is never alone in the way might as well not be there."""
        assert {"", *EDIT_ROLE} == codes_in(EDITS)

    def test_says_all_that_is_in_the_way(self) -> None:
        """Whoever mends one thing should not learn of the next one only then."""
        editor = an_editor(enabled=False, permissions={EMOJI})
        outcome = edit_role(editor, a_role(domain_id="other"), grant=[COBROWSING], deactivated=[COBROWSING])
        assert [*EDIT_ROLE] == in_the_way(outcome)

    def test_relabels(self) -> None:
        """The rest of the role, and what identifies it, stays."""
        assert attrs.evolve(a_role(), label="Video") == edit_role(an_editor(), a_role(), label=" Video ").role

    @pytest.mark.parametrize("label", ["", "  "], ids=repr)
    def test_does_not_take_the_label_away(self, label: str) -> None:
        """No label at all is said by leaving the argument out."""
        with pytest.raises(InvalidValueError, match=r"^label must be a non-blank str, got a blank str$"):
            edit_role(an_editor(), a_role(), label=label)

    def test_lets_editors_take_from_themselves(self) -> None:
        """Also what lets them edit: the next edit by whom they have become is denied."""
        editor = an_editor()
        outcome = edit_role(editor, editor.role, revoke=[Permission.MANAGE_ROLES])
        assert editor.role.revoke(Permission.MANAGE_ROLES) == outcome.role
        demoted = attrs.evolve(editor, role=outcome.role)
        assert ["manages_roles", "grants_within_own"] == in_the_way(
            edit_role(demoted, outcome.role, grant=[Permission.MANAGE_ROLES])
        )

    def test_does_not_let_editors_give_to_themselves(self) -> None:
        """Their own role is one that holds no more than their own."""
        editor = an_editor(without={VIDEO})
        assert ["grants_within_own"] == in_the_way(edit_role(editor, editor.role, grant=[VIDEO]))

    # An edit that says two things of one permission says nothing.
    def test_refuses_to_tick_and_untick_the_same(self) -> None:
        """All that is contradictory is named."""
        with pytest.raises(
            InvalidValueError,
            match=r"^revoke and grant both name escalate_to_video, use_emoji$",
        ):
            edit_role(an_editor(), a_role(), grant=[EMOJI, VIDEO], revoke=[VIDEO, EMOJI, COBROWSING])


class TestDeactivatedFeatures:
    """What is deactivated on the platform may stand in a role, and is neither given nor passed on."""

    def test_are_left_out_of_the_comparison_when_named(self) -> None:
        """The role can be edited by somebody who lacks them; what it holds of them, it keeps."""
        editor, role = an_editor(without={COBROWSING}), a_role(permissions={COBROWSING})
        assert ["role_within_own"] == in_the_way(edit_role(editor, role, grant=[EMOJI]))
        outcome = edit_role(editor, role, grant=[EMOJI], deactivated=[COBROWSING])
        assert a_role(permissions={COBROWSING, EMOJI}) == outcome.role

    def test_except_nothing_else(self) -> None:
        """Another permission that the editor lacks, or a flag of a newer API, is in the way as ever."""
        editor = an_editor(without={COBROWSING, VIDEO})
        for role in (a_role(permissions={COBROWSING, VIDEO}), a_role(permissions=(), unknown_permissions={NEW})):
            assert ["role_within_own"] == in_the_way(edit_role(editor, role, deactivated=[COBROWSING]))

    @pytest.mark.parametrize("others", [[VIDEO], [COBROWSING, VIDEO], [VIDEO, EMOJI]], ids=str)
    def test_never_include_escalate_to_video(self, others: list[Permission]) -> None:
        """Nor anything else but the one that is known; which ones are named."""
        named = ", ".join(sorted({*others} - {COBROWSING}))
        with pytest.raises(
            InvalidValueError, match=rf"^deactivated names {named}, but only use_cobrowsing can be deactivated$"
        ):
            edit_role(an_editor(), a_role(), deactivated=others)

    def test_cannot_be_granted_even_by_who_lacks_them(self) -> None:
        """Both reasons are told."""
        outcome = edit_role(an_editor(without={COBROWSING}), a_role(), grant=[COBROWSING], deactivated=[COBROWSING])
        assert ["grants_within_own", "grants_active"] == in_the_way(outcome)

    def test_cannot_be_passed_on(self) -> None:
        """A role that was edited under the exception is still more than the editor may assign."""
        editor, role = an_editor(without={COBROWSING}), a_role(id="r2", permissions={COBROWSING})
        edited = edit_role(editor, role, label="Mine", deactivated=[COBROWSING]).role
        assert "Mine" == edited.label
        assert ["new_role_within_own"] == in_the_way(assign_role(editor, an_agent(), edited))


def left_out(outcome: RoleEdit) -> dict[str, IgnoredBecause]:
    """Says what the API ignores of an edit, and why."""
    return {each.field: each.because for each in outcome.ignored}


class TestSavedByTheApi:
    """The API saves the rest, and drops silently what it does not take."""

    def test_is_all_of_an_edit_that_it_takes(self) -> None:
        """Nothing is said to be ignored then."""
        outcome = edit_role(an_editor(), a_role(), grant=[EMOJI], revoke=[VIDEO])
        assert (a_role(permissions={EMOJI}), ()) == (outcome.saved_by_api, outcome.ignored)
        assert outcome.role == outcome.saved_by_api

    def test_leaves_out_what_the_editor_lacks(self) -> None:
        """The pages refuse the whole edit; the API answers 200, and the permission is not there."""
        outcome = edit_role(an_editor(without={VIDEO}), a_role(permissions=()), grant=[VIDEO, EMOJI])
        assert a_role(permissions=()) == outcome.role
        assert a_role(permissions={EMOJI}) == outcome.saved_by_api
        assert {"escalate_to_video": IgnoredBecause.EDITOR_LACKS_IT} == left_out(outcome)

    @pytest.mark.parametrize(
        "flag", ["anonymize_identity", "export_identity", "lock_identity", "manage_messaging", "use_cobrowsing"]
    )
    def test_leaves_out_flags_that_are_not_writable(self, flag: str) -> None:
        """Neither ticked nor unticked, whoever the editor is: nobody else is asked in vain."""
        permission = Permission(flag)
        ticked = edit_role(an_editor(), a_role(), grant=[permission, EMOJI])
        assert a_role(permissions={VIDEO, EMOJI}) == ticked.saved_by_api
        assert {flag: IgnoredBecause.NOT_WRITABLE} == left_out(ticked)
        unticked = edit_role(an_editor(), a_role(permissions={permission, EMOJI}), revoke=[permission, EMOJI])
        assert a_role(permissions={permission}) == unticked.saved_by_api
        assert {flag: IgnoredBecause.NOT_WRITABLE} == left_out(unticked)
        lacking = edit_role(an_editor(without={permission}), a_role(), grant=[permission])
        assert {flag: IgnoredBecause.NOT_WRITABLE} == left_out(lacking)

    def test_leaves_out_the_label(self) -> None:
        """It stands on the page, and is no field of the PUT."""
        outcome = edit_role(an_editor(), a_role(label="Old"), label="New", grant=[EMOJI])
        assert ("New", "Old") == (outcome.role.label, outcome.saved_by_api.label)
        assert EMOJI in outcome.saved_by_api.permissions
        assert (Ignored("label", IgnoredBecause.NOT_A_PUT_FIELD),) == outcome.ignored

    def test_lists_what_it_leaves_out_by_key_and_the_label_last(self) -> None:
        """The order is the same in every process."""
        outcome = edit_role(
            an_editor(without={VIDEO}),
            a_role(permissions=()),
            grant=[VIDEO, COBROWSING, Permission.LOCK_IDENTITY],
            label="New",
        )
        assert ["escalate_to_video", "lock_identity", "use_cobrowsing", "label"] == [*left_out(outcome)]

    def test_does_not_count_what_changes_nothing(self) -> None:
        """A tick that is there already, one to take away that is not, and the same label."""
        role = a_role(label="Old", permissions={VIDEO, COBROWSING})
        outcome = edit_role(an_editor(), role, grant=[COBROWSING], revoke=[Permission.LOCK_IDENTITY], label="  Old ")
        assert (role, ()) == (outcome.saved_by_api, outcome.ignored)

    # The pages' exception is the pages' own.
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
    def test_is_the_role_as_it_was_where_the_api_refuses(self, editor: dict[str, Any], role: dict[str, Any]) -> None:
        """A role that holds more than the editor's is not saved at all, deactivated or not."""
        before = a_role(**role)
        outcome = edit_role(an_editor(**editor), before, grant=[EMOJI], label="New", deactivated=[COBROWSING])
        assert (before, ()) == (outcome.saved_by_api, outcome.ignored)


#: The editor, the agent, the new role, and what is in the way.
ASSIGNMENTS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "another role": ({}, {}, {}, ""),
    "role that holds as much": ({}, {}, {"permissions": WHOLE_DOMAIN}, ""),
    "agent who holds as much": ({}, {"permissions": WHOLE_DOMAIN}, {}, ""),
    "flags that they hold too": (
        {"unknown_permissions": {NEW}},
        {"unknown_permissions": {NEW}},
        {"unknown_permissions": {NEW}},
        "",
    ),
    "agent who is disabled": ({}, {"enabled": False}, {}, ""),
    "agent of a team that they lead": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1", "t2"}},
        {"team_ids": {"t2", "t3"}},
        {},
        "",
    ),
    "no right to manage teams, and none led": ({}, {"team_ids": {"t1"}}, {}, ""),
    "disabled": ({"enabled": False}, {}, {}, "editor_enabled"),
    "editor of another domain": ({"domain_id": "other", "role_domain_id": "acme"}, {}, {}, "same_domain"),
    "editor's role of another domain": ({"role_domain_id": "other"}, {}, {}, "same_domain"),
    "agent of another domain": ({}, {"domain_id": "other", "role_domain_id": "acme"}, {}, "same_domain"),
    "agent's role of another domain": ({}, {"role_domain_id": "other"}, {}, "same_domain"),
    "new role of another domain": ({}, {}, {"domain_id": "other"}, "same_domain"),
    "everything but updating users": ({"without": {Permission.UPDATE_USER}}, {}, {}, "updates_users"),
    "agent of no team": ({"permissions": EVERYTHING, "led_team_ids": {"t1"}}, {}, {}, "leads_agent"),
    "agent of another team": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1"}},
        {"team_ids": {"t2"}},
        {},
        "leads_agent",
    ),
    "agent of a team that they are only in": (
        {"permissions": EVERYTHING, "team_ids": {"t1"}},
        {"team_ids": {"t1"}},
        {},
        "leads_agent",
    ),
    "agent who leads their team": (
        {"permissions": EVERYTHING, "team_ids": {"t1"}},
        {"led_team_ids": {"t1"}},
        {},
        "leads_agent",
    ),
    "agent who holds more": ({"without": {EMOJI}}, {"permissions": {EMOJI}}, {}, "old_role_within_own"),
    "agent with a flag of a newer API": ({}, {"unknown_permissions": {NEW}}, {}, "old_role_within_own"),
    "role that holds more": ({"without": {EMOJI}}, {}, {"permissions": {EMOJI}}, "new_role_within_own"),
    "role with a flag of a newer API": ({}, {}, {"unknown_permissions": {NEW}}, "new_role_within_own"),
}


class TestAssignRole:
    """An editor gives roles to agents who have no more than they, and gives no more than they have."""

    @pytest.mark.parametrize(("editor", "agent", "role", "code"), ASSIGNMENTS.values(), ids=ASSIGNMENTS)
    def test_is_decided_by_every_rule(
        self, editor: dict[str, Any], agent: dict[str, Any], role: dict[str, Any], code: str
    ) -> None:
        """Each of them is the only thing in the way at least once; then the agent keeps their role."""
        fields: dict[str, Any] = {"id": "r2"} | role
        before, new = an_agent(**agent), a_role(**fields)
        outcome = assign_role(an_editor(**editor), before, new)
        assert code.split() == in_the_way(outcome)
        assert (before if code else attrs.evolve(before, role=new)) == outcome.agent

    def test_leaves_no_rule_untried(self) -> None:
        """A rule that is never alone in the way might as well not be there."""
        assert {"", *ASSIGN_ROLE} == codes_in(ASSIGNMENTS)

    def test_says_what_the_agent_gains_and_loses(self) -> None:
        """An agent has one role: with it comes and goes all that it holds, flags of a newer API too."""
        agent = an_agent(permissions={EMOJI, VIDEO}, unknown_permissions={"old", "same"})
        role = a_role(id="r2", permissions={VIDEO, COBROWSING}, unknown_permissions={NEW, "same"})
        outcome = assign_role(an_editor(unknown_permissions={"old", NEW, "same"}), agent, role)
        assert outcome.decision.allowed
        assert (frozenset({COBROWSING, NEW}), frozenset({EMOJI, "old"})) == (outcome.gains, outcome.loses)

    def test_says_so_also_where_it_is_denied(self) -> None:
        """What the change would have meant is what whoever is asked next wants to know."""
        outcome = assign_role(an_editor(without={EMOJI}), an_agent(), a_role(id="r2", permissions={EMOJI}))
        assert (frozenset({EMOJI}), frozenset({VIDEO})) == (outcome.gains, outcome.loses)

    def test_of_the_role_that_they_have_changes_nothing(self) -> None:
        """It is allowed to whoever may assign it."""
        outcome = assign_role(an_editor(), an_agent(), an_agent().role)
        assert (True, an_agent()) == (outcome.decision.allowed, outcome.agent)
        assert (frozenset(), frozenset()) == (outcome.gains, outcome.loses)

    def test_lets_editors_give_themselves_less_only(self) -> None:
        """An editor is an agent like any other."""
        editor = an_editor(without={EMOJI})
        less, more = (a_role(id=f"r{number}", permissions=held) for number, held in enumerate(([VIDEO], [EMOJI]), 1))
        assert less == assign_role(editor, editor, less).agent.role
        assert ["new_role_within_own"] == in_the_way(assign_role(editor, editor, more))

    def test_of_a_role_just_made_gives_no_more_than_the_editor_has(self) -> None:
        """What cannot be created cannot be assigned, and neither can be had by way of an edit."""
        editor = an_editor(without={VIDEO})
        assert create_role(editor, id="r2", label="Mine", permissions=[VIDEO]).role is None
        role = create_role(editor, id="r2", label="Mine").role
        assert role is not None
        edited = edit_role(editor, role, grant=[VIDEO]).role
        assert not assign_role(editor, an_agent(permissions=()), edited).agent.role.permissions


class TestStaleCopies:
    """Two copies of one thing that differ cannot both be true; nothing is decided on them."""

    def test_of_the_editors_own_role_are_not_edited(self) -> None:
        """Either the editor holds less by now, or the role does."""
        editor = an_editor()
        for copied in (
            editor.role.revoke(EMOJI),
            editor.role.relabel("X"),
            attrs.evolve(editor.role, unknown_permissions=[NEW]),
        ):
            with pytest.raises(
                InvalidValueError,
                match=r"^role differs from another copy of the same role: one of the two is out of date, so load both again$",
            ):
                edit_role(editor, copied)

    def test_that_do_not_differ_are_edited(self) -> None:
        """An equal copy is as good as the original."""
        editor = an_editor()
        assert edit_role(editor, copy.deepcopy(editor.role), grant=[EMOJI]).decision

    def test_are_told_from_a_role_of_another_domain(self) -> None:
        """An id says something within its domain only: that is a denial like any other."""
        editor = an_editor()
        role = attrs.evolve(editor.role, domain_id="other", permissions=[])
        assert ["same_domain"] == in_the_way(edit_role(editor, role))

    def test_of_any_role_are_not_assigned(self) -> None:
        """The new one against the editor's and the agent's, and these against each other."""
        editor, agent = an_editor(), an_agent()
        holder = an_agent(role=editor.role.revoke(EMOJI))
        for whose, new, field in (
            (agent, editor.role.revoke(EMOJI), "role"),
            (agent, agent.role.grant(EMOJI), "role"),
            (holder, a_role(id="r2"), r"agent\.role"),
        ):
            with pytest.raises(
                InvalidValueError,
                match=rf"^{field} differs from another copy of the same role: one of the two is out of date, so load both again$",
            ):
                assign_role(editor, whose, new)

    def test_of_the_editor_decide_nothing(self) -> None:
        """Whoever was given a lesser role does not get the old one back by the copy they had before."""
        editor = an_editor()
        demoted = assign_role(editor, editor, a_role(id="r2")).agent
        for copied in (demoted, attrs.evolve(editor, enabled=False)):
            with pytest.raises(
                InvalidValueError,
                match=r"^agent differs from another copy of the same agent: one of the two is out of date, so load both again$",
            ):
                assign_role(editor, copied, editor.role)


#: What is no collection of permissions, and what is said of it.
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
    """What is not what it should be is an error that names it; nothing is half done."""

    @pytest.mark.parametrize(("given", "found"), NO_PERMISSIONS, ids=[f"{given!a:.40}" for given, _ in NO_PERMISSIONS])
    @pytest.mark.parametrize("name", ["permissions", "grant", "revoke", "deactivated"])
    def test_that_are_no_permissions_are_refused(self, name: str, given: Any, found: str) -> None:
        """Also where the permission would only be taken away: it would silently stay."""
        call: Any = (
            partial(create_role, id="r9", label="New") if name == "permissions" else partial(edit_role, role=a_role())
        )
        with pytest.raises(InvalidValueError) as caught:
            call(an_editor(), **{name: given})
        assert f"{name}{found}" == str(caught.value)

    @pytest.mark.parametrize("kind", ["list", "tuple", "set", "iterator", "keys"])
    def test_are_any_collection_of_permissions(self, kind: str) -> None:
        """A generator is read once, and what comes twice counts once."""
        ticked = [VIDEO, VIDEO, EMOJI]
        kinds = {
            "tuple": tuple(ticked),
            "set": {*ticked},
            "iterator": iter(ticked),
            "keys": dict.fromkeys(ticked).keys(),
        }
        creation = create_role(an_editor(), id="r9", label="New", permissions=kinds.get(kind, ticked))
        assert creation.role is not None
        assert {VIDEO, EMOJI} == creation.role.permissions

    @pytest.mark.parametrize(
        "stranger", [None, "admin", {"id": "admin"}, a_role()], ids=["None", "str", "dict", "role"]
    )
    def test_that_are_no_agents_are_refused(self, stranger: Any) -> None:
        """A raw record, most likely, or two arguments in the wrong order."""
        for name, call in (
            ("editor", lambda: create_role(stranger, id="r9", label="New")),
            ("editor", lambda: edit_role(stranger, a_role())),
            ("editor", lambda: assign_role(stranger, an_agent(), a_role())),
            ("agent", lambda: assign_role(an_editor(), stranger, a_role())),
        ):
            with pytest.raises(InvalidValueError, match=rf"^{name} must be an Agent, got (None|a )"):
                call()

    @pytest.mark.parametrize("stranger", [None, "r1", an_agent()], ids=["None", "str", "agent"])
    def test_that_are_no_roles_are_refused(self, stranger: Any) -> None:
        """The id of a role is not the role."""
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
    """What comes of a change can be kept, compared, sent and logged."""

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_survive_pickles_and_copies(self, outcome: Any) -> None:
        """A worker process sends it back."""
        for same in (copy.copy(outcome), copy.deepcopy(outcome), pickle.loads(pickle.dumps(outcome))):
            assert outcome == same
            assert hash(outcome) == hash(same)

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    @pytest.mark.parametrize("secret", ["Secret label", "ada@example.com", "664307016", "664287016"])
    def test_show_no_label_no_address_and_no_id_of_ringcentral(self, outcome: Any, secret: str) -> None:
        """Neither their repr nor the explanation of their decision; both end up in logs."""
        assert secret not in repr(outcome)
        assert secret not in outcome.decision.explain()

    def test_say_what_is_in_the_way_in_words(self) -> None:
        """Permissions are no secret, and are what there is to mend."""
        outcome = edit_role(an_editor(permissions={Permission.MANAGE_ROLES}), a_role(permissions={EMOJI}))
        assert (
            "deny edit_role\n"
            "- role_within_own (unmet): The role must hold nothing that the editor's role does not hold. Required: compared "
            "is within editor.role.permissions and role.unknown_permissions is within editor.role.unknown_permissions. "
            "Seen: compared = use_emoji.\n"
            "    engage_administrator: Ask an administrator whose role holds all of the role's permissions to do it."
        ) == outcome.decision.explain()


class TestRules:
    """Every rule tells administrators, agents and whoever mends it what they need."""

    @pytest.mark.parametrize("policy", [CREATE_ROLE, EDIT_ROLE, ASSIGN_ROLE], ids=lambda policy: policy.id)
    def test_have_their_own_words_a_remedy_and_a_source(self, policy: Policy[Any]) -> None:
        """The words made from a condition are for rules that nobody has put into words."""
        for rule in policy.rules:
            assert rule.remedy is not None
            assert rule.source is not None
            assert not rule.explanation.startswith("Requires that")
            assert not rule.agent_text.startswith("This needs to hold first")

    def test_are_asked_of_requests_that_are_checked(self) -> None:
        """A host that makes one by hand cannot make one of a role's id."""
        role: Any = "r1"
        with pytest.raises(InvalidValueError, match=r"^RoleChange\.role must be a Role, got a str$"):
            RoleChange(
                editor=an_editor(), role=role, compared=frozenset(), granted=frozenset(), grants_deactivated=False
            )
