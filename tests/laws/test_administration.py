"""Laws of administration. They hold for any changes in any order. Each class is named after its law."""

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

#: A shared machine can be slow. That does not break a law.
NO_DEADLINE: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
COBROWSING: Final = Permission.USE_COBROWSING
#: All permissions that the rules read, and few others, so that roles often hold the same ones.
PERMISSIONS: Final = st.frozensets(
    st.sampled_from(
        [
            *(Permission.MANAGE_ROLES, Permission.UPDATE_USER, Permission.MANAGE_USERS_OF_MY_TEAMS),
            *(Permission.ESCALATE_TO_VIDEO, COBROWSING, Permission.USE_EMOJI),
        ]
    )
)
UNKNOWN_PERMISSIONS: Final = st.frozensets(st.sampled_from(["fly", "swim"]), max_size=1)
TEAMS: Final = st.frozensets(st.sampled_from(["t1", "t2"]))
IDS: Final = st.sampled_from(["1", "2", "3"])
ROLE_IDS: Final = IDS | st.just("new")
EDITS: Final = st.tuples(st.just("edit"), ROLE_IDS, PERMISSIONS, PERMISSIONS, st.booleans())
CREATIONS: Final = st.tuples(st.just("create"), PERMISSIONS)
ASSIGNMENTS: Final = st.tuples(st.just("assign"), IDS, ROLE_IDS)


def permissions_of(role: Role) -> frozenset[str]:
    """Return all permissions of a role, with flags of a newer API."""
    return role.permissions | role.unknown_permissions


class World:
    """The roles and agents of a domain. Agent 1 is the editor who changes them."""

    def __init__(self, roles: Iterable[Role], agents: Iterable[tuple[str, frozenset[str]]]) -> None:
        self.roles = {role.id: role for role in roles}
        self.agents = {
            str(number): an_agent(id=str(number), role=self.roles[role_id], team_ids=teams, led_team_ids=teams)
            for number, (role_id, teams) in enumerate(agents, 1)
        }

    @property
    def editor(self) -> Agent:
        """The editor in the present state."""
        return self.agents["1"]

    def act(self, action: tuple[Any, ...]) -> None:
        """Try one change, check the result and store it. The agents' copies of a role are updated."""
        kind, *rest = action
        if kind == "create" or rest[0 if kind == "edit" else 1] in self.roles:
            getattr(self, kind)(*rest)

    def edit(self, role_id: str, grant: frozenset[Permission], revoke: frozenset[Permission], inactive: bool) -> None:  # noqa: FBT001
        """Edit a role, with or without the exception for deactivated features."""
        before, own = self.roles[role_id], permissions_of(self.editor.role)
        deactivated = [COBROWSING] if inactive else []
        outcome = edit_role(self.editor, before, grant=grant - revoke, revoke=revoke, deactivated=deactivated)
        excused = permissions_of(before) & {*deactivated}
        assert not outcome.decision or permissions_of(outcome.role) <= own | excused
        assert outcome.decision or outcome.role == before
        assert permissions_of(outcome.saved_by_api) - permissions_of(before) <= own
        for saved in (outcome.role, outcome.saved_by_api):
            assert saved.unknown_permissions == before.unknown_permissions
        self.roles[role_id] = outcome.role
        holders = [agent for agent in self.agents.values() if agent.role.id == role_id]
        self.agents |= {agent.id: attrs.evolve(agent, role=outcome.role) for agent in holders}

    def create(self, permissions: frozenset[Permission]) -> None:
        """Create a role. Only the first one is stored."""
        role = create_role(self.editor, id="new", label="New", permissions=permissions).role
        assert role is None or permissions_of(role) <= permissions_of(self.editor.role)
        if role is not None:
            self.roles.setdefault("new", role)

    def assign(self, agent_id: str, role_id: str) -> None:
        """Assign a role."""
        agent, role = self.agents[agent_id], self.roles[role_id]
        own, outcome = permissions_of(self.editor.role), assign_role(self.editor, agent, role)
        assert not outcome.decision or permissions_of(agent.role) | permissions_of(outcome.agent.role) <= own
        assert outcome.decision or outcome.agent == agent
        self.agents[agent_id] = outcome.agent


