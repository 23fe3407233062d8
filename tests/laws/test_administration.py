"""What always holds of administration, whoever changes what in whatever order; each class is named after its law."""

import string
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    Domain,
    EscalationRequest,
    Permission,
    RingCentralUser,
    Role,
    VideoAccess,
)
from escalation_policy.administration import (
    Directory,
    ImportMapping,
    assign_role,
    audit,
    checklist,
    create_role,
    edit_role,
    link_ringcentral,
    map_imported_users,
)
from escalation_policy.exceptions import InvalidPayloadError
from escalation_policy.testing import a_domain, a_role, an_agent
from escalation_policy.testing.strategies import requests

#: A shared machine is slow at times, which says nothing about a law.
UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
COBROWSING: Final = Permission.USE_COBROWSING
#: Few enough that roles often hold the same, and all that the rules ask for.
HELD: Final = st.frozensets(
    st.sampled_from(
        [
            *(Permission.MANAGE_ROLES, Permission.UPDATE_USER, Permission.MANAGE_USERS_OF_MY_TEAMS),
            *(Permission.ESCALATE_TO_VIDEO, COBROWSING, Permission.USE_EMOJI),
        ]
    )
)
NEW: Final = st.frozensets(st.sampled_from(["fly", "swim"]), max_size=1)
TEAMS: Final = st.frozensets(st.sampled_from(["t1", "t2"]))
IDS: Final = st.sampled_from(["1", "2", "3"])
ROLE_IDS: Final = IDS | st.just("new")
EDITS: Final = st.tuples(st.just("edit"), ROLE_IDS, HELD, HELD, st.booleans())
CREATIONS: Final = st.tuples(st.just("create"), HELD)
ASSIGNMENTS: Final = st.tuples(st.just("assign"), IDS, ROLE_IDS)


def held_by(role: Role) -> frozenset[str]:
    """Lists all that a role holds, flags of a newer API too."""
    return role.permissions | role.unknown_permissions


class World:
    """A domain's roles and agents, as one editor, the agent 1, changes them."""

    def __init__(self, roles: Iterable[Role], agents: Iterable[tuple[str, frozenset[str]]]) -> None:
        self.roles = {role.id: role for role in roles}
        self.agents = {
            str(number): an_agent(id=str(number), role=self.roles[role_id], team_ids=teams, led_team_ids=teams)
            for number, (role_id, teams) in enumerate(agents, 1)
        }

    @property
    def editor(self) -> Agent:
        """The editor as they are now."""
        return self.agents["1"]

    def act(self, action: tuple[Any, ...]) -> None:
        """Tries one change, looks at what comes of it, and keeps that; agents' copies of a role are refreshed."""
        kind, *rest = action
        if kind == "create" or rest[0 if kind == "edit" else 1] in self.roles:
            getattr(self, kind)(*rest)

    def edit(self, role_id: str, grant: frozenset[Permission], revoke: frozenset[Permission], excepted: bool) -> None:  # noqa: FBT001
        """Edits a role, under the exception for deactivated features or not."""
        before, mine = self.roles[role_id], held_by(self.editor.role)
        deactivated = [COBROWSING] if excepted else []
        outcome = edit_role(self.editor, before, grant=grant - revoke, revoke=revoke, deactivated=deactivated)
        there_before = held_by(before) & {*deactivated}
        assert not outcome.decision or held_by(outcome.role) <= mine | there_before
        assert outcome.decision or outcome.role == before
        assert held_by(outcome.saved_by_api) - held_by(before) <= mine
        for saved in (outcome.role, outcome.saved_by_api):
            assert saved.unknown_permissions == before.unknown_permissions
        self.roles[role_id] = outcome.role
        holders = [agent for agent in self.agents.values() if agent.role.id == role_id]
        self.agents |= {agent.id: attrs.evolve(agent, role=outcome.role) for agent in holders}

    def create(self, permissions: frozenset[Permission]) -> None:
        """Creates a role; only the first one is kept."""
        role = create_role(self.editor, id="new", label="New", permissions=permissions).role
        assert role is None or held_by(role) <= held_by(self.editor.role)
        if role is not None:
            self.roles.setdefault("new", role)

    def assign(self, agent_id: str, role_id: str) -> None:
        """Assigns a role."""
        agent, role = self.agents[agent_id], self.roles[role_id]
        mine, outcome = held_by(self.editor.role), assign_role(self.editor, agent, role)
        assert not outcome.decision or held_by(agent.role) | held_by(outcome.agent.role) <= mine
        assert outcome.decision or outcome.agent == agent
        self.agents[agent_id] = outcome.agent


