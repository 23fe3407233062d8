"""RingCentral IDs of agents: entered in one profile, or mapped by e-mail address for imported users."""

from collections.abc import Iterable
from enum import StrEnum, unique
from heapq import nsmallest
from typing import TypeVar, final

import attrs

from .._engine.decision import Decision
from .._enums import VideoAccess
from .._fields import check_types, require
from .._values import Agent, Domain, RingCentralUser
from ..exceptions import Fault, InvalidValueError
from ._directory import Directory, check_agent_copies, check_role_copies, comparable_address, list_of
from ._policies import LINK_RINGCENTRAL, ExtensionEntry, leads

T = TypeVar("T", Agent, RingCentralUser)


@final
@attrs.frozen(kw_only=True)
class RingCentralLink:
    """The result of `link_ringcentral()`.

    Attributes:
        agent: The agent with the extension. If it may not be entered, the unchanged agent.
    """

    decision: Decision[ExtensionEntry]
    agent: Agent


def link_ringcentral(
    editor: Agent, agent: Agent, ringcentral_user: RingCentralUser, *, directory: Directory
) -> RingCentralLink:
    """Decide whether an editor may enter a RingCentral ID in an agent's profile, and enter it.

    Args:
        editor: The agent who would save it.
        agent: The agent with the profile. If the directory does not have the agent, the agent is a new one.
        ringcentral_user: The extension. Its account may be unknown, because the profile does not ask for it. If the agent has
            this extension already, values that are unknown here are kept.
        directory: The domain, with all agents who could have the extension.

    Raises:
        InvalidValueError: An argument has another type, or the directory has other copies of the editor, the agent or their
            roles.
    """
    check_types(Agent, editor=editor, agent=agent)
    check_types(RingCentralUser, ringcentral_user=ringcentral_user)
    check_types(Directory, directory=directory)
    for name, person in (("editor", editor), ("agent", agent)):
        check_agent_copies(name, person, [agent, *directory.agents])
        check_role_copies(f"{name}.role", person.role, agent.role, *directory.roles)
    user = _completed_user(ringcentral_user, agent.ringcentral)
    others = [other for other in directory.agents if other.id != agent.id]
    request = ExtensionEntry(
        domain=directory.domain,
        editor=editor,
        agent=agent,
        ringcentral_user=user,
        creates_agent=len(others) == len(directory.agents),
        leads_agent=leads(editor, agent),
        account_told=user.account_id is not None,
        taken=any(
            other.ringcentral is not None and other.ringcentral.extension_id == user.extension_id for other in others
        ),
    )
    decision = LINK_RINGCENTRAL.decide(request)
    return RingCentralLink(
        decision=decision, agent=attrs.evolve(agent, ringcentral=user) if decision.allowed else agent
    )


@final
@unique
class ConflictKind(StrEnum):
    """Why an agent and a user of RingCentral with the same e-mail address are not linked."""

    OTHER_EXTENSION = "other_extension"
    EXTENSION_TAKEN = "extension_taken"
    OTHER_ACCOUNT = "other_account"


@final
@attrs.frozen
class Conflict:
    """An agent and a user of RingCentral with the same e-mail address who cannot be linked.

    Attributes:
        other_agent_id: For `EXTENSION_TAKEN`, another agent who has the extension or would get it too.
    """

    kind: ConflictKind
    agent: Agent
    user: RingCentralUser
    other_agent_id: str | None = None


@final
@attrs.frozen
class Ambiguity:
    """Agents and users of RingCentral with one e-mail address: several agents, several users, or both."""

    agents: tuple[Agent, ...]
    users: tuple[RingCentralUser, ...]


@final
@attrs.frozen(kw_only=True)
class ImportMapping:
    """The result of `map_imported_users()`. Each agent and each user is in exactly one of the parts, in the original order.

    Attributes:
        linked: The agents who get an extension, with the extension.
        already_linked: The agents who have the extension already. If its account was unknown, it is added.
        unmatched_agents: The agents without an e-mail address, or with one that no user has.
        unmatched_users: The users without an e-mail address, or with one that no agent has.
        ambiguous: Addresses that several agents or several users have. Nobody of them is linked.
        conflicting: Pairs with the same address that cannot be linked.
    """

    linked: tuple[Agent, ...]
    already_linked: tuple[Agent, ...]
    unmatched_agents: tuple[Agent, ...]
    unmatched_users: tuple[RingCentralUser, ...]
    ambiguous: tuple[Ambiguity, ...]
    conflicting: tuple[Conflict, ...]