ROLES: Final = st.tuples(
    *(
        st.builds(a_role, id=st.just(number), permissions=PERMISSIONS, unknown_permissions=UNKNOWN_PERMISSIONS)
        for number in "123"
    )
)
WORLDS: Final = st.builds(World, ROLES, st.lists(st.tuples(IDS, TEAMS), min_size=3, max_size=3))


class TestNobodyGrantsMoreThanTheyHold:
    """No sequence of changes by one editor grants more than that editor had at the beginning."""

    @NO_DEADLINE
    @given(WORLDS, st.lists(EDITS | CREATIONS | ASSIGNMENTS, max_size=12))
    def test_in_any_sequence_of_changes(self, world: World, actions: list[tuple[Any, ...]]) -> None:
        """No role and no agent gains another permission, and no unknown flag either."""
        own, roles = permissions_of(world.editor.role), dict(world.roles)
        agents = {agent.id: permissions_of(agent.role) for agent in world.agents.values()}
        for action in actions:
            world.act(action)
        for role in world.roles.values():
            before = permissions_of(roles[role.id]) if role.id in roles else frozenset[str]()
            assert permissions_of(role) - before <= own
        for agent in world.agents.values():
            assert permissions_of(agent.role) - agents[agent.id] <= own

    @NO_DEADLINE
    @given(WORLDS, st.lists(EDITS | CREATIONS | ASSIGNMENTS, max_size=12))
    def test_to_themselves_either(self, world: World, actions: list[tuple[Any, ...]]) -> None:
        """After every change, the editor holds at most the permissions from before it."""
        for action in actions:
            before = permissions_of(world.editor.role)
            world.act(action)
            assert permissions_of(world.editor.role) <= before

    @pytest.mark.parametrize("kind", ["edit", "create", "assign"])
    def test_but_allowed_changes_happen(self, kind: str) -> None:
        """Otherwise these laws would hold for an editor who can change nothing."""
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
    """Make agents with addresses, and with or without extensions."""
    return [an_agent(id=f"u{number}", email=email, ringcentral=user) for number, (email, user) in enumerate(people, 1)]


#: Half of the lists have no duplicate addresses, because otherwise hardly anybody is linked.
PEOPLE: Final = st.tuples(ADDRESSES, st.none() | USERS)
AGENTS: Final = (st.lists(PEOPLE, max_size=7) | st.lists(PEOPLE, max_size=7, unique_by=lambda person: person[0])).map(
    numbered
)
IMPORTS: Final = st.tuples(
    AGENTS, st.lists(USERS, max_size=7) | st.lists(USERS, max_size=7, unique_by=lambda user: user.email)
)


def map_users(agents: Iterable[Agent], users: Iterable[RingCentralUser]) -> ImportMapping:
    """Map users to agents of the domain."""
    return map_imported_users(agents, users, domain=a_domain())


def address_of(person: Agent | RingCentralUser) -> str:
    """Return an address in the form that is compared. A missing address is different from every other."""
    if person.email is None:
        return f"nothing {id(person)}"
    return "".join(c.lower() if c in string.ascii_uppercase else c for c in person.email.strip(" \n"))


def expected_part(agent: Agent, agents: list[Agent], users: list[RingCentralUser]) -> str:
    """Return the part of the result for an agent, by a naive implementation of the rules."""
    matches = [user for user in users if address_of(user) == address_of(agent)]
    if not matches:
        return "unmatched"
    if len(matches) > 1 or len([other for other in agents if address_of(other) == address_of(agent)]) > 1:
        return "ambiguous"
    (user,) = matches
    present = agent.ringcentral
    if present is not None and present.extension_id != user.extension_id:
        return "other_extension"
    for other in agents:
        other_matches = [user for user in users if address_of(user) == address_of(other)]
        namesakes = [agent for agent in agents if address_of(agent) == address_of(other)]
        new = other_matches if len(other_matches) == len(namesakes) == 1 else []
        extensions = [*new, *([] if other.ringcentral is None else [other.ringcentral])]
        if other.id != agent.id and user.extension_id in [extension.extension_id for extension in extensions]:
            return "extension_taken"
    if not {user.account_id, present.account_id if present else None} <= {None, ACCOUNT}:
        return "other_account"
    return "already_linked" if present else "linked"


