"""RingCentral IDs: entered in one agent's profile, or mapped by e-mail address for imported users."""

import copy
import pickle
import time
from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest

from escalation_policy import Agent, Permission, RingCentralUser, VideoAccess
from escalation_policy.administration import (
    Ambiguity,
    Conflict,
    ConflictKind,
    Directory,
    ImportMapping,
    RingCentralLink,
    link_ringcentral,
    map_imported_users,
)
from escalation_policy.administration._policies import LINK_RINGCENTRAL
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_domain, a_ringcentral_user, an_agent

EVERYTHING: Final = frozenset(Permission)
MY_TEAMS: Final = Permission.MANAGE_USERS_OF_MY_TEAMS
WHOLE_DOMAIN: Final = EVERYTHING - {MY_TEAMS}
UPDATE: Final = Permission.UPDATE_USER
CREATE: Final = Permission.CREATE_USER
DOMAIN: Final = a_domain()
ACCOUNT: Final = "664287016"


def an_editor(**changes: Any) -> Agent:
    """Make an editor with every permission except those in `without`."""
    missing = changes.pop("without", frozenset())
    fields: dict[str, Any] = {
        "id": "admin",
        "role_id": "r0",
        "permissions": WHOLE_DOMAIN - missing,
        "ringcentral": None,
    }
    return an_agent(**(fields | changes))


def a_directory(*agents: Agent, **domain: Any) -> Directory:
    """Make a directory of some agents and their roles."""
    return Directory(domain=a_domain(**domain), roles={agent.role for agent in agents}, agents=agents)


def denied_by(link: RingCentralLink) -> list[str]:
    """Return the codes of a denial, or nothing for an allow."""
    return [] if link.decision else [reason.code for reason in link.decision.reasons]


#: The editor, the agent, the extension, and the code of the denial. The agent has no extension, or does not exist yet.
LINKS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "extension of the account": ({}, {}, {}, ""),
    "extension of an unknown account": ({}, {}, {"account_id": None}, ""),
    "only updating users": ({"permissions": {UPDATE}}, {}, {}, ""),
    "new agent": ({"permissions": {CREATE}}, {"id": "u9"}, {}, ""),
    "agent of a team that the editor leads": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1"}},
        {"team_ids": {"t1", "t2"}},
        {},
        "",
    ),
    "disabled": ({"enabled": False}, {}, {}, "editor_enabled"),
    "editor of another domain": ({"domain_id": "other", "role_domain_id": "acme"}, {}, {}, "same_domain"),
    "editor's role of another domain": ({"role_domain_id": "other"}, {}, {}, "same_domain"),
    "agent of another domain": ({}, {"id": "u9", "domain_id": "other", "role_domain_id": "acme"}, {}, "same_domain"),
    "agent's role of another domain": ({}, {"id": "u9", "role_domain_id": "other"}, {}, "same_domain"),
    "all of another domain": ({"domain_id": "other"}, {"id": "u9", "domain_id": "other"}, {}, "same_domain"),
    "all except updating users": ({"without": {UPDATE}}, {}, {}, "edits_users"),
    "new agent, all except creating users": ({"without": {CREATE}}, {"id": "u9"}, {}, "edits_users"),
    "agent of no team": ({"permissions": EVERYTHING, "led_team_ids": {"t1"}}, {}, {}, "leads_agent"),
    "new agent of another team": (
        {"permissions": EVERYTHING, "led_team_ids": {"t1"}},
        {"id": "u9", "team_ids": {"t2"}},
        {},
        "leads_agent",
    ),
    "extension of another account": ({}, {}, {"account_id": "1"}, "extension_in_account"),
    "extension of another agent": ({}, {}, {"extension_id": "2"}, "extension_free"),
    "new agent, extension of another agent": ({}, {"id": "u9"}, {"extension_id": "2"}, "extension_free"),
}
OTHER: Final = an_agent(id="u2", extension_id="2")