def map_imported_users(
    agents: Iterable[Agent], ringcentral_users: Iterable[RingCentralUser], *, domain: Domain
) -> ImportMapping:
    """Map users who are imported from RingCentral to agents, by e-mail address.

    The comparison of addresses ignores spaces around them and the case of ASCII letters. A user who is listed twice counts as
    two users. The time is linear in the number of agents and users.

    Args:
        agents: The agents of the domain.
        ringcentral_users: The users of RingCentral, with their addresses.
        domain: The domain. It must be associated with a RingCentral account before users can be imported.

    Raises:
        InvalidValueError: An address has no `@`, an agent belongs to another domain or is listed twice, or the domain is not
            associated with an account.
    """
    check_types(Domain, domain=domain)
    if domain.ringcentral_account_id is None:
        problem = "is None: associate the domain with a RingCentral account before users are imported"
        raise InvalidValueError(
            Fault("domain.ringcentral_account_id", problem, found="None", accepted="an account's id")
        )
    agent_list = _with_valid_addresses(Agent, "agents", agents)
    users = _with_valid_addresses(RingCentralUser, "ringcentral_users", ringcentral_users)
    _check_domain_and_ids(agent_list, domain)
    agents_by_address, users_by_address = _by_address(agent_list), _by_address(users)
    shared = agents_by_address.keys() & users_by_address.keys()
    groups = [(group, users_by_address[address]) for address, group in agents_by_address.items() if address in shared]
    pairs = [(group[0], others[0]) for group, others in groups if len(group) == len(others) == 1]
    # The agents who have each extension, or would get it.
    holders: dict[str, set[str]] = {}
    for agent in agent_list:
        if agent.ringcentral is not None:
            holders.setdefault(agent.ringcentral.extension_id, set()).add(agent.id)
    for agent, user in pairs:
        holders.setdefault(user.extension_id, set()).add(agent.id)
    # The first two are enough to name one besides the agent. Sorted, so that the order of the agents does not matter.
    first_holders = {extension_id: nsmallest(2, ids) for extension_id, ids in holders.items()}
    conflicts = [
        (agent, user, _conflict(agent, user, domain, first_holders[user.extension_id])) for agent, user in pairs
    ]
    matches = [(agent, user) for agent, user, conflict in conflicts if conflict is None]
    return ImportMapping(
        linked=tuple(attrs.evolve(agent, ringcentral=user) for agent, user in matches if agent.ringcentral is None),
        already_linked=tuple(_with_account(agent, user) for agent, user in matches if agent.ringcentral is not None),
        unmatched_agents=tuple(agent for agent in agent_list if comparable_address(agent) not in shared),
        unmatched_users=tuple(user for user in users if comparable_address(user) not in shared),
        ambiguous=tuple(
            Ambiguity(tuple(group), tuple(others)) for group, others in groups if len(group) + len(others) > 2
        ),
        conflicting=tuple(conflict for _, _, conflict in conflicts if conflict is not None),
    )


def _with_valid_addresses(cls: type[T], name: str, values: Iterable[T]) -> list[T]:
    members = list_of(cls, name, values)
    for number, member in enumerate(members):
        is_valid = member.email is None or "@" in member.email
        require(is_valid, f"{name}[{number}].email", "a str without @", "an e-mail address or None")
    return members


def _check_domain_and_ids(agents: list[Agent], domain: Domain) -> None:
    first: dict[str, int] = {}
    for number, agent in enumerate(agents):
        if agent.domain_id != domain.id:
            raise InvalidValueError(
                Fault(f"agents[{number}].domain_id", "names another domain", accepted="the id of the domain")
            )
        at = first.setdefault(agent.id, number)
        if at != number:
            raise InvalidValueError(
                Fault(f"agents[{number}].id", f"is the id of agents[{at}] too", accepted="an id of its own")
            )


def _by_address(people: Iterable[T]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for person in people:
        address = comparable_address(person)
        if address is not None:
            groups.setdefault(address, []).append(person)
    return groups


def _conflict(agent: Agent, user: RingCentralUser, domain: Domain, holders: Iterable[str]) -> Conflict | None:
    """Return why an agent and a user with the same address cannot be linked, or None if they can."""
    present = agent.ringcentral
    if present is not None and present.extension_id != user.extension_id:
        return Conflict(ConflictKind.OTHER_EXTENSION, agent, user)
    other_id = next((agent_id for agent_id in holders if agent_id != agent.id), None)
    if other_id is not None:
        return Conflict(ConflictKind.EXTENSION_TAKEN, agent, user, other_id)
    accounts = {user.account_id, None if present is None else present.account_id}
    if not accounts <= {None, domain.ringcentral_account_id}:
        return Conflict(ConflictKind.OTHER_ACCOUNT, agent, user)
    return None


def _completed_user(user: RingCentralUser, present: RingCentralUser | None) -> RingCentralUser:
    """Fill in the unknown values of an extension from the agent's present extension, if it is the same one."""
    if present is None or present.extension_id != user.extension_id:
        return user
    return attrs.evolve(
        user,
        account_id=user.account_id or present.account_id,
        video=present.video if user.video is VideoAccess.UNKNOWN else user.video,
        email=user.email or present.email,
    )


def _with_account(agent: Agent, user: RingCentralUser) -> Agent:
    """Fill in the account of the agent's extension, if it is unknown and the user's is known."""
    present = agent.ringcentral
    if present is None or present.account_id is not None or user.account_id is None:
        return agent
    return attrs.evolve(agent, ringcentral=attrs.evolve(present, account_id=user.account_id))