def agents_by_part(mapping: ImportMapping) -> Counter[tuple[str, str]]:
    """Return the part of the result for each agent."""
    return Counter(
        [
            *(("linked", agent.id) for agent in mapping.linked),
            *(("already_linked", agent.id) for agent in mapping.already_linked),
            *(("unmatched", agent.id) for agent in mapping.unmatched_agents),
            *(("ambiguous", agent.id) for group in mapping.ambiguous for agent in group.agents),
            *((conflict.kind.value, conflict.agent.id) for conflict in mapping.conflicting),
        ]
    )


def users_by_address(mapping: ImportMapping) -> Counter[tuple[str, str]]:
    """Return address and extension of every user in the result. Linked users are those of their agents."""
    return Counter(
        [
            *((address_of(agent), user.extension_id) for agent in mapping.linked if (user := agent.ringcentral)),
            *(
                (address_of(agent), user.extension_id)
                for agent in mapping.already_linked
                if (user := agent.ringcentral)
            ),
            *((address_of(user), user.extension_id) for user in mapping.unmatched_users),
            *((address_of(user), user.extension_id) for group in mapping.ambiguous for user in group.users),
            *((address_of(conflict.user), conflict.user.extension_id) for conflict in mapping.conflicting),
        ]
    )


def without_order(mapping: ImportMapping) -> list[Any]:
    """Return the parts of a mapping in a form that compares without order."""
    ambiguous = [(Counter(group.agents), Counter(group.users)) for group in mapping.ambiguous]
    return [
        *(Counter(part) for part in (mapping.linked, mapping.already_linked)),
        *(Counter(part) for part in (mapping.unmatched_agents, mapping.unmatched_users, mapping.conflicting)),
        Counter((frozenset(agents.items()), frozenset(users.items())) for agents, users in ambiguous),
    ]