ROLES: Final = st.tuples(
    *(st.builds(a_role, id=st.just(number), permissions=HELD, unknown_permissions=NEW) for number in "123")
)
WORLDS: Final = st.builds(World, ROLES, st.lists(st.tuples(IDS, TEAMS), min_size=3, max_size=3))


class TestNobodyGivesWhatTheyLack:
    """No sequence of changes by one editor ends in more than that editor had."""

    @UNHURRIED
    @given(WORLDS, st.lists(EDITS | CREATIONS | ASSIGNMENTS, max_size=12))
    def test_whatever_they_do_and_in_whatever_order(self, world: World, actions: list[tuple[Any, ...]]) -> None:
        """No role and no agent gains anything that the editor did not hold when they began, unknown flags included."""
        mine, roles = held_by(world.editor.role), dict(world.roles)
        agents = {agent.id: held_by(agent.role) for agent in world.agents.values()}
        for action in actions:
            world.act(action)
        for role in world.roles.values():
            before = held_by(roles[role.id]) if role.id in roles else frozenset[str]()
            assert held_by(role) - before <= mine
        for agent in world.agents.values():
            assert held_by(agent.role) - agents[agent.id] <= mine

    @UNHURRIED
    @given(WORLDS, st.lists(EDITS | CREATIONS | ASSIGNMENTS, max_size=12))
    def test_also_to_themselves(self, world: World, actions: list[tuple[Any, ...]]) -> None:
        """An editor who is refreshed after every change never holds more than before it."""
        for action in actions:
            before = held_by(world.editor.role)
            world.act(action)
            assert held_by(world.editor.role) <= before

    @pytest.mark.parametrize("kind", ["edit", "create", "assign"])
    def test_though_they_can_do_what_they_may(self, kind: str) -> None:
        """Otherwise all the above would hold of an editor who can do nothing."""
        everything = frozenset(Permission) - {Permission.MANAGE_USERS_OF_MY_TEAMS}
        roles = [a_role(id="1", permissions=everything), a_role(id="2"), a_role(id="3")]
        world = World(roles, [("1", frozenset()), ("2", frozenset()), ("3", frozenset())])
        actions: dict[str, tuple[Any, ...]] = {
            "edit": ("edit", "2", frozenset({Permission.USE_EMOJI}), frozenset(), False),
            "create": ("create", everything),
            "assign": ("assign", "2", "3"),
        }
        roles_before, agents_before = dict(world.roles), dict(world.agents)
        world.act(actions[kind])
        assert (kind != "assign") is (roles_before != world.roles)
        assert (kind != "create") is (agents_before != world.agents)


ACCOUNT: Final = "664287016"
ADDRESSES: Final = st.sampled_from(
    [
        *("a@x.com", " A@x.com", "a@X.COM\n", "b@x.com", "B@x.com ", "c@x.com", "d@x.com", "k@x.com", None),
        *("\N{KELVIN SIGN}@x.com", "a+b@x.com", "\N{NO-BREAK SPACE}a@x.com"),
    ]
)
USERS: Final = st.builds(
    RingCentralUser,
    extension_id=st.sampled_from("12345"),
    account_id=st.sampled_from([ACCOUNT, ACCOUNT, None, "1"]),
    email=ADDRESSES,
    video=st.sampled_from(VideoAccess),
)


def numbered(people: list[tuple[str | None, RingCentralUser | None]]) -> list[Agent]:
    """Makes agents with addresses, and with extensions or without."""
    return [an_agent(id=f"u{number}", email=email, ringcentral=held) for number, (email, held) in enumerate(people, 1)]


#: With namesakes and without: where there are many of them, hardly anybody is linked.
PEOPLE: Final = st.tuples(ADDRESSES, st.none() | USERS)
AGENTS: Final = (st.lists(PEOPLE, max_size=7) | st.lists(PEOPLE, max_size=7, unique_by=lambda person: person[0])).map(
    numbered
)
IMPORTS: Final = st.tuples(
    AGENTS, st.lists(USERS, max_size=7) | st.lists(USERS, max_size=7, unique_by=lambda user: user.email)
)


def mapped(agents: Iterable[Agent], users: Iterable[RingCentralUser]) -> ImportMapping:
    """Maps within the domain."""
    return map_imported_users(agents, users, domain=a_domain())