class TestLinkRingcentral:
    """`link_ringcentral()`: a RingCentral ID belongs to one agent and one account."""

    @pytest.mark.parametrize(("editor", "agent", "user", "code"), LINKS.values(), ids=LINKS)
    def test_each_rule_alone_can_deny(
        self, editor: dict[str, Any], agent: dict[str, Any], user: dict[str, Any], code: str
    ) -> None:
        """After a denial, the profile is unchanged."""
        fields: dict[str, Any] = {"ringcentral": None} | agent
        before, extension = an_agent(**fields), a_ringcentral_user(**user)
        link = link_ringcentral(
            an_editor(**editor), before, extension, directory=a_directory(an_agent(ringcentral=None), OTHER)
        )
        assert code.split() == denied_by(link)
        assert (before if code else attrs.evolve(before, ringcentral=extension)) == link.agent

    def test_the_table_has_every_rule(self) -> None:
        """A rule that never denies alone would be superfluous. Another test has `domain_linked`."""
        assert {"", *LINK_RINGCENTRAL} == {"domain_linked", *(code for *_, code in LINKS.values())}

    def test_a_denial_has_all_reasons(self) -> None:
        """Otherwise the second problem would show only after the first is fixed."""
        editor = an_editor(enabled=False, permissions={MY_TEAMS})
        agent = an_agent(id="u9", role_domain_id="other")
        user = a_ringcentral_user(extension_id="2", account_id="1")
        link = link_ringcentral(editor, agent, user, directory=a_directory(OTHER))
        assert [code for code in LINK_RINGCENTRAL if code != "domain_linked"] == denied_by(link)

    def test_a_domain_without_an_account_accepts_only_an_unknown_account(self) -> None:
        """No known account can be that of the domain."""
        directory = a_directory(an_agent(ringcentral=None), ringcentral_account_id=None)
        agent = directory.agents[0]
        assert ["domain_linked"] == denied_by(
            link_ringcentral(an_editor(), agent, a_ringcentral_user(), directory=directory)
        )
        unknown = a_ringcentral_user(account_id=None)
        assert unknown == link_ringcentral(an_editor(), agent, unknown, directory=directory).agent.ringcentral

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"permissions": []}, r"^agent differs from another copy of the same agent"),
            ({"id": "u9", "permissions": []}, r"^agent\.role differs from another copy of the same role"),
        ],
        ids=["agent", "role of a new agent"],
    )
    def test_rejects_a_stale_copy_of_the_agent(self, changes: dict[str, Any], message: str) -> None:
        """It compares roles of new agents too. Saving a stale copy would grant permissions again that were revoked."""
        with pytest.raises(InvalidValueError, match=message):
            link_ringcentral(
                an_editor(), an_agent(**changes), a_ringcentral_user(), directory=a_directory(an_agent(), OTHER)
            )

    @pytest.mark.parametrize(
        "fields",
        [
            {"account_id": None, "video": VideoAccess.UNKNOWN, "email": None},
            {"account_id": None},
            {"video": VideoAccess.UNKNOWN},
            {"email": None},
            {"video": VideoAccess.DENIED, "email": "grace@example.com"},
        ],
        ids=" ".join,
    )
    def test_keeps_known_values_of_the_same_extension(self, fields: dict[str, Any]) -> None:
        """The profile has only the id. A value that is unknown now was not changed."""
        present: dict[str, Any] = {"account_id": ACCOUNT, "video": VideoAccess.GRANTED, "email": "ada@example.com"}
        agent = an_agent(ringcentral=a_ringcentral_user(**present))
        link = link_ringcentral(
            an_editor(), agent, a_ringcentral_user(**(present | fields)), directory=a_directory(agent, OTHER)
        )
        new = {name: value for name, value in fields.items() if value not in (None, VideoAccess.UNKNOWN)}
        assert a_ringcentral_user(**(present | new)) == link.agent.ringcentral

    def test_another_extension_does_not_get_the_values_of_the_old_one(self) -> None:
        """Otherwise an extension without video access, or of another account, would look like a good one."""
        agent = an_agent(ringcentral=a_ringcentral_user(email="ada@example.com"))
        other = RingCentralUser(extension_id="3")
        link = link_ringcentral(an_editor(), agent, other, directory=a_directory(agent, OTHER))
        assert link.decision.allowed
        assert other == link.agent.ringcentral
        assert (None, VideoAccess.UNKNOWN, None) == (other.account_id, other.video, other.email)

    def test_does_not_forget_a_wrong_account(self) -> None:
        """Otherwise an unknown account would be a way around the rule."""
        agent = an_agent(ringcentral=a_ringcentral_user(account_id="1"))
        directory = a_directory(agent, OTHER)
        link = link_ringcentral(an_editor(), agent, a_ringcentral_user(account_id=None), directory=directory)
        assert ["extension_in_account"] == denied_by(link)

    def test_replaces_the_extension_that_the_agent_has(self) -> None:
        """The profile has one field. The same extension again is not a conflict with another agent."""
        directory = a_directory(an_agent(), OTHER)
        for user in (a_ringcentral_user(), a_ringcentral_user(extension_id="3")):
            link = link_ringcentral(an_editor(), an_agent(), user, directory=directory)
            assert user == link.agent.ringcentral

    def test_needs_another_permission_for_a_new_agent(self) -> None:
        """An agent is new if the directory does not have the id."""
        user, directory = a_ringcentral_user(), a_directory(an_agent(ringcentral=None))
        for permissions, for_known, for_new in (({UPDATE}, [], ["edits_users"]), ({CREATE}, ["edits_users"], [])):
            editor = an_editor(permissions=permissions)
            agents = [an_agent(id=agent_id, ringcentral=None) for agent_id in ("u1", "u9")]
            links = [link_ringcentral(editor, agent, user, directory=directory) for agent in agents]
            assert [for_known, for_new] == [denied_by(link) for link in links]

    def test_rejects_a_stale_copy_of_the_editor(self) -> None:
        """The directory or the agent is a copy with another role, or a disabled one."""
        editor = an_editor()
        for changed in (attrs.evolve(editor, role=an_agent().role), attrs.evolve(editor, enabled=False)):
            for agent, directory in (
                (an_agent(), a_directory(an_agent(), changed)),
                (changed, a_directory(an_agent())),
            ):
                with pytest.raises(
                    InvalidValueError,
                    match=r"^editor differs from another copy of the same agent: one of the two is out of date",
                ):
                    link_ringcentral(editor, agent, a_ringcentral_user(), directory=directory)
        assert link_ringcentral(
            editor, an_agent(), a_ringcentral_user(), directory=a_directory(an_agent(), editor)
        ).decision

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"editor": "admin"}, "editor must be an Agent, got a str"),
            ({"agent": None}, "agent must be an Agent, got None"),
            ({"ringcentral_user": "664307016"}, "ringcentral_user must be a RingCentralUser, got a str"),
            ({"directory": [OTHER]}, "directory must be a Directory, got a list"),
        ],
        ids=["editor", "agent", "user", "directory"],
    )
    def test_rejects_arguments_of_another_type(self, changes: dict[str, Any], message: str) -> None:
        """An id is not an extension, and the message does not show it."""
        arguments: dict[str, Any] = {
            "editor": an_editor(),
            "agent": an_agent(),
            "ringcentral_user": a_ringcentral_user(),
            "directory": a_directory(an_agent()),
        }
        with pytest.raises(InvalidValueError) as caught:
            link_ringcentral(**(arguments | changes))
        assert message == str(caught.value)