class TestEverybodyIsInOnePart:
    """An import leaves nobody out, and has nobody twice."""

    @NO_DEADLINE
    @given(IMPORTS)
    def test_for_agents_and_users(self, people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """The parts of agents are those of a naive implementation, and every user is there once."""
        agents, users = people
        mapping = map_users(agents, users)
        assert Counter((expected_part(agent, agents, users), agent.id) for agent in agents) == agents_by_part(mapping)
        assert Counter((address_of(user), user.extension_id) for user in users) == users_by_address(mapping)

    @NO_DEADLINE
    @given(IMPORTS, st.randoms(use_true_random=False))
    def test_in_any_order(self, people: tuple[list[Agent], list[RingCentralUser]], random: Any) -> None:
        """The parts and the conflicts are the same for every order of agents and users."""
        agents, users = people
        shuffled = random.sample(agents, len(agents)), random.sample(users, len(users))
        assert without_order(map_users(agents, users)) == without_order(map_users(*shuffled))

    @NO_DEADLINE
    @given(IMPORTS)
    def test_in_a_second_import_too(self, people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """The linked agents are then already linked, and all others are in the same part."""
        agents, users = people
        once = map_users(agents, users)
        new = {agent.id: agent for agent in (*once.linked, *once.already_linked)}
        twice = map_users([new.get(agent.id, agent) for agent in agents], users)
        assert twice.linked == ()
        assert Counter(new.values()) == Counter(twice.already_linked)
        expected = attrs.evolve(once, linked=(), already_linked=twice.already_linked)
        assert without_order(expected) == without_order(twice)

    @NO_DEADLINE
    @given(IMPORTS)
    def test_and_no_extension_is_linked_twice(self, people: tuple[list[Agent], list[RingCentralUser]]) -> None:
        """A new extension belongs to no other agent, and to the domain's account or an unknown one."""
        agents, users = people
        mapping = map_users(agents, users)
        linked = [agent.ringcentral for agent in mapping.linked if agent.ringcentral]
        others = [agent.ringcentral for agent in agents if agent.ringcentral]
        extensions = [user.extension_id for user in linked]
        assert len(set(extensions)) == len(extensions)
        assert not {*extensions} & {user.extension_id for user in others}
        assert {user.account_id for user in linked} <= {None, ACCOUNT}


#: An administrator with every permission, who is not restricted to teams.
ADMIN: Final = an_agent(
    id="admin",
    role=a_role(id="admin", permissions=frozenset(Permission) - {Permission.MANAGE_USERS_OF_MY_TEAMS}),
    ringcentral=None,
)
State = tuple[Domain, Agent]


def with_permission(domain: Domain, agent: Agent) -> State:
    """Assign a new role with the permission, or if the present role may not be taken away, edit that one."""
    creation = create_role(ADMIN, id="video", label="Video", permissions=[Permission.ESCALATE_TO_VIDEO])
    assert creation.role is not None
    assignment = assign_role(ADMIN, agent, creation.role)
    if assignment.decision:
        return domain, assignment.agent
    return domain, attrs.evolve(agent, role=agent.role.grant(Permission.ESCALATE_TO_VIDEO))


def with_extension(domain: Domain, agent: Agent) -> State:
    """Enter a RingCentral ID in the agent's profile. Account and video access of the extension are unknown."""
    directory = Directory(domain=domain, roles=[agent.role], agents=[agent])
    user = RingCentralUser(extension_id="5")
    return domain, link_ringcentral(ADMIN, agent, user, directory=directory).agent


def with_user(domain: Domain, agent: Agent, **changes: Any) -> State:
    """Change the agent's extension in the RingCentral account."""
    assert agent.ringcentral is not None
    return domain, attrs.evolve(agent, ringcentral=attrs.evolve(agent.ringcentral, **changes))


#: The change that the steps of each code ask for.
CHANGES: Final[dict[str, Callable[[Domain, Agent], State]]] = {
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


def follow(domain: Domain, agent: Agent) -> tuple[State, list[str]]:
    """Do the first open step that does not wait until none is left. Return the state and the codes of the steps."""
    codes: list[str] = []
    for _ in CHANGES:
        steps = checklist(domain, agent)
        if steps.ready:
            break
        code = next(step.code for step in steps.steps if not step.done and not step.waits_for)
        domain, agent = CHANGES[code](domain, agent)
        codes.append(code)
    return (domain, agent), codes


class TestChecklistsCanBeCompleted:
    """The open steps of a checklist make an agent ready."""

    @NO_DEADLINE
    @given(requests())
    def test_from_any_state(self, request: EscalationRequest) -> None:
        """Each step is done at most once, in an order in which none has to wait."""
        domain = attrs.evolve(request.domain, id="acme")
        (domain, agent), codes = follow(domain, request.agent)
        assert checklist(domain, agent).ready
        assert len(set(codes)) == len(codes)

    @NO_DEADLINE
    @given(requests())
    def test_until_only_the_click_decides(self, request: EscalationRequest) -> None:
        """If every step is done, only the rules of the click can deny."""
        (domain, agent), _ = follow(attrs.evolve(request.domain, id="acme"), request.agent)
        decision = ESCALATE_TO_VIDEO.decide(attrs.evolve(request, domain=domain, agent=agent))
        at_the_click = {rule.code for rule in checklist(domain, agent).at_the_click}
        denied_by = {*decision.hidden, *(() if decision else (reason.code for reason in decision.reasons))}
        assert denied_by <= at_the_click

    @NO_DEADLINE
    @given(requests())
    def test_and_agree_with_the_policy(self, request: EscalationRequest) -> None:
        """The open steps are the rules of the setup that deny the request."""
        steps_of_agent = checklist(request.domain, request.agent).steps
        decision = ESCALATE_TO_VIDEO.decide(request)
        denied_by = {*decision.hidden, *(() if decision else (reason.code for reason in decision.reasons))}
        steps = {step.code: step for step in steps_of_agent}
        assert {code for code, step in steps.items() if not step.done} == denied_by & steps.keys()
        assert {code for code, step in steps.items() if step.waits_for} == {*decision.hidden} & steps.keys()


class TestAuditsAgreeWithChecklists:
    """Agents who are ready in an audit have no open step, and the others lack the open steps."""

    @NO_DEADLINE
    @given(st.lists(requests(), max_size=4))
    def test_for_every_agent(self, drawn: list[EscalationRequest]) -> None:
        """Steps that wait are hidden codes."""
        domain = attrs.evolve(drawn[0].domain if drawn else a_domain(), id="acme")
        agents = [
            attrs.evolve(
                item.agent,
                id=f"u{n}",
                domain_id="acme",
                role=attrs.evolve(item.agent.role, id=f"r{n}", domain_id="acme"),
            )
            for n, item in enumerate(drawn)
        ]
        directory = Directory(domain=domain, roles=[agent.role for agent in agents], agents=agents)
        rows = [*audit(directory).agents()]
        checklists = [checklist(domain, agent) for agent in agents]
        assert [item.ready for item in checklists] == [row.ready for row in rows]
        for row, item in zip(rows, checklists, strict=True):
            steps = [step for step in item.steps if not step.done]
            assert row.missing == tuple(step.code for step in steps if not step.waits_for)
            assert row.hidden == tuple(step.code for step in steps if step.waits_for)
        assert sum(item.ready for item in checklists) == audit(directory).totals().ready


@st.composite
def page_lists(draw: st.DrawFn) -> tuple[int, list[dict[str, Any]]]:
    """Draw the length of a list and its pages. They can overlap, be in any order, and be there twice."""
    count = draw(st.integers(0, 8))
    records = [{"id": number, "type": "viber"} for number in range(count)]
    starts = [0, *sorted(draw(st.sets(st.integers(0, count), max_size=4)))]
    ends = [*starts[1:], count]
    pages = [
        {"count": count, "limit": 8, "offset": start, "records": records[start : end + draw(st.integers(0, 2))]}
        for start, end in zip(starts, ends, strict=True)
    ]
    duplicates = draw(st.lists(st.sampled_from(pages), max_size=2))
    return count, draw(st.permutations([*pages, *duplicates]))


def channel_ids(pages: list[dict[str, Any]]) -> list[str]:
    """Read pages of sources and return the ids of the channels."""
    empty: list[dict[str, Any]] = [{"count": 0, "limit": 8, "offset": 0, "records": []}]
    directory = Directory.from_pages(a_domain(), roles=empty, users=empty, sources=pages)
    return [channel.id for channel in directory.channels]


class TestListsAreComplete:
    """A list is read completely or rejected."""

    @NO_DEADLINE
    @given(page_lists())
    def test_in_any_division_into_pages(self, drawn: tuple[int, list[dict[str, Any]]]) -> None:
        """The order is that of the list."""
        count, pages = drawn
        assert [str(number) for number in range(count)] == channel_ids(pages)

    @NO_DEADLINE
    @given(page_lists(), st.data())
    def test_or_rejected_if_a_page_is_missing(
        self, drawn: tuple[int, list[dict[str, Any]]], data: st.DataObject
    ) -> None:
        """It is accepted if the other pages have all its records."""
        count, pages = drawn
        others = list(pages)
        others.remove(data.draw(st.sampled_from(pages)))
        ids = {record["id"] for page in others for record in page["records"]}
        if others and len(ids) == count:
            assert count == len(channel_ids(others))
        else:
            with pytest.raises(InvalidPayloadError):
                channel_ids(others)