def address_of(person: Agent | RingCentralUser) -> str:
    """Writes an address as it is compared, letter by letter; one that is none is like no other."""
    if person.email is None:
        return f"nothing {id(person)}"
    return "".join(each.lower() if each in string.ascii_uppercase else each for each in person.email.strip(" \n"))


def place_of(agent: Agent, agents: list[Agent], users: list[RingCentralUser]) -> str:
    """Says most naively where an agent lands."""
    theirs = [user for user in users if address_of(user) == address_of(agent)]
    if not theirs:
        return "unmatched"
    if len(theirs) > 1 or len([each for each in agents if address_of(each) == address_of(agent)]) > 1:
        return "ambiguous"
    (user,) = theirs
    held = agent.ringcentral
    if held is not None and held.extension_id != user.extension_id:
        return "other_extension"
    for other in agents:
        others = [each for each in users if address_of(each) == address_of(other)]
        namesakes = [each for each in agents if address_of(each) == address_of(other)]
        to_get = others if len(others) == len(namesakes) == 1 else []
        holds = [*to_get, *([] if other.ringcentral is None else [other.ringcentral])]
        if other.id != agent.id and user.extension_id in [each.extension_id for each in holds]:
            return "extension_taken"
    if not {user.account_id, held.account_id if held else None} <= {None, ACCOUNT}:
        return "other_account"
    return "already_linked" if held else "linked"


def placed_agents(found: ImportMapping) -> Counter[tuple[str, str]]:
    """Lists in which place each agent is."""
    return Counter(
        [
            *(("linked", agent.id) for agent in found.linked),
            *(("already_linked", agent.id) for agent in found.already_linked),
            *(("unmatched", agent.id) for agent in found.unmatched_agents),
            *(("ambiguous", agent.id) for each in found.ambiguous for agent in each.agents),
            *((each.kind.value, each.agent.id) for each in found.conflicting),
        ]
    )


def placed_users(found: ImportMapping) -> Counter[tuple[str, str]]:
    """Lists by address and extension every user that is anywhere; of who is linked, as their agent has it."""
    return Counter(
        [
            *((address_of(agent), held.extension_id) for agent in found.linked if (held := agent.ringcentral)),
            *((address_of(agent), held.extension_id) for agent in found.already_linked if (held := agent.ringcentral)),
            *((address_of(user), user.extension_id) for user in found.unmatched_users),
            *((address_of(user), user.extension_id) for each in found.ambiguous for user in each.users),
            *((address_of(each.user), each.user.extension_id) for each in found.conflicting),
        ]
    )


def in_no_order(found: ImportMapping) -> list[Any]:
    """Forgets the order in which a mapping tells what it found."""
    ambiguous = [(Counter(each.agents), Counter(each.users)) for each in found.ambiguous]
    return [
        *(Counter(each) for each in (found.linked, found.already_linked)),
        *(Counter(each) for each in (found.unmatched_agents, found.unmatched_users, found.conflicting)),
        Counter((frozenset(agents.items()), frozenset(users.items())) for agents, users in ambiguous),
    ]


