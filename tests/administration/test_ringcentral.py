"""RingCentral IDs: entered in one agent's profile, or mapped by e-mail address for all who are imported."""

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
    """Makes somebody who may do everything; `without` names what they lack."""
    lacking = changes.pop("without", frozenset())
    fields: dict[str, Any] = {
        "id": "admin",
        "role_id": "r0",
        "permissions": WHOLE_DOMAIN - lacking,
        "ringcentral": None,
    }
    return an_agent(**(fields | changes))


def a_directory(*agents: Agent, **domain: Any) -> Directory:
    """Makes a directory of some agents and their roles."""
    return Directory(domain=a_domain(**domain), roles={agent.role for agent in agents}, agents=agents)


def in_the_way(link: RingCentralLink) -> list[str]:
    """Lists what a link was denied by."""
    return [] if link.decision else [reason.code for reason in link.decision.reasons]


#: The editor, the agent, the extension, and what is in the way; the agent's profile is empty, or there is none yet.
LINKS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]]] = {
    "extension of the account": ({}, {}, {}, ""),
    "extension of nobody knows which account": ({}, {}, {"account_id": None}, ""),
    "nothing but updating users": ({"permissions": {UPDATE}}, {}, {}, ""),
    "new agent": ({"permissions": {CREATE}}, {"id": "u9"}, {}, ""),
    "agent of a team that they lead": (
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
    "everything but updating users": ({"without": {UPDATE}}, {}, {}, "edits_users"),
    "new agent, everything but creating users": ({"without": {CREATE}}, {"id": "u9"}, {}, "edits_users"),
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
    """A RingCentral ID is entered in a profile as any other field, but it belongs to one agent of one account."""

    @pytest.mark.parametrize(("editor", "agent", "user", "code"), LINKS.values(), ids=LINKS)
    def test_is_decided_by_every_rule(
        self, editor: dict[str, Any], agent: dict[str, Any], user: dict[str, Any], code: str
    ) -> None:
        """Each of them is the only thing in the way at least once; then the profile stays as it was."""
        fields: dict[str, Any] = {"ringcentral": None} | agent
        before, extension = an_agent(**fields), a_ringcentral_user(**user)
        link = link_ringcentral(
            an_editor(**editor), before, extension, directory=a_directory(an_agent(ringcentral=None), OTHER)
        )
        assert code.split() == in_the_way(link)
        assert (before if code else attrs.evolve(before, ringcentral=extension)) == link.agent

    def test_leaves_no_rule_untried(self) -> None:
        """A rule that is never alone in the way might as well not be there."""
        assert {"", *LINK_RINGCENTRAL} == {"domain_linked", *(code for *_, code in LINKS.values())}

    def test_says_all_that_is_in_the_way(self) -> None:
        """Whoever mends one thing should not learn of the next one only then."""
        editor = an_editor(enabled=False, permissions={MY_TEAMS})
        agent = an_agent(id="u9", role_domain_id="other")
        user = a_ringcentral_user(extension_id="2", account_id="1")
        link = link_ringcentral(editor, agent, user, directory=a_directory(OTHER))
        assert [code for code in LINK_RINGCENTRAL if code != "domain_linked"] == in_the_way(link)

    def test_of_a_domain_without_an_account_needs_an_extension_of_nobody_knows_which(self) -> None:
        """No account is the domain's own then."""
        directory = a_directory(an_agent(ringcentral=None), ringcentral_account_id=None)
        agent = directory.agents[0]
        assert ["domain_linked"] == in_the_way(
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
    def test_refuses_an_agent_whose_copy_is_stale(self, changes: dict[str, Any], message: str) -> None:
        """A new agent's role is not in doubt either: saving the link must not bring back what was taken away."""
        with pytest.raises(InvalidValueError, match=message):
            link_ringcentral(
                an_editor(), an_agent(**changes), a_ringcentral_user(), directory=a_directory(an_agent(), OTHER)
            )

    @pytest.mark.parametrize(
        "told",
        [
            {"account_id": None, "video": VideoAccess.UNKNOWN, "email": None},
            {"account_id": None},
            {"video": VideoAccess.UNKNOWN},
            {"email": None},
            {"video": VideoAccess.DENIED, "email": "grace@example.com"},
        ],
        ids=" ".join,
    )
    def test_keeps_what_is_known_of_the_same_extension(self, told: dict[str, Any]) -> None:
        """The profile asks for an id only; what nobody told anew is still so."""
        known: dict[str, Any] = {"account_id": ACCOUNT, "video": VideoAccess.GRANTED, "email": "ada@example.com"}
        agent = an_agent(ringcentral=a_ringcentral_user(**known))
        link = link_ringcentral(
            an_editor(), agent, a_ringcentral_user(**(known | told)), directory=a_directory(agent, OTHER)
        )
        new = {name: value for name, value in told.items() if value not in (None, VideoAccess.UNKNOWN)}
        assert a_ringcentral_user(**(known | new)) == link.agent.ringcentral

    def test_does_not_let_a_wrong_account_be_forgotten(self) -> None:
        """Leaving it out would be a way around the rule."""
        agent = an_agent(ringcentral=a_ringcentral_user(account_id="1"))
        directory = a_directory(agent, OTHER)
        link = link_ringcentral(an_editor(), agent, a_ringcentral_user(account_id=None), directory=directory)
        assert ["extension_in_account"] == in_the_way(link)

    def test_replaces_the_extension_that_the_agent_has(self) -> None:
        """The profile has one field for it; entering it again is no conflict with oneself."""
        directory = a_directory(an_agent(), OTHER)
        for user in (a_ringcentral_user(), a_ringcentral_user(extension_id="3")):
            link = link_ringcentral(an_editor(), an_agent(), user, directory=directory)
            assert user == link.agent.ringcentral

    def test_asks_for_another_right_where_the_agent_is_about_to_be_created(self) -> None:
        """Whoever is not in the directory is new, whatever they are called."""
        user, directory = a_ringcentral_user(), a_directory(an_agent(ringcentral=None))
        for held, known, new in (({UPDATE}, [], ["edits_users"]), ({CREATE}, ["edits_users"], [])):
            editor = an_editor(permissions=held)
            agents = [an_agent(id=each, ringcentral=None) for each in ("u1", "u9")]
            links = [link_ringcentral(editor, agent, user, directory=directory) for agent in agents]
            assert [known, new] == [in_the_way(link) for link in links]

    def test_refuses_an_editor_whose_copy_is_stale(self) -> None:
        """The directory, or the agent given, shows that by now they have another role, or are disabled."""
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
    def test_refuses_what_is_not_what_it_should_be(self, changes: dict[str, Any], message: str) -> None:
        """The id alone is no extension, and is not shown either."""
        arguments: dict[str, Any] = {
            "editor": an_editor(),
            "agent": an_agent(),
            "ringcentral_user": a_ringcentral_user(),
            "directory": a_directory(an_agent()),
        }
        with pytest.raises(InvalidValueError) as caught:
            link_ringcentral(**(arguments | changes))
        assert message == str(caught.value)


def somebody(number: int, email: str | None = "ada@example.com", **fields: Any) -> Agent:
    """Makes an agent without an extension, unless one is given."""
    given: dict[str, Any] = {"ringcentral": None} if "extension_id" not in fields else {}
    return an_agent(id=f"u{number}", email=email, **given, **fields)


def a_user(
    extension: str = "5", email: str | None = "ada@example.com", account: str | None = ACCOUNT
) -> RingCentralUser:
    """Makes a user of RingCentral."""
    return a_ringcentral_user(extension_id=extension, account_id=account, email=email)


def mapped(agents: list[Agent], users: list[RingCentralUser]) -> ImportMapping:
    """Maps within the domain."""
    return map_imported_users(agents, users, domain=DOMAIN)


NOTHING: Final = ImportMapping(
    linked=(), already_linked=(), unmatched_agents=(), unmatched_users=(), ambiguous=(), conflicting=()
)


class TestMapImportedUsers:
    """On each side everybody lands in exactly one place."""

    def test_links_who_has_the_same_address(self) -> None:
        """The new agents are in it, in the order given; all that RingCentral told comes with the extension."""
        agents = [somebody(1, "ada@example.com"), somebody(2, "bob@example.com"), somebody(3, "eve@example.com")]
        users = [a_user("8", "eve@example.com"), a_user("5"), a_user("7", "bob@example.com", None)]
        expected = tuple(
            attrs.evolve(agent, ringcentral=users[number]) for agent, number in zip(agents, (1, 2, 0), strict=True)
        )
        assert attrs.evolve(NOTHING, linked=expected) == mapped(agents, users)

    def test_leaves_who_has_the_extension_already(self) -> None:
        """Nothing that is known of the extension is overwritten."""
        agent = somebody(1, extension_id="5", video=VideoAccess.DENIED)
        assert attrs.evolve(NOTHING, already_linked=(agent,)) == mapped([agent], [a_user()])

    @pytest.mark.parametrize(
        ("held", "told", "then"),
        [(None, ACCOUNT, ACCOUNT), (None, None, None), (ACCOUNT, None, ACCOUNT), (ACCOUNT, ACCOUNT, ACCOUNT)],
        ids=["completed", "unknown", "known", "same"],
    )
    def test_completes_an_account_that_was_not_known(
        self, held: str | None, told: str | None, then: str | None
    ) -> None:
        """The profile holds no account; RingCentral tells it. Nothing is made up from the domain's."""
        agent = somebody(1, extension_id="5", account_id=held)
        completed = somebody(1, extension_id="5", account_id=then)
        assert attrs.evolve(NOTHING, already_linked=(completed,)) == mapped([agent], [a_user(account=told)])

    def test_leaves_who_has_no_counterpart(self) -> None:
        """Another address, or none at all: two without an address have nothing in common."""
        agents = [somebody(1), somebody(2, None), somebody(3, "bob@example.com"), somebody(4, "bob@example.com")]
        users = [a_user("6", "eve@example.com"), a_user("7", None), a_user("8", "eve@example.com")]
        assert attrs.evolve(NOTHING, unmatched_agents=(*agents,), unmatched_users=(*users,)) == mapped(agents, users)

    def test_of_nobody_is_nothing(self) -> None:
        """An import may be empty."""
        assert mapped([], []) == NOTHING

    # Two candidates on either side, or on both.
    @pytest.mark.parametrize(("agents", "users"), [(2, 1), (1, 2), (3, 3)], ids=["agents", "users", "both"])
    def test_links_nobody_where_there_are_several(self, agents: int, users: int) -> None:
        """Who is who is for people to say."""
        ambiguity = Ambiguity(
            tuple(somebody(number) for number in range(agents)),
            tuple(a_user(str(number)) for number in range(users)),
        )
        found = mapped(
            [*ambiguity.agents, somebody(9, "bob@example.com")], [*ambiguity.users, a_user("9", "bob@example.com")]
        )
        assert ((ambiguity,), ("u9",)) == (found.ambiguous, tuple(agent.id for agent in found.linked))

    def test_takes_one_user_given_twice_for_two(self) -> None:
        """It cannot tell a repeat from two who share an address and an extension."""
        assert attrs.evolve(NOTHING, ambiguous=(Ambiguity((somebody(1),), (a_user(), a_user())),)) == mapped(
            [somebody(1)], [a_user(), a_user()]
        )

    # Whose address it is does not help there.
    @pytest.mark.parametrize(
        ("agent", "user", "kind"),
        [
            (somebody(1, extension_id="6"), a_user(), ConflictKind.OTHER_EXTENSION),
            (somebody(1, extension_id="6"), a_user(account="1"), ConflictKind.OTHER_EXTENSION),
            (somebody(1), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
            (somebody(1, extension_id="5"), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
            (somebody(1, extension_id="5", account_id="1"), a_user(), ConflictKind.OTHER_ACCOUNT),
            (somebody(1, extension_id="5", account_id="1"), a_user(account=None), ConflictKind.OTHER_ACCOUNT),
            (somebody(1, extension_id="5", account_id="1"), a_user(account="1"), ConflictKind.OTHER_ACCOUNT),
        ],
        ids=["extension", "extension first", "new", "user", "agent", "agent alone", "both"],
    )
    def test_keeps_apart_who_contradict_each_other(
        self, agent: Agent, user: RingCentralUser, kind: ConflictKind
    ) -> None:
        """Both are named, and nothing is overwritten."""
        assert attrs.evolve(NOTHING, conflicting=(Conflict(kind, agent, user),)) == mapped([agent], [user])

    @pytest.mark.parametrize(
        "email", ["bob@example.com", None, "ada@example.com "], ids=["unmatched", "none", "namesake"]
    )
    def test_does_not_give_an_extension_to_a_second_agent(self, email: str | None) -> None:
        """Also where the first one is matched with nobody, or with several; they are named."""
        holder, agent = somebody(2, email, extension_id="5"), somebody(1, "eve@example.com")
        users = [a_user("5", "eve@example.com"), a_user("7")]
        found = mapped([agent, holder, somebody(3)], users)
        assert (Conflict(ConflictKind.EXTENSION_TAKEN, agent, users[0], "u2"),) == found.conflicting

    def test_does_not_give_one_extension_to_two(self) -> None:
        """Neither of them gets it: each is in the other's way."""
        agents = [somebody(1), somebody(2, "bob@example.com")]
        users = [a_user("5"), a_user("5", "bob@example.com")]
        assert (
            Conflict(ConflictKind.EXTENSION_TAKEN, agents[0], users[0], "u2"),
            Conflict(ConflictKind.EXTENSION_TAKEN, agents[1], users[1], "u1"),
        ) == mapped(agents, users).conflicting

    def test_says_of_two_who_share_an_extension_already_that_they_do(self) -> None:
        """The one who is matched is not confirmed in it."""
        agents = [somebody(1, extension_id="5"), somebody(2, "bob@example.com", extension_id="5")]
        found = mapped(agents, [a_user()])
        assert (Conflict(ConflictKind.EXTENSION_TAKEN, agents[0], a_user(), "u2"),) == found.conflicting
        assert ((agents[1],), ()) == (found.unmatched_agents, found.already_linked)

    def test_names_the_same_other_agent_in_whatever_order_they_were_given(self) -> None:
        """The one whose id comes first, of all but the agent in question."""
        agents = [somebody(number, f"{number}@example.com", extension_id="5") for number in (3, 1, 2)]
        for order in (agents, agents[::-1]):
            found = mapped(order, [a_user("5", f"{number}@example.com") for number in (1, 2, 3)])
            assert {"u1": "u2", "u2": "u1", "u3": "u1"} == {
                each.agent.id: each.other_agent_id for each in found.conflicting
            }


class TestAddresses:
    """Addresses are equal but for space around them and the case of ASCII letters."""

    @pytest.mark.parametrize(
        "email",
        ["ADA@EXAMPLE.COM", " ada@example.com", "ada@example.com\r\n", "\t\v\f Ada@Example.Com \t"],
        ids=ascii,
    )
    def test_match_whatever_case_and_space(self, email: str) -> None:
        """On either side."""
        assert mapped([somebody(1, email)], [a_user()]).linked
        assert mapped([somebody(1)], [a_user(email=email)]).linked

    @pytest.mark.parametrize(
        ("one", "other"),
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
    def test_do_not_match_otherwise(self, one: str, other: str) -> None:
        """Whoever registers a lookalike of an address does not get its owner's place."""
        for agent, user in ((somebody(1, one), a_user(email=other)), (somebody(1, other), a_user(email=one))):
            expected = attrs.evolve(NOTHING, unmatched_agents=(agent,), unmatched_users=(user,))
            assert expected == mapped([agent], [user])


class TestArguments:
    """What cannot be mapped is an error that names it; nobody is mapped then."""

    @pytest.mark.parametrize(
        ("agents", "users", "message"),
        [
            (
                [somebody(1), somebody(2, "ada")],
                [],
                "agents[1].email must be an e-mail address or None, got a str without @",
            ),
            (
                [],
                [a_user(email=" ")],
                "ringcentral_users[0].email must be an e-mail address or None, got a str without @",
            ),
            (
                [somebody(1, domain_id="other")],
                [],
                "agents[0].domain_id names another domain",
            ),
            (
                [somebody(1), somebody(2), somebody(1, None)],
                [],
                "agents[2].id is the id of agents[0] too",
            ),
            ([somebody(1), None], [], "agents[1] must be an Agent, got None"),
            ([a_user()], [], "agents[0] must be an Agent, got a RingCentralUser"),
            ([], [somebody(1)], "ringcentral_users[0] must be a RingCentralUser, got an Agent"),
            ("ada", [], "agents must be a collection of Agents, got a str"),
            (somebody(1), [], "agents must be a collection of Agents, got an Agent"),
            ({"u1": somebody(1)}, [], "agents must be a collection of Agents, got a dict"),
            ([], None, "ringcentral_users must be a collection of RingCentralUsers, got None"),
        ],
        ids=str,
    )
    def test_that_cannot_be_read_are_refused(self, agents: Any, users: Any, message: str) -> None:
        """The address itself stays out of it."""
        with pytest.raises(InvalidValueError) as caught:
            mapped(agents, users)
        assert message == str(caught.value)

    def test_may_be_read_only_once(self) -> None:
        """Hosts stream them from an export."""
        found = map_imported_users(iter([somebody(1)]), iter((a_user(),)), domain=DOMAIN)
        assert ["u1"] == [agent.id for agent in found.linked]

    def test_need_a_domain_with_an_account(self) -> None:
        """Users are imported from the account that the domain is associated with."""
        with pytest.raises(
            InvalidValueError,
            match=r"^domain\.ringcentral_account_id is None: associate the domain with a RingCentral account",
        ):
            map_imported_users([], [], domain=a_domain(ringcentral_account_id=None))
        stranger: Any = "acme"
        with pytest.raises(InvalidValueError, match=r"^domain must be a Domain, got a str$"):
            map_imported_users([], [], domain=stranger)


MANY: Final = 20_000
#: Who all have the same thing: the agents' address and extension, and the users', by number.
CROWDS: Final[dict[str, list[Callable[[int], str | None]]]] = {
    "one address": [lambda _: "ada@example.com", lambda _: None, lambda _: "ada@example.com", str],
    "one extension to get": [lambda n: f"{n}@example.com", lambda _: None, lambda n: f"{n}@example.com", lambda _: "5"],
    "one extension held": [lambda n: f"{n}@example.com", lambda _: "5", lambda n: f"{n}@example.com", lambda _: "5"],
}


class TestCrowds:
    """No input makes it take longer than any other of its size."""

    @pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
    def test_take_no_longer_than_anybody_else(self, crowd: list[Callable[[int], Any]]) -> None:
        """Comparing each with each would be 400 million comparisons."""
        email, held, address, extension = crowd
        like, user = an_agent(), a_ringcentral_user()
        agents = [
            attrs.evolve(
                like,
                id=f"u{number}",
                email=email(number),
                ringcentral=None if held(number) is None else attrs.evolve(user, extension_id=held(number)),
            )
            for number in range(MANY)
        ]
        users = [attrs.evolve(user, email=address(number), extension_id=extension(number)) for number in range(MANY)]
        start = time.process_time()
        found = mapped(agents, users)
        assert time.process_time() - start < 5
        placed = [*found.conflicting, *(agent for each in found.ambiguous for agent in each.agents)]
        assert len(placed) == MANY


OUTCOMES: Final = [
    link_ringcentral(an_editor(), an_agent(), a_ringcentral_user(account_id="777"), directory=a_directory(an_agent())),
    link_ringcentral(an_editor(), an_agent(), a_ringcentral_user(), directory=a_directory(an_agent())),
    mapped([somebody(1)], [a_user("664307016")]),
    mapped([somebody(1), somebody(2)], [a_user("664307016")]),
    mapped([somebody(1)], [a_user("664307016", account="777")]),
    mapped([somebody(1, "eve@example.com")], [a_user("664307016")]),
]


class TestOutcomes:
    """What comes of it can be kept, compared, sent and logged."""

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_survive_pickles_and_copies(self, outcome: Any) -> None:
        """A worker process sends it back."""
        for same in (copy.copy(outcome), copy.deepcopy(outcome), pickle.loads(pickle.dumps(outcome))):
            assert outcome == same
            assert hash(outcome) == hash(same)

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    @pytest.mark.parametrize("secret", ["@example.com", "664307016", "664287016", "777"])
    def test_show_no_address_and_no_id_of_ringcentral(self, outcome: Any, secret: str) -> None:
        """Neither their repr nor the explanation of a decision; both end up in logs."""
        assert secret not in repr(outcome)
        if isinstance(outcome, RingCentralLink):
            assert secret not in outcome.decision.explain()

    def test_say_what_is_in_the_way_in_words(self) -> None:
        """The ids that differ are shown to who asks for them by name."""
        decision = OUTCOMES[0].decision if isinstance(OUTCOMES[0], RingCentralLink) else None
        assert decision is not None
        explained = decision.explain(reveal=True).splitlines()
        assert (
            "- extension_in_account (unmet): The extension must be in the RingCentral account of the domain, if its "
            "account is known. Required: account_told is false or ringcentral_user.account_id equals "
            "domain.ringcentral_account_id. Seen: account_told = true; ringcentral_user.account_id = another value."
        ) == explained[1]
        assert [
            "    ringcentral_user.account_id = '777'",
            f"    domain.ringcentral_account_id = '{ACCOUNT}'",
        ] == explained[2:4]


class TestRules:
    """Every rule tells administrators, agents and whoever mends it what they need."""

    def test_have_their_own_words_a_remedy_and_a_source(self) -> None:
        """The words made from a condition are for rules that nobody has put into words."""
        for rule in LINK_RINGCENTRAL.rules:
            assert rule.remedy is not None
            assert rule.source is not None
            assert not rule.explanation.startswith("Requires that")
            assert not rule.agent_text.startswith("This needs to hold first")