def an_agent_with(number: int, email: str | None = "ada@example.com", **fields: Any) -> Agent:
    """Make an agent, by default without an extension."""
    extension: dict[str, Any] = {"ringcentral": None} if "extension_id" not in fields else {}
    return an_agent(id=f"u{number}", email=email, **extension, **fields)


def a_user(
    extension: str = "5", email: str | None = "ada@example.com", account: str | None = ACCOUNT
) -> RingCentralUser:
    """Make a user of RingCentral."""
    return a_ringcentral_user(extension_id=extension, account_id=account, email=email)


def map_users(agents: list[Agent], users: list[RingCentralUser]) -> ImportMapping:
    """Map users to agents of the domain."""
    return map_imported_users(agents, users, domain=DOMAIN)


NOTHING: Final = ImportMapping(
    linked=(), already_linked=(), unmatched_agents=(), unmatched_users=(), ambiguous=(), conflicting=()
)


class TestMapImportedUsers:
    """`map_imported_users()`: each agent and each user is in one part of the result."""

    def test_links_agents_and_users_with_the_same_address(self) -> None:
        """The agents are in their order, with all data of RingCentral."""
        agents = [
            an_agent_with(1, "ada@example.com"),
            an_agent_with(2, "bob@example.com"),
            an_agent_with(3, "eve@example.com"),
        ]
        users = [a_user("8", "eve@example.com"), a_user("5"), a_user("7", "bob@example.com", None)]
        expected = tuple(
            attrs.evolve(agent, ringcentral=users[number]) for agent, number in zip(agents, (1, 2, 0), strict=True)
        )
        assert attrs.evolve(NOTHING, linked=expected) == map_users(agents, users)

    def test_does_not_change_agents_who_have_the_extension(self) -> None:
        """Known values of the extension are not overwritten."""
        agent = an_agent_with(1, extension_id="5", video=VideoAccess.DENIED)
        assert attrs.evolve(NOTHING, already_linked=(agent,)) == map_users([agent], [a_user()])

    @pytest.mark.parametrize(
        ("present", "imported", "expected"),
        [(None, ACCOUNT, ACCOUNT), (None, None, None), (ACCOUNT, None, ACCOUNT), (ACCOUNT, ACCOUNT, ACCOUNT)],
        ids=["completed", "unknown", "known", "same"],
    )
    def test_adds_an_unknown_account(self, present: str | None, imported: str | None, expected: str | None) -> None:
        """The profile has no account, but RingCentral's data has. The domain's account is not used."""
        agent = an_agent_with(1, extension_id="5", account_id=present)
        completed = an_agent_with(1, extension_id="5", account_id=expected)
        assert attrs.evolve(NOTHING, already_linked=(completed,)) == map_users([agent], [a_user(account=imported)])

    def test_lists_agents_and_users_without_a_match(self) -> None:
        """They have another address or none. Two missing addresses do not match."""
        agents = [
            an_agent_with(1),
            an_agent_with(2, None),
            an_agent_with(3, "bob@example.com"),
            an_agent_with(4, "bob@example.com"),
        ]
        users = [a_user("6", "eve@example.com"), a_user("7", None), a_user("8", "eve@example.com")]
        assert attrs.evolve(NOTHING, unmatched_agents=(*agents,), unmatched_users=(*users,)) == map_users(agents, users)

    def test_can_be_empty(self) -> None:
        """Then all parts of the result are empty."""
        assert map_users([], []) == NOTHING

    @pytest.mark.parametrize(("agents", "users"), [(2, 1), (1, 2), (3, 3)], ids=["agents", "users", "both"])
    def test_links_nobody_if_several_share_an_address(self, agents: int, users: int) -> None:
        """An administrator has to decide who is who."""
        ambiguity = Ambiguity(
            tuple(an_agent_with(number) for number in range(agents)),
            tuple(a_user(str(number)) for number in range(users)),
        )
        mapping = map_users(
            [*ambiguity.agents, an_agent_with(9, "bob@example.com")], [*ambiguity.users, a_user("9", "bob@example.com")]
        )
        assert ((ambiguity,), ("u9",)) == (mapping.ambiguous, tuple(agent.id for agent in mapping.linked))

    def test_counts_a_duplicate_user_as_two(self) -> None:
        """Two different users can share an address and an extension."""
        assert attrs.evolve(NOTHING, ambiguous=(Ambiguity((an_agent_with(1),), (a_user(), a_user())),)) == map_users(
            [an_agent_with(1)], [a_user(), a_user()]
        )

    @pytest.mark.parametrize(
        ("agent", "user", "kind"),
        [
            (an_agent_with(1, extension_id="6"), a_user(), ConflictKind.OTHER_EXTENSION),
            (an_agent_with(1, extension_id="6"), a_user(account="1"), ConflictKind.OTHER_EXTENSION),
            (an_agent_with(1), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
            (an_agent_with(1, extension_id="5"), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
            (an_agent_with(1, extension_id="5", account_id="1"), a_user(), ConflictKind.OTHER_ACCOUNT),
            (an_agent_with(1, extension_id="5", account_id="1"), a_user(account=None), ConflictKind.OTHER_ACCOUNT),
            (an_agent_with(1, extension_id="5", account_id="1"), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
        ],
        ids=["extension", "extension first", "new", "user", "agent", "agent alone", "both"],
    )
    def test_does_not_link_contradictory_pairs(self, agent: Agent, user: RingCentralUser, kind: ConflictKind) -> None:
        """The conflict has both, and nothing is overwritten."""
        assert attrs.evolve(NOTHING, conflicting=(Conflict(kind, agent, user),)) == map_users([agent], [user])

    @pytest.mark.parametrize(
        "email", ["bob@example.com", None, "ada@example.com "], ids=["unmatched", "none", "namesake"]
    )
    def test_does_not_give_an_extension_to_a_second_agent(self, email: str | None) -> None:
        """It does not matter whether the first agent matches a user. The conflict has the first agent's id."""
        holder, agent = an_agent_with(2, email, extension_id="5"), an_agent_with(1, "eve@example.com")
        users = [a_user("5", "eve@example.com"), a_user("7")]
        mapping = map_users([agent, holder, an_agent_with(3)], users)
        assert (Conflict(ConflictKind.EXTENSION_TAKEN, agent, users[0], "u2"),) == mapping.conflicting

    def test_does_not_give_one_extension_to_two_agents(self) -> None:
        """Neither of them gets it. Each is a conflict for the other."""
        agents = [an_agent_with(1), an_agent_with(2, "bob@example.com")]
        users = [a_user("5"), a_user("5", "bob@example.com")]
        assert (
            Conflict(ConflictKind.EXTENSION_TAKEN, agents[0], users[0], "u2"),
            Conflict(ConflictKind.EXTENSION_TAKEN, agents[1], users[1], "u1"),
        ) == map_users(agents, users).conflicting

    def test_reports_agents_who_share_an_extension_already(self) -> None:
        """The agent with the matching address is not already linked, but a conflict."""
        agents = [an_agent_with(1, extension_id="5"), an_agent_with(2, "bob@example.com", extension_id="5")]
        mapping = map_users(agents, [a_user()])
        assert (Conflict(ConflictKind.EXTENSION_TAKEN, agents[0], a_user(), "u2"),) == mapping.conflicting
        assert ((agents[1],), ()) == (mapping.unmatched_agents, mapping.already_linked)

    def test_the_other_agent_does_not_depend_on_the_order(self) -> None:
        """It is the first other agent by id."""
        agents = [an_agent_with(number, f"{number}@example.com", extension_id="5") for number in (3, 1, 2)]
        for order in (agents, agents[::-1]):
            mapping = map_users(order, [a_user("5", f"{number}@example.com") for number in (1, 2, 3)])
            assert {"u1": "u2", "u2": "u1", "u3": "u1"} == {
                conflict.agent.id: conflict.other_agent_id for conflict in mapping.conflicting
            }


class TestAddresses:
    """The comparison of addresses ignores spaces around them and the case of ASCII letters."""

    @pytest.mark.parametrize(
        "email",
        ["ADA@EXAMPLE.COM", " ada@example.com", "ada@example.com\r\n", "\t\v\f Ada@Example.Com \t"],
        ids=ascii,
    )
    def test_match_in_any_case_and_with_spaces(self, email: str) -> None:
        """The spelling of the agent or of the user can differ."""
        assert map_users([an_agent_with(1, email)], [a_user()]).linked
        assert map_users([an_agent_with(1)], [a_user(email=email)]).linked

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("ada.l@example.com", "adal@example.com"),
            ("ada+video@example.com", "ada@example.com"),
            ("ada@example.com", "ada @example.com"),
            ("ada@example.com", "ada@example.com."),
            ("ada@example.com", "\N{NO-BREAK SPACE}ada@example.com"),
            ("ada@example.com", "ada@example.com\N{ZERO WIDTH SPACE}"),
            ("ada@example.com", "ada@example.com\x00"),
            ("ada@example.com", "ada@example.com\x1c"),
            ("k@example.com", "\N{KELVIN SIGN}@example.com"),
            ("K@example.com", "\N{KELVIN SIGN}@example.com"),
            ("strasse@example.com", "stra\N{LATIN SMALL LETTER SHARP S}e@example.com"),
            (
                "\N{LATIN SMALL LETTER A WITH DIAERESIS}@example.com",
                "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}@example.com",
            ),
            ("i@example.com", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}@example.com"),
            ("a@example.com", "\N{CYRILLIC SMALL LETTER A}@example.com"),
            ("a@example.com", "\N{FULLWIDTH LATIN SMALL LETTER A}@example.com"),
            ("e\N{COMBINING ACUTE ACCENT}@example.com", "\N{LATIN SMALL LETTER E WITH ACUTE}@example.com"),
        ],
        ids=ascii,
    )
    def test_do_not_match_otherwise(self, left: str, right: str) -> None:
        """Somebody with a lookalike address must not get the owner's extension."""
        for agent, user in (
            (an_agent_with(1, left), a_user(email=right)),
            (an_agent_with(1, right), a_user(email=left)),
        ):
            expected = attrs.evolve(NOTHING, unmatched_agents=(agent,), unmatched_users=(user,))
            assert expected == map_users([agent], [user])


class TestArguments:
    """Invalid arguments of `map_imported_users()`."""

    @pytest.mark.parametrize(
        ("agents", "users", "message"),
        [
            (
                [an_agent_with(1), an_agent_with(2, "ada")],
                [],
                "agents[1].email must be an e-mail address or None, got a str without @",
            ),
            (
                [],
                [a_user(email=" ")],
                "ringcentral_users[0].email must be an e-mail address or None, got a str without @",
            ),
            (
                [an_agent_with(1, domain_id="other")],
                [],
                "agents[0].domain_id names another domain",
            ),
            (
                [an_agent_with(1), an_agent_with(2), an_agent_with(1, None)],
                [],
                "agents[2].id is the id of agents[0] too",
            ),
            ([an_agent_with(1), None], [], "agents[1] must be an Agent, got None"),
            ([a_user()], [], "agents[0] must be an Agent, got a RingCentralUser"),
            ([], [an_agent_with(1)], "ringcentral_users[0] must be a RingCentralUser, got an Agent"),
            ("ada", [], "agents must be a collection of Agents, got a str"),
            (an_agent_with(1), [], "agents must be a collection of Agents, got an Agent"),
            ({"u1": an_agent_with(1)}, [], "agents must be a collection of Agents, got a dict"),
            ([], None, "ringcentral_users must be a collection of RingCentralUsers, got None"),
        ],
        ids=str,
    )
    def test_that_are_invalid_are_rejected(self, agents: Any, users: Any, message: str) -> None:
        """The message does not show an address."""
        with pytest.raises(InvalidValueError) as caught:
            map_users(agents, users)
        assert message == str(caught.value)

    def test_can_be_iterators(self) -> None:
        """A host can stream an export."""
        mapping = map_imported_users(iter([an_agent_with(1)]), iter((a_user(),)), domain=DOMAIN)
        assert ["u1"] == [agent.id for agent in mapping.linked]

    def test_need_a_domain_with_an_account(self) -> None:
        """Users are imported from that account."""
        with pytest.raises(
            InvalidValueError,
            match=r"^domain\.ringcentral_account_id is None: associate the domain with a RingCentral account",
        ):
            map_imported_users([], [], domain=a_domain(ringcentral_account_id=None))
        stranger: Any = "acme"
        with pytest.raises(InvalidValueError, match=r"^domain must be a Domain, got a str$"):
            map_imported_users([], [], domain=stranger)


MANY: Final = 20_000
#: Groups that share one value: the agents' address and extension, and the users', by number.
GROUPS: Final[dict[str, list[Callable[[int], str | None]]]] = {
    "one address": [lambda _: "ada@example.com", lambda _: None, lambda _: "ada@example.com", str],
    "one extension to get": [lambda n: f"{n}@example.com", lambda _: None, lambda n: f"{n}@example.com", lambda _: "5"],
    "one extension held": [lambda n: f"{n}@example.com", lambda _: "5", lambda n: f"{n}@example.com", lambda _: "5"],
}


class TestLargeGroups:
    """The time depends only on the number of agents and users."""

    @pytest.mark.slow
    @pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
    def test_are_mapped_in_linear_time(self, group: list[Callable[[int], Any]]) -> None:
        """To compare every pair would be 400 million comparisons."""
        email, present, address, extension = group
        like, user = an_agent(), a_ringcentral_user()
        agents = [
            attrs.evolve(
                like,
                id=f"u{number}",
                email=email(number),
                ringcentral=None if present(number) is None else attrs.evolve(user, extension_id=present(number)),
            )
            for number in range(MANY)
        ]
        users = [attrs.evolve(user, email=address(number), extension_id=extension(number)) for number in range(MANY)]
        start = time.process_time()
        mapping = map_users(agents, users)
        assert time.process_time() - start < 5
        results = [*mapping.conflicting, *(agent for group in mapping.ambiguous for agent in group.agents)]
        assert len(results) == MANY


OUTCOMES: Final = [
    link_ringcentral(an_editor(), an_agent(), a_ringcentral_user(account_id="777"), directory=a_directory(an_agent())),
    link_ringcentral(an_editor(), an_agent(), a_ringcentral_user(), directory=a_directory(an_agent())),
    map_users([an_agent_with(1)], [a_user("664307016")]),
    map_users([an_agent_with(1), an_agent_with(2)], [a_user("664307016")]),
    map_users([an_agent_with(1)], [a_user("664307016", account="777")]),
    map_users([an_agent_with(1, "eve@example.com")], [a_user("664307016")]),
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
    @pytest.mark.parametrize("secret", ["@example.com", "664307016", "664287016", "777"])
    def test_show_no_address_and_no_id_of_ringcentral(self, outcome: Any, secret: str) -> None:
        """Their repr and the explanation of a decision may be logged."""
        assert secret not in repr(outcome)
        if isinstance(outcome, RingCentralLink):
            assert secret not in outcome.decision.explain()

    def test_explain_a_denial_in_words(self) -> None:
        """Only `reveal` shows the ids that differ."""
        decision = OUTCOMES[0].decision if isinstance(OUTCOMES[0], RingCentralLink) else None
        assert decision is not None
        lines = decision.explain(reveal=True).splitlines()
        assert (
            "- extension_in_account (unmet): The extension must be in the RingCentral account of the domain, if its "
            "account is known. Required: account_told is false or ringcentral_user.account_id equals "
            "domain.ringcentral_account_id. Seen: account_told = true; ringcentral_user.account_id = another value."
        ) == lines[1]
        assert [
            "    ringcentral_user.account_id = '777'",
            f"    domain.ringcentral_account_id = '{ACCOUNT}'",
        ] == lines[2:4]


class TestRules:
    """Every rule has all its texts."""

    def test_have_texts_a_remedy_and_a_source(self) -> None:
        """No text is the default that is made from the condition."""
        for rule in LINK_RINGCENTRAL.rules:
            assert rule.remedy is not None
            assert rule.source is not None
            assert not rule.explanation.startswith("Requires that")
            assert not rule.agent_text.startswith("This needs to hold first")