class TestEverybodyHasOnePlace:
    """An import leaves nobody out, and puts nobody in two places."""

    @UNHURRIED
    @given(IMPORTS)
    def test_on_either_side(self, given_people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """Agents stand where a naive reading of the rules puts them, and every user stands somewhere once."""
        agents, users = given_people
        found = mapped(agents, users)
        assert Counter((place_of(agent, agents, users), agent.id) for agent in agents) == placed_agents(found)
        assert Counter((address_of(user), user.extension_id) for user in users) == placed_users(found)

    @UNHURRIED
    @given(IMPORTS, st.randoms(use_true_random=False))
    def test_whatever_order_they_are_given_in(
        self, given_people: tuple[list[Agent], list[RingCentralUser]], random: Any
    ) -> None:
        """The same people in the same places, with the same others named."""
        agents, users = given_people
        shuffled = random.sample(agents, len(agents)), random.sample(users, len(users))
        assert in_no_order(mapped(agents, users)) == in_no_order(mapped(*shuffled))

    @UNHURRIED
    @given(IMPORTS)
    def test_also_when_they_are_imported_again(self, given_people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """Linking twice changes nothing: who was linked is linked already, and all others stay where they were."""
        agents, users = given_people
        once = mapped(agents, users)
        new = {agent.id: agent for agent in (*once.linked, *once.already_linked)}
        twice = mapped([new.get(agent.id, agent) for agent in agents], users)
        assert twice.linked == ()
        assert Counter(new.values()) == Counter(twice.already_linked)
        expected = attrs.evolve(once, linked=(), already_linked=twice.already_linked)
        assert in_no_order(expected) == in_no_order(twice)

    @UNHURRIED
    @given(IMPORTS)
    def test_and_no_two_the_same_extension(self, given_people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """Whoever is linked now has an extension of the account, or of nobody knows which, that nobody else has."""
        agents, users = given_people
        found = mapped(agents, users)
        linked = [agent.ringcentral for agent in found.linked if agent.ringcentral]
        others = [agent.ringcentral for agent in agents if agent.ringcentral]
        extensions = [user.extension_id for user in linked]
        assert len(set(extensions)) == len(extensions)
        assert not {*extensions} & {user.extension_id for user in others}
        assert {user.account_id for user in linked} <= {None, ACCOUNT}


#: Somebody with every permission and no team to keep to.
ADMIN: Final = an_agent(
    id="admin",
    role=a_role(id="admin", permissions=frozenset(Permission) - {Permission.MANAGE_USERS_OF_MY_TEAMS}),
    ringcentral=None,
)
Situation = tuple[Domain, Agent]


def with_permission(domain: Domain, agent: Agent) -> Situation:
    """Makes a custom role and assigns it, or edits the present one where the administrator may not take it away."""
    made = create_role(ADMIN, id="video", label="Video", permissions=[Permission.ESCALATE_TO_VIDEO])
    assert made.role is not None
    assigned = assign_role(ADMIN, agent, made.role)
    if assigned.decision:
        return domain, assigned.agent
    return domain, attrs.evolve(agent, role=agent.role.grant(Permission.ESCALATE_TO_VIDEO))


def with_extension(domain: Domain, agent: Agent) -> Situation:
    """Enters the RingCentral ID of an extension in the agent's profile; nobody has told yet what it can."""
    directory = Directory(domain=domain, roles=[agent.role], agents=[agent])
    user = RingCentralUser(extension_id="5")
    return domain, link_ringcentral(ADMIN, agent, user, directory=directory).agent


def with_user(domain: Domain, agent: Agent, **changes: Any) -> Situation:
    """Changes something in the RingCentral account."""
    assert agent.ringcentral is not None
    return domain, attrs.evolve(agent, ringcentral=attrs.evolve(agent.ringcentral, **changes))


#: What whoever follows the steps of each code does.
FOLLOWED: Final[dict[str, Callable[[Domain, Agent], Situation]]] = {
    "domain_linked": lambda domain, agent: (attrs.evolve(domain, ringcentral_account_id=ACCOUNT), agent),
    "agent_enabled": lambda domain, agent: (domain, attrs.evolve(agent, enabled=True)),
    "agent_in_domain": lambda domain, agent: (domain, attrs.evolve(agent, domain_id=domain.id)),
    "role_in_domain": lambda domain, agent: (
        domain,
        attrs.evolve(agent, role=attrs.evolve(agent.role, domain_id=domain.id)),
    ),
    "role_permits": with_permission,
    "extension_linked": with_extension,
    "extension_in_account": lambda domain, agent: with_user(domain, agent, account_id=domain.ringcentral_account_id),
    "video_access": lambda domain, agent: with_user(domain, agent, video=VideoAccess.GRANTED),
}


def follow(domain: Domain, agent: Agent) -> tuple[Situation, list[str]]:
    """Takes the first open step that waits for nothing, again and again, and says which were taken."""
    taken: list[str] = []
    for _ in FOLLOWED:
        told = checklist(domain, agent)
        if told.ready:
            break
        code = next(step.code for step in told.steps if not step.done and not step.waits_for)
        domain, agent = FOLLOWED[code](domain, agent)
        taken.append(code)
    return (domain, agent), taken


class TestChecklistsLeadSomewhere:
    """Following a checklist's open steps makes every step done."""

    @UNHURRIED
    @given(requests())
    def test_from_anywhere(self, request: EscalationRequest) -> None:
        """Each step is taken once at most, in an order in which none has to wait."""
        domain = attrs.evolve(request.domain, id="acme")
        (domain, agent), taken = follow(domain, request.agent)
        assert checklist(domain, agent).ready
        assert len(set(taken)) == len(taken)

    @UNHURRIED
    @given(requests())
    def test_to_where_only_the_click_decides(self, request: EscalationRequest) -> None:
        """With every step done, the policy denies for what stands under the click, or not at all."""
        (domain, agent), _ = follow(attrs.evolve(request.domain, id="acme"), request.agent)
        decision = ESCALATE_TO_VIDEO.decide(attrs.evolve(request, domain=domain, agent=agent))
        at_the_click = {rule.code for rule in checklist(domain, agent).at_the_click}
        denied_by = {*decision.hidden, *(() if decision else (reason.code for reason in decision.reasons))}
        assert denied_by <= at_the_click

    @UNHURRIED
    @given(requests())
    def test_and_say_what_the_policy_says(self, request: EscalationRequest) -> None:
        """A step is done when no click can be denied by its rule."""
        told = checklist(request.domain, request.agent)
        decision = ESCALATE_TO_VIDEO.decide(request)
        denied_by = {*decision.hidden, *(() if decision else (reason.code for reason in decision.reasons))}
        steps = {step.code: step for step in told.steps}
        assert {code for code, step in steps.items() if not step.done} == denied_by & steps.keys()
        assert {code for code, step in steps.items() if step.waits_for} == {*decision.hidden} & steps.keys()


class TestAuditsAgreeWithChecklists:
    """Who is ready in an audit has every step done, and the others miss what is open."""

    @UNHURRIED
    @given(st.lists(requests(), max_size=4))
    def test_for_everybody(self, drawn: list[EscalationRequest]) -> None:
        """What waits is what is hidden."""
        domain = attrs.evolve(drawn[0].domain if drawn else a_domain(), id="acme")
        agents = [
            attrs.evolve(
                each.agent,
                id=f"u{n}",
                domain_id="acme",
                role=attrs.evolve(each.agent.role, id=f"r{n}", domain_id="acme"),
            )
            for n, each in enumerate(drawn)
        ]
        directory = Directory(domain=domain, roles=[agent.role for agent in agents], agents=agents)
        rows = [*audit(directory).agents()]
        told = [checklist(domain, agent) for agent in agents]
        assert [each.ready for each in told] == [row.ready for row in rows]
        for row, each in zip(rows, told, strict=True):
            steps = [step for step in each.steps if not step.done]
            assert row.missing == tuple(step.code for step in steps if not step.waits_for)
            assert row.hidden == tuple(step.code for step in steps if step.waits_for)
        assert sum(each.ready for each in told) == audit(directory).totals().ready


@st.composite
def cut(draw: st.DrawFn) -> tuple[int, list[dict[str, Any]]]:
    """Draws a list, cut into pages that follow each other or overlap, in any order, some of them twice."""
    count = draw(st.integers(0, 8))
    records = [{"id": number, "type": "viber"} for number in range(count)]
    starts = [0, *sorted(draw(st.sets(st.integers(0, count), max_size=4)))]
    ends = [*starts[1:], count]
    pages = [
        {"count": count, "limit": 8, "offset": start, "records": records[start : end + draw(st.integers(0, 2))]}
        for start, end in zip(starts, ends, strict=True)
    ]
    again = draw(st.lists(st.sampled_from(pages), max_size=2))
    return count, draw(st.permutations([*pages, *again]))


def channel_ids(pages: list[dict[str, Any]]) -> list[str]:
    """Reads pages of sources, and gives their ids."""
    nothing: list[dict[str, Any]] = [{"count": 0, "limit": 8, "offset": 0, "records": []}]
    read = Directory.from_pages(a_domain(), roles=nothing, users=nothing, sources=pages)
    return [channel.id for channel in read.channels]


class TestListsAreWhole:
    """However a list comes in pages, it is read whole or not at all."""

    @UNHURRIED
    @given(cut())
    def test_in_whatever_pages_they_come(self, drawn: tuple[int, list[dict[str, Any]]]) -> None:
        """In the list's own order."""
        count, pages = drawn
        assert [str(number) for number in range(count)] == channel_ids(pages)

    @UNHURRIED
    @given(cut(), st.data())
    def test_or_refused_where_one_is_missing(
        self, drawn: tuple[int, list[dict[str, Any]]], data: st.DataObject
    ) -> None:
        """Unless the others hold all that was on it."""
        count, pages = drawn
        left = list(pages)
        left.remove(data.draw(st.sampled_from(pages)))
        there = {record["id"] for page in left for record in page["records"]}
        if left and len(there) == count:
            assert count == len(channel_ids(left))
        else:
            with pytest.raises(InvalidPayloadError):
                channel_ids(left)
